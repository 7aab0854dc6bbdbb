// Writing: Enter sends, files are looked at before they leave, voice is recorded, unsent words are kept.
"use strict";

const composer = document.getElementById("composer");
const write = document.getElementById("text");
const file = document.getElementById("file");
const record = document.getElementById("record");
const replyTo = document.getElementById("reply-to");
const draft = `parley-draft ${phone.stage.dataset.contact}`;
let recorder = null;

const grow = () => {
  write.style.height = "auto";
  write.style.height = `${Math.min(140, write.scrollHeight + 2)}px`;
  const canRecord = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
  record.hidden = !recorder && (!canRecord || Boolean(write.value.trim()) || file.files.length > 0);
};
write.addEventListener("input", () => { sessionStorage.setItem(draft, write.value); grow(); });
write.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!write.value.trim() && !file.files.length) { write.focus(); return; }
  const words = write.value;
  const sending = phone.send(composer, event.submitter); // the form is read at once, so that one may write on
  write.value = "";
  grow();
  let trouble;
  try { trouble = await sending; } catch { trouble = "The server cannot be reached; nothing was sent."; }
  phone.tell(trouble);
  if (trouble) {
    write.value = words + write.value;
    grow();
    return;
  }
  sessionStorage.setItem(draft, write.value);
  forget();
  answer("");
  phone.newest();
});

// --- replies ---------------------------------------------------------------------------------------------------------------
const answer = (id) => {
  const line = id && document.getElementById(`b-${id}`);
  replyTo.value = line ? id : "";
  document.getElementById("answering").hidden = !line;
  if (!line) return;
  const words = line.querySelector(".words, .file-words, .place-words")?.textContent.trim() ?? "";
  document.querySelector("#answering b").textContent = line.classList.contains("mine") ? "Reply to yourself" : "Reply to the bot";
  document.getElementById("answering-line").textContent = words.slice(0, 120);
  write.focus();
};
document.getElementById("answering-end").addEventListener("click", (event) => { event.preventDefault(); answer(""); });
phone.paper.addEventListener("click", (event) => {
  const link = event.target.closest("[data-replies]");
  if (link) { event.preventDefault(); answer(link.dataset.replies); }
});
phone.paper.addEventListener("dblclick", (event) => {
  const line = event.target.closest("[data-bubble]");
  if (!line || event.target.closest("a, button, form, summary, audio, video, dialog")) return;
  getSelection().removeAllRanges();
  answer(line.dataset.bubble);
});
let swipe = null;
phone.paper.addEventListener("touchstart", (event) => {
  const line = event.target.closest("[data-bubble]");
  swipe = line && event.touches.length === 1 ? { line, x: event.touches[0].clientX, y: event.touches[0].clientY } : null;
}, { passive: true });
phone.paper.addEventListener("touchend", (event) => {
  const end = event.changedTouches[0];
  if (swipe && end.clientX - swipe.x > 60 && Math.abs(end.clientY - swipe.y) < 40) answer(swipe.line.dataset.bubble);
  swipe = null;
}, { passive: true });

// --- files -----------------------------------------------------------------------------------------------------------------
const size = (bytes) => (bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 1048576).toFixed(1)} MB`);
const view = document.getElementById("chosen-view");

const forget = () => {
  for (const shown of view.children) if (shown.src) URL.revokeObjectURL(shown.src);
  view.replaceChildren();
  file.value = "";
  document.getElementById("voice").value = "";
  document.getElementById("chosen").hidden = true;
  grow();
};

const preview = () => {
  const [chosen] = file.files;
  if (!chosen) { forget(); return; }
  const tag = { image: "img", video: "video", audio: "audio" }[chosen.type.split("/")[0]];
  view.replaceChildren();
  if (tag) {
    const shown = document.createElement(tag);
    shown.src = URL.createObjectURL(chosen);
    if (tag === "img") shown.alt = `Chosen: ${chosen.name}`; else shown.controls = true;
    view.append(shown);
  }
  const voice = document.getElementById("voice").value === "1";
  document.getElementById("chosen-name").textContent = voice ? "Voice note" : chosen.name;
  document.getElementById("chosen-size").textContent = `${size(chosen.size)} · ${voice ? "" : "a caption may go with it"}`.replace(/ · $/, "");
  document.getElementById("chosen").hidden = false;
  grow();
  write.focus();
};
file.addEventListener("change", preview);
document.getElementById("chosen-end").addEventListener("click", () => { forget(); write.focus(); });
for (const button of document.querySelectorAll("[data-picks]")) {
  button.addEventListener("click", () => {
    document.getElementById("voice").value = button.dataset.picks === "voice" ? "1" : "";
    file.accept = button.dataset.accepts;
    button.closest("dialog").close();
    file.click();
  });
}
write.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  file.files = event.clipboardData.files;
  preview();
});
phone.device.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
phone.device.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  file.files = event.dataTransfer.files;
  preview();
});

// --- voice -----------------------------------------------------------------------------------------------------------------
record.addEventListener("click", async () => {
  if (recorder) { recorder.stop(); return; }
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch {
    phone.tell("The microphone cannot be used; choose a recording by the plus instead.");
    return;
  }
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => {
    for (const track of stream.getTracks()) track.stop();
    const kind = recorder.mimeType.split(";")[0] || "audio/webm";
    recorder = null;
    record.classList.remove("is-on");
    record.setAttribute("aria-label", "Record a voice note");
    const held = new DataTransfer();
    held.items.add(new File(parts, "voice", { type: kind }));
    file.files = held.files;
    document.getElementById("voice").value = "1";
    preview();
  });
  recorder.start();
  record.classList.add("is-on");
  record.setAttribute("aria-label", "Stop recording");
});

write.value = write.value || sessionStorage.getItem(draft) || "";
grow();
if (innerWidth > 940) write.focus();
