// Pages about rules: the chosen rule in sight, filters that act at once, and a picture that can be moved.
"use strict";

const chosenRow = document.querySelector(".rule[aria-current]");
if (chosenRow) {
  const list = document.getElementById("rules-list");
  const down = chosenRow.getBoundingClientRect().bottom - list.getBoundingClientRect().top;
  if (down > list.clientHeight) list.scrollTop += down - list.clientHeight / 2;
}
const firstLine = document.querySelector(".lines .its, .lines .wrong");
if (firstLine) {
  const box = firstLine.closest(".source");
  box.scrollTop += firstLine.getBoundingClientRect().top - box.getBoundingClientRect().top - 48;
}

const point = () => {
  for (const caret of document.querySelectorAll(".pointed .caret")) {
    const box = caret.parentElement;
    box.scrollLeft = caret.getBoundingClientRect().right - box.getBoundingClientRect().left + box.scrollLeft - box.clientWidth * 0.8;
  }
};
point();
document.addEventListener("parley:put", point);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
});

// --- the picture: as large as one likes, moved with the pointer, the wheel or the arrow keys ------------------------------------------
const picture = { scale: 1 };

picture.parts = () => {
  const canvas = document.getElementById("canvas");
  const svg = canvas?.querySelector("svg");
  return svg ? { canvas, svg, box: svg.viewBox.baseVal } : undefined;
};

picture.show = (scale) => {
  const found = picture.parts();
  if (!found) return;
  const { canvas, svg, box } = found;
  const [x, y] = [canvas.scrollLeft + canvas.clientWidth / 2, canvas.scrollTop + canvas.clientHeight / 2];
  const next = Math.min(3, Math.max(0.05, scale));
  const by = next / picture.scale;
  picture.scale = next;
  svg.setAttribute("width", Math.round(box.width * next));
  svg.setAttribute("height", Math.round(box.height * next));
  canvas.scrollLeft = x * by - canvas.clientWidth / 2;
  canvas.scrollTop = y * by - canvas.clientHeight / 2;
};

picture.whole = () => {
  const found = picture.parts();
  if (found) picture.show(Math.min(found.canvas.clientWidth / found.box.width, (found.canvas.clientHeight - 8) / found.box.height, 1));
};

picture.acts = {
  in: () => picture.show(picture.scale * 1.25),
  out: () => picture.show(picture.scale / 1.25),
  fit: () => picture.whole(),
  one: () => picture.show(1),
};

picture.begin = () => {
  const found = picture.parts();
  const buttons = document.querySelector(".zoom");
  if (!found || !buttons || !buttons.hidden) return;
  buttons.hidden = false;
  picture.show(Math.max(Math.min(found.canvas.clientWidth / found.box.width, 1), 0.6));
  found.canvas.scrollTop = found.canvas.scrollLeft = 0;
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (button) picture.acts[button.dataset.zoom]();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !site.keysOn() || site.isTyping(event.target) || !picture.parts()) return;
  const act = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "one" }[event.key];
  if (!act) return;
  event.preventDefault();
  picture.acts[act]();
});

document.addEventListener("pointerdown", (event) => {
  const canvas = event.target.closest("#canvas");
  if (!canvas || event.button !== 0 || event.pointerType !== "mouse") return;
  const [x, y, left, top] = [event.clientX, event.clientY, canvas.scrollLeft, canvas.scrollTop];
  let moved = false;
  const move = (to) => {
    moved ||= Math.hypot(to.clientX - x, to.clientY - y) > 4;
    if (!moved) return;
    canvas.classList.add("moving");
    canvas.scrollLeft = left - (to.clientX - x);
    canvas.scrollTop = top - (to.clientY - y);
  };
  const end = () => {
    removeEventListener("pointermove", move);
    canvas.classList.remove("moving");
    if (moved) addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
});
document.addEventListener("dragstart", (event) => { if (event.target.closest("#canvas")) event.preventDefault(); });
document.addEventListener("parley:put", () => picture.begin());
picture.begin();
