// Review: keys, players, and what screen readers announce.
import { announce } from "./app.js";

const TYPED = "input, select, textarea, [contenteditable]";
const PRESSED = "a, button, summary, audio";
let played = null;

const desk = () => document.getElementById("desk");

function toggle() {
  const audio = desk().contains(played) ? played : desk().querySelector("audio");
  if (!audio) return;
  if (audio.paused) audio.play().catch(() => announce("This song cannot be played."));
  else audio.pause();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (!document.getElementById("keys").checked || event.target.closest(TYPED)) return;
  if (event.key === " ") {
    if (event.target.closest(PRESSED)) return;
    event.preventDefault();
    toggle();
    return;
  }
  const wanted = desk().querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (wanted && !wanted.disabled) {
    event.preventDefault();
    wanted.click();
  }
});

document.addEventListener(
  "play",
  (event) => {
    played = event.target;
    for (const other of document.querySelectorAll("audio")) if (other !== played) other.pause();
  },
  true,
);

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt?.id !== "desk" && event.target.id !== "desk") return;
  const title = document.getElementById("item-title");
  title?.focus();
  const message = document.getElementById("desk-message")?.textContent ?? "";
  announce(`${message} ${title?.textContent ?? ""}`.trim());
});
