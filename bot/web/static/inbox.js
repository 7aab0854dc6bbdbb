// The inbox. Every page and form works without it; it adds: writing without leaving the page, canned texts, a preview while one types.
"use strict";

const inbox = { parsed: (text) => new DOMParser().parseFromString(text, "text/html") };
document.documentElement.dataset.script = "yes";

// --- writing -------------------------------------------------------------------------------------------------------------
inbox.draftName = (form) => `parley-draft-${form.dataset.pen}`;

inbox.restore = () => {
  const form = document.querySelector("form[data-pen]");
  const area = form?.querySelector("textarea[name=text]");
  if (area && !area.value) area.value = sessionStorage.getItem(inbox.draftName(form)) || "";
};

inbox.show = (text) => {
  const made = inbox.parsed(text);
  const composer = made.getElementById("composer");
  if (!composer) { location.reload(); return; }
  document.getElementById("composer").replaceWith(document.adoptNode(composer));
  for (const id of ["head", "timeline", "context", "rows", "filters"]) {
    const part = made.getElementById(id);
    if (part) site.put(id, part.outerHTML);
  }
  const box = document.querySelector("[data-scroll=end]");
  if (box) box.scrollTop = box.scrollHeight;
  document.querySelector("[data-reply]")?.focus();
};

inbox.send = async (form) => {
  if (form.dataset.busy) return; // the second of a double click
  form.dataset.busy = "yes";
  const button = form.querySelector("button.main");
  const words = button.textContent;
  button.textContent = "Sending …";
  form.querySelector(".unsent")?.remove();
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const text = await response.text();
    if (response.ok) sessionStorage.removeItem(inbox.draftName(form));
    inbox.show(text);
  } catch {
    const unsent = document.createElement("p"); // pressed again, the same form counts once, wherever it got to
    unsent.className = "unsent notice bad";
    unsent.setAttribute("role", "alert");
    unsent.textContent = "Not known whether it was sent: the server cannot be reached. Your words are kept; send again, it counts once.";
    button.textContent = words;
    form.append(unsent);
  } finally {
    delete form.dataset.busy;
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.pen || event.submitter?.formMethod === "get") return;
  event.preventDefault();
  inbox.send(form);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("form[data-pen]");
  if (form) { event.preventDefault(); form.requestSubmit(form.querySelector("button.main")); }
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-pen]");
  if (form && event.target.name === "text") sessionStorage.setItem(inbox.draftName(form), event.target.value);
  if (event.target.hasAttribute("data-value")) inbox.previewSoon(form);
});

// --- canned texts --------------------------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-canned]");
  const open = document.querySelector(".canned[open]");
  if (open && !event.target.closest(".canned summary")) open.open = false;
  if (!button) return;
  const area = document.querySelector("form[data-pen] textarea[name=text]");
  const gap = area.value && !/\s$/.test(area.value.slice(0, area.selectionStart)) ? " " : "";
  area.setRangeText(gap + button.dataset.canned, area.selectionStart, area.selectionEnd, "end");
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector(".canned[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); event.stopPropagation(); event.preventDefault(); }
}, true);

// --- templates -----------------------------------------------------------------------------------------------------------
inbox.asked = 0;

inbox.template = async (form, whole) => {
  const turn = ++inbox.asked;
  const values = new URLSearchParams(new FormData(form));
  if (whole) for (const name of [...values.keys()]) if (name.startsWith("value.") && !values.get(name)) values.delete(name);
  values.delete("key");
  const leaving = whole ? [...document.querySelectorAll("#template input, #template select")] : [];
  for (const each of leaving) each.disabled = true; // what one wrote there now would be gone with them
  try {
    const response = await fetch(`${new URL(form.action).pathname.replace(/\/send$/, "/template")}?${values}`);
    if (!response.ok || turn !== inbox.asked) return;
    const id = whole ? "template" : "preview";
    const part = inbox.parsed(await response.text()).getElementById(id);
    if (part && turn === inbox.asked) document.getElementById(id)?.replaceWith(document.adoptNode(part));
  } finally {
    for (const each of leaving) each.disabled = false;
  }
};

inbox.previewSoon = (form) => {
  clearTimeout(inbox.soon);
  inbox.soon = setTimeout(() => inbox.template(form, false), 200);
};

document.addEventListener("change", (event) => {
  if (!event.target.hasAttribute("data-template")) return;
  const name = event.target.name;
  inbox.template(event.target.form, true).then(() => document.querySelector(`form[data-pen] [name=${name}]`)?.focus());
});

// --- why, seen, where the list stood -------------------------------------------------------------------------------------
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  if (!details.dataset?.why || !details.open || details.dataset.has) return;
  const box = details.querySelector(".because");
  const response = await fetch(`${details.dataset.why}?part=1`);
  const part = inbox.parsed(await response.text()).querySelector(".reasons, main [role=alert]");
  if (!part) return;
  details.dataset.has = "yes";
  box.replaceChildren(document.adoptNode(part));
  site.times(box);
}, true);

inbox.look = () => {
  const seen = document.querySelector("[data-seen]")?.dataset.seen; // only who may answer has one
  if (seen && document.visibilityState === "visible") fetch(seen, { method: "POST" }).catch(() => {}); // the next look tells it
};
document.addEventListener("parley:put", (event) => { if (event.target.id === "timeline" && document.querySelector(".line[aria-current].is-unread")) inbox.look(); });
document.addEventListener("visibilitychange", inbox.look);
document.addEventListener("parley:put", (event) => { if (event.target.id === "composer") inbox.restore(); }); // the window closed and opened again

const rows = document.querySelector("[data-list]");
if (rows) {
  const name = `parley-list-${new URLSearchParams(location.search).get("show") || "all"}`;
  rows.scrollTop = Number(sessionStorage.getItem(name)) || 0;
  rows.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  addEventListener("pagehide", () => sessionStorage.setItem(name, String(rows.scrollTop)));
}
inbox.restore();
