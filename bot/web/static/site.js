// What all pages share. They are whole without it; it adds: parts that stay up to date, times that go on, keys.
"use strict";

const site = { ahead: 0, now: () => new Date(Date.now() + site.ahead) }; // the server's clock, which the demo moves

// --- times ---------------------------------------------------------------------------------------------------------------
site.span = (seconds) => {
  const two = (a, unit, b, smaller) => (b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return two(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "min");
  return two(Math.floor(seconds / 86400), "d", Math.floor((seconds % 86400) / 3600), "h");
};

site.ago = (at) => {
  const past = (site.now() - at) / 1000;
  if (past < 0) return past > -86400 ? `in ${site.span(-past)}` : site.day(at);
  if (past < 60) return "now";
  if (past < 3600) return `${Math.floor(past / 60)} min`;
  if (past < 43200) return `${Math.floor(past / 3600)} h`;
  const two = (number) => String(number).padStart(2, "0");
  if (past < 6 * 86400) return `${site.days[at.getDay()]} ${two(at.getHours())}:${two(at.getMinutes())}`;
  return site.day(at);
};

// As the server spells them, so that no word changes as the page opens; in the zone of whoever looks.
site.days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
site.months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

site.day = (at) => {
  const day = `${at.getDate()} ${site.months[at.getMonth()]}`;
  return at.getFullYear() === site.now().getFullYear() ? day : `${day} ${at.getFullYear()}`;
};

site.tell = (element) => {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const text = element.hasAttribute("data-until") ? site.span(Math.max(0, (at - site.now()) / 1000)) : site.ago(at);
  if (element.textContent !== text) element.textContent = text;
};

site.times = (root = document, which = "time[data-ago], time[data-until]") => {
  for (const element of root.querySelectorAll(which)) site.tell(element);
};

// --- parts that stay up to date ------------------------------------------------------------------------------------------
// What has a data-key is the same thing before and after: it stays where it is, open or focused, unless its words changed. What has
// data-kept belongs to the person, such as a form half written, for as long as that attribute says the same.
site.morph = (before, after) => {
  if (before.isEqualNode(after)) return;
  if (before.nodeType !== after.nodeType || before.nodeName !== after.nodeName) {
    before.replaceWith(after.cloneNode(true));
    return;
  }
  if (before.nodeType !== Node.ELEMENT_NODE) {
    if (before.nodeValue !== after.nodeValue) before.nodeValue = after.nodeValue;
    return;
  }
  if (before.hasAttribute("data-kept") && before.getAttribute("data-kept") === after.getAttribute("data-kept")) return;
  const theirs = (name) => name === "open" && (before.nodeName === "DETAILS" || before.nodeName === "DIALOG");
  for (const { name } of [...before.attributes]) if (!after.hasAttribute(name) && !theirs(name)) before.removeAttribute(name);
  for (const { name, value } of [...after.attributes]) {
    if (before.getAttribute(name) !== value && !theirs(name)) before.setAttribute(name, value);
  }
  site.children(before, after);
};

site.keyOf = (node) => (node && node.nodeType === Node.ELEMENT_NODE && node.dataset ? node.dataset.key : undefined);

site.children = (before, after) => {
  const wantedKeys = new Set([...after.children].map(site.keyOf));
  const keyed = new Map();
  for (const each of [...before.children]) {
    const key = site.keyOf(each);
    if (!key) continue;
    if (wantedKeys.has(key) && !keyed.has(key)) keyed.set(key, each);
    else each.remove(); // first, so that what stays need not be moved past it
  }
  let place = before.firstChild;
  for (const wanted of [...after.childNodes]) {
    const key = site.keyOf(wanted);
    const known = key ? keyed.get(key) : undefined;
    if (known) {
      keyed.delete(key);
      if (known !== place) before.insertBefore(known, place);
      else place = place.nextSibling;
      site.morph(known, wanted);
    } else if (!key && place && place.nodeName === wanted.nodeName && !site.keyOf(place)) {
      const here = place;
      place = place.nextSibling;
      site.morph(here, wanted);
    } else {
      before.insertBefore(wanted.cloneNode(true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
};

site.put = (id, text) => {
  const element = document.getElementById(id);
  if (!element) return;
  const made = document.createElement("template");
  made.innerHTML = text; // made on the server, everything escaped there
  const after = made.content.firstElementChild;
  if (!after) return;
  const focused = document.activeElement;
  const ends = [element.closest("[data-scroll=end]"), ...element.querySelectorAll("[data-scroll=end]")].filter(
    (box) => box && box.scrollHeight - box.scrollTop - box.clientHeight < 48,
  );
  site.morph(element, after);
  const now = document.getElementById(id);
  if (!now) return;
  site.times(now);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true }); // it was moved
  for (const box of ends) box.scrollTop = box.scrollHeight;
  now.dispatchEvent(new CustomEvent("parley:put", { bubbles: true }));
};

// One stream for each part of a page that stays up to date. A page that nobody sees has none: browsers open only six at once.
site.streams = [];
site.isLeaving = false;
addEventListener("beforeunload", () => { site.isLeaving = true; setTimeout(() => { site.isLeaving = false; }, 10000); });

site.live = (url) => {
  const stream = { source: undefined, trouble: undefined, again: undefined };
  const connection = document.getElementById("connection");
  const late = () => { stream.trouble ??= setTimeout(() => { if (connection) connection.hidden = false; }, 3000); };
  const fine = () => {
    clearTimeout(stream.trouble);
    stream.trouble = undefined;
    if (connection) connection.hidden = true;
  };

  stream.stop = () => {
    clearTimeout(stream.again);
    fine();
    if (stream.source) stream.source.close();
    stream.source = undefined;
  };

  stream.start = () => {
    clearTimeout(stream.again);
    if (stream.source || document.hidden) return;
    const source = new EventSource(url);
    stream.source = source;
    source.addEventListener("news", (event) => {
      fine();
      const { now, fragments } = JSON.parse(event.data);
      site.ahead = new Date(now) - Date.now();
      for (const [id, text] of Object.entries(fragments)) site.put(id, text);
      document.documentElement.dataset.live = "yes";
    });
    // A form that is under way, such as the one that erases, leads on by itself: reloading would take its answer away.
    source.addEventListener("over", () => { source.close(); setTimeout(() => location.reload(), site.isLeaving ? 5000 : 0); });
    source.addEventListener("error", () => {
      if (stream.source !== source) return;
      late();
      if (source.readyState === EventSource.CLOSED) stream.refused(); // else the browser tries again by itself
    });
  };

  // The server was there and said no: too many streams, a proxy without a server behind it, or we are logged out.
  stream.refused = async () => {
    stream.source = undefined;
    const status = await fetch(url, { method: "HEAD" }).then((answer) => answer.status, () => 0);
    if (status === 401) location.reload();
    else stream.again = setTimeout(stream.start, 3000);
  };

  site.streams.push(stream);
  stream.start();
  return stream;
};

document.addEventListener("visibilitychange", () => { for (const each of site.streams) document.hidden ? each.stop() : each.start(); });
addEventListener("pagehide", () => { for (const each of site.streams) each.stop(); });
// From the browser's memory comes also what one saw before logging out.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// --- keys ----------------------------------------------------------------------------------------------------------------
// Kept in this browser; where it keeps nothing, for this page.
site.kept = new Map();
site.keep = (name, value) => {
  site.kept.set(name, value);
  try { localStorage.setItem(name, value); } catch { /* nothing is kept */ }
};
site.recall = (name) => {
  try { return site.kept.get(name) ?? localStorage.getItem(name); } catch { return null; }
};

site.keysOn = () => site.recall("parley-keys") !== "off";

site.isTyping = (target) => target instanceof Element && Boolean(target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog[open]"));

site.step = (by) => {
  const all = [...document.querySelectorAll("[data-step]")].filter((each) => each.offsetParent);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const current = at >= 0 ? at : all.findIndex((each) => each.hasAttribute("aria-current"));
  const next = all[Math.min(all.length - 1, Math.max(0, current + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  if (event.key === "Escape" && site.isTyping(event.target)) {
    if (!event.target.closest("dialog[open]")) event.target.blur(); // a dialog closes by itself
    return;
  }
  if (!site.keysOn() || site.isTyping(event.target)) return;
  const acts = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => site.step(1),
    k: () => site.step(-1),
    r: () => document.querySelector("[data-reply]")?.focus(),
    Escape: () => document.querySelector("[data-back]")?.click(),
  };
  if (!Object.hasOwn(acts, event.key)) return;
  event.preventDefault();
  acts[event.key]();
});

const keyboard = document.getElementById("keyboard");
document.getElementById("keys")?.addEventListener("click", () => keyboard.showModal());
const keysOn = document.getElementById("keys-on");
if (keysOn) {
  keysOn.checked = site.keysOn();
  keysOn.addEventListener("change", () => site.keep("parley-keys", keysOn.checked ? "on" : "off"));
}

// --- small things --------------------------------------------------------------------------------------------------------
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  if (!source) return;
  const words = (button.dataset.words ??= button.textContent);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source); // no clipboard without HTTPS: select it, so that Ctrl+C does
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = words; }, 2000);
});

document.addEventListener("submit", (event) => {
  const words = event.target.dataset.asks;
  if (words && !confirm(words)) event.preventDefault();
});

for (const box of document.querySelectorAll("[data-scroll=end]")) box.scrollTop = box.scrollHeight;
const told = document.documentElement.dataset.now;
if (told) site.ahead = new Date(told) - Date.now();
site.times();
setInterval(() => site.times(document, "time[data-until]"), 1000);
setInterval(() => site.times(), 15000);
for (const root of document.querySelectorAll("[data-live]")) site.live(root.dataset.live);
