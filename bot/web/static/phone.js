// The phone's liveliness: choosing a bubble, sheets, forms without leaving the page, clock and ring. All of it works as links and forms too.
"use strict";

const phone = { source: null, stage: document.getElementById("stage"), device: document.getElementById("device"), paper: document.getElementById("paper") };

// --- what one looks at is in the address -----------------------------------------------------------------------------------
phone.query = () => new URLSearchParams(location.search);

phone.look = (changes) => {
  const query = phone.query();
  for (const [name, value] of Object.entries(changes)) if (value) query.set(name, value); else query.delete(name);
  history.replaceState(null, "", `/phone/?${query}`);
  phone.follow();
};

phone.follow = () => {
  phone.source?.close();
  const query = phone.query();
  if (!query.get("c")) query.set("c", phone.stage.dataset.contact);
  const source = new EventSource(`/phone/live?${query}`);
  const connection = document.getElementById("connection");
  let trouble;
  phone.source = source;
  source.addEventListener("news", (event) => {
    clearTimeout(trouble);
    trouble = undefined;
    connection.hidden = true;
    const { now, fragments } = JSON.parse(event.data);
    site.ahead = new Date(now) - Date.now();
    for (const [id, text] of Object.entries(fragments)) site.put(id, text);
    phone.drawn();
    document.documentElement.dataset.live = "yes";
  });
  source.addEventListener("over", () => { source.close(); location.reload(); });
  source.addEventListener("error", () => {
    if (source !== phone.source) return;
    trouble ??= setTimeout(() => { connection.hidden = false; }, 3000);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (source === phone.source) phone.follow(); }, 5000);
  });
};
addEventListener("pagehide", () => phone.source?.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// After an update: at the end stay at the end, know which tabs have news, and keep time.
phone.drawn = () => {
  for (const link of document.querySelectorAll(".contact a[data-turn]")) {
    const name = `parley-seen ${link.dataset.person}`;
    if (link.hasAttribute("aria-current")) sessionStorage.setItem(name, link.dataset.turn);
    link.querySelector(".news").hidden = Number(sessionStorage.getItem(name) ?? 0) >= Number(link.dataset.turn);
  }
  phone.ring();
  phone.clock();
};

phone.ring = () => {
  for (const ring of document.querySelectorAll("[data-ring]")) {
    const left = Math.min(100, Math.max(0, (new Date(ring.dataset.ring) - site.now()) / 864000));
    ring.setAttribute("stroke-dasharray", `${left.toFixed(1)} 100`);
  }
};

phone.clock = () => {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const parts = Object.fromEntries(phone.words.formatToParts(site.now()).map(({ type, value }) => [type, value]));
    clock.textContent = `${parts.weekday} ${parts.day} ${parts.month} ${parts.hour}:${parts.minute}:${parts.second}`;
  }
};
phone.words = new Intl.DateTimeFormat("en-GB", {
  timeZone: phone.stage.dataset.zone, weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

// --- choosing a bubble -----------------------------------------------------------------------------------------------------
phone.select = (id) => phone.look({ m: id });

phone.step = (by) => {
  const all = [...document.querySelectorAll("[data-bubble]")];
  const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + by))];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
};

phone.paper.addEventListener("click", (event) => {
  if (event.target.closest("form, summary, audio, video, dialog")) return;
  const link = event.target.closest("a");
  if (link && !link.dataset.selects) return;
  const line = event.target.closest("[data-bubble]");
  if (!line || (!link && !event.target.closest(".bubble")) || String(getSelection())) return;
  event.preventDefault();
  phone.select(line.dataset.bubble);
  if (link && innerWidth <= 940) document.getElementById("why").scrollIntoView({ behavior: "smooth" });
});

phone.paper.addEventListener("keydown", (event) => {
  if (event.target !== phone.paper && !event.target.matches("[data-bubble]")) return;
  const line = event.target.closest("[data-bubble]");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (line) phone.step(event.key === "ArrowDown" ? 1 : -1); else [...document.querySelectorAll("[data-bubble]")].pop()?.focus();
  } else if (event.key === "Enter" && line) {
    event.preventDefault();
    phone.select(line.dataset.bubble);
  }
});

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]");
  if (tab && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    phone.look({ tab: tab.dataset.tab === "why" ? "" : tab.dataset.tab });
  }
  for (const open of document.querySelectorAll("details.react[open]")) if (!open.contains(event.target)) open.open = false;
});

// --- sheets ----------------------------------------------------------------------------------------------------------------
phone.show = (sheet) => {
  if (sheet.open) sheet.close();
  phone.place(sheet);
  sheet.showModal();
};

phone.place = (sheet) => {
  const box = phone.device.getBoundingClientRect();
  sheet.classList.add("is-placed");
  sheet.style.left = `${box.left}px`;
  sheet.style.width = `${box.width}px`;
  sheet.style.bottom = `${Math.max(0, innerHeight - box.bottom)}px`;
};
addEventListener("resize", () => { for (const sheet of document.querySelectorAll("dialog.sheet:modal")) phone.place(sheet); });

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    opener.closest("dialog")?.close();
    phone.show(document.getElementById(opener.dataset.opens));
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) { event.preventDefault(); closer.closest("dialog").close(); }
  if (event.target.matches("dialog.sheet")) { // beside what is on it
    const box = event.target.getBoundingClientRect();
    if (event.clientY < box.top || event.clientX < box.left || event.clientX > box.right) event.target.close();
  }
});
document.addEventListener("close", () => { if (phone.query().get("sheet")) phone.look({ sheet: "" }); }, true);
for (const sheet of document.querySelectorAll("dialog.sheet[open]")) phone.show(sheet);

// --- forms that stay on the page -------------------------------------------------------------------------------------------
phone.send = async (form, submitter) => {
  const body = new FormData(form, submitter);
  const goes = form.hasAttribute("data-goes"); // what comes of it is another page
  const response = await fetch(form.action, { method: "POST", body, redirect: goes ? "follow" : "manual" });
  if (goes && response.ok) location.assign(response.url);
  if (response.type === "opaqueredirect" || response.ok) return "";
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.querySelector("[role=alert]")?.textContent ?? `The server answered ${response.status}.`;
};

phone.tell = (sentence, form) => {
  let line = document.getElementById("refused");
  if (form?.closest("dialog")) { // it covers the composer: what is wrong stands in the sheet
    line = form.querySelector("[role=alert]") ?? document.createElement("p");
    if (!line.isConnected) {
      line.className = "bad small";
      line.setAttribute("role", "alert");
      form.append(line);
    }
  }
  line.textContent = sentence;
  line.hidden = !sentence;
};

phone.busy = new WeakSet();
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-acts") || form.id === "composer") return;
  event.preventDefault();
  const speaks = !["/phone/react", "/phone/clock", "/phone/fault"].includes(new URL(form.action).pathname);
  if (phone.busy.has(form)) return; // the second of a double click
  if (speaks) {
    phone.busy.add(form);
    setTimeout(() => phone.busy.delete(form), 700);
  }
  let trouble;
  try { trouble = await phone.send(form, event.submitter); } catch { trouble = "The server cannot be reached; nothing was sent."; }
  phone.tell(trouble, form);
  if (trouble) return;
  form.closest("dialog")?.close();
  const reactions = form.closest("details.react");
  if (reactions) reactions.open = false;
  if (speaks) phone.newest();
});

// Who has just said something wants to see what comes of it.
phone.newest = () => {
  phone.paper.scrollTop = phone.paper.scrollHeight;
  if (phone.query().get("m")) phone.look({ m: "" });
};

const language = document.getElementById("add-language");
language?.addEventListener("change", () => {
  const chosen = language.selectedOptions[0].dataset;
  document.getElementById("add-number").value = chosen.number;
  document.getElementById("add-name").value = chosen.name;
});

// A picture that has loaded is higher than its place: whoever was at the end stays there.
phone.paper.addEventListener("load", (event) => {
  if (phone.paper.scrollHeight - phone.paper.scrollTop - phone.paper.clientHeight < event.target.clientHeight + 80) phone.paper.scrollTop = phone.paper.scrollHeight;
}, true);

document.querySelector(".contact.is-here")?.scrollIntoView({ block: "nearest", inline: "nearest" });
phone.drawn();
setInterval(() => { phone.clock(); phone.ring(); }, 1000);
phone.follow();
