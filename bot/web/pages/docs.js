// The page is whole without this. It adds: a search that the address remembers, "/" to get there, copying, and the true address.
"use strict";

const search = document.getElementById("search");
const found = document.getElementById("found");
const nothing = document.getElementById("nothing");
const menu = document.getElementById("menu");
const operations = [...document.querySelectorAll("[data-operation]")];
const texts = new Map(operations.map((each) => [each, `${each.id} ${each.textContent}`.toLowerCase()]));

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const each of operations) {
    const holds = words.every((word) => texts.get(each).includes(word));
    each.hidden = !holds;
    document.querySelector(`[data-for="${each.id}"]`).hidden = !holds;
    count += holds ? 1 : 0;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = ![...group.querySelectorAll("[data-operation], [data-for]")].some((each) => !each.hidden);
  }
  found.textContent = words.length ? `${count} of ${operations.length} operations` : "";
  for (const each of document.querySelectorAll("[data-words]")) each.hidden = words.length > 0;
  nothing.hidden = count > 0;
}

function remember() {
  const address = new URL(location.href);
  if (search.value) address.searchParams.set("q", search.value);
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
}

function copies(example) {
  const around = document.createElement("div");
  const button = document.createElement("button");
  around.className = "copying";
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${example.getAttribute("aria-label")}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(example.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    } catch {
      getSelection().selectAllChildren(example); // no clipboard without HTTPS: select it, so that Ctrl+C does
      button.textContent = "Selected";
    }
  });
  example.replaceWith(around);
  around.append(example, button);
}

function marks() {
  for (const link of document.querySelectorAll("nav li a")) {
    if (link.hash && link.hash === location.hash) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// Behind a proxy the server does not know by which address it is reached; the browser does.
const example = document.querySelector("[data-copy]");
const told = example && /https?:\/\/[^/']+/.exec(example.textContent);
for (const each of document.querySelectorAll("[data-copy] code")) {
  if (told) each.textContent = each.textContent.replaceAll(told[0], location.origin);
}

document.querySelectorAll("[data-copy]").forEach(copies);
document.querySelector(".search").hidden = false;
if (matchMedia("(max-width: 860px)").matches) menu.open = false;
search.value = new URL(location.href).searchParams.get("q") ?? "";
search.addEventListener("input", () => { filter(); remember(); });
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    filter();
    remember();
  }
});
addEventListener("hashchange", marks);
marks();
filter();
