// The page to drop songs on: each file is sent by itself, and the server shows the rest.
import { announce } from "./app.js";

const zone = document.getElementById("dropzone");
const input = document.getElementById("files");
const messages = document.getElementById("messages");

function showMessage(sentence) {
  const line = document.createElement("p");
  line.className = "message";
  line.textContent = sentence;
  messages.append(line);
}

/** Send one file; return the address of its page, or nothing. */
async function send(file, drop) {
  const query = new URLSearchParams({ drop, name: file.name });
  try {
    const answer = await fetch(`/dropped/upload?${query}`, { method: "POST", body: file, headers: { "HX-Request": "true" } });
    if (answer.ok) return (await answer.json()).address;
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    showMessage(`${file.name}: ${part.body.textContent.trim()}`);
  } catch {
    showMessage(`${file.name} could not be sent: it was not readable, or the server does not answer.`);
  }
}

async function sendAll(files) {
  if (!files.length) return;
  const { drop, most } = zone.dataset;
  messages.replaceChildren();
  if (files.length > most) showMessage(`Only the first ${most} of ${files.length} songs are taken.`);
  announce(`Sending ${files.length === 1 ? files[0].name : `${files.length} songs`}.`);
  const isAlone = files.length === 1 && !document.querySelector("#songs tbody tr");
  history.replaceState(null, "", `/?drop=${drop}`);
  for (const file of [...files].slice(0, most)) {
    const address = await send(file, drop);
    if (isAlone && address) location.assign(address);
    else htmx.trigger("#songs", "refresh");
  }
  input.value = "";
}

if (zone) {
  document.getElementById("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => sendAll([...input.files]));
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    sendAll([...event.dataTransfer.files]);
  });
  document.addEventListener("htmx:afterSettle", () => {
    const { sentence, waiting } = document.getElementById("songs").dataset;
    if (sentence && waiting === "0") announce(sentence);
  });
}
