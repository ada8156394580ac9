// The songs of a cell of the confusion matrix: say how many there are, and go to them.
import { announce } from "./app.js";

document.addEventListener("htmx:afterSwap", (event) => {
  const title = event.target.id === "songs" && document.getElementById("cell-title");
  if (!title) return;
  announce(title.textContent);
  title.focus();
});
