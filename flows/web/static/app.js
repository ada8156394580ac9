// What every page needs; each page has a module of its own beside this file.

/** Say a sentence to screen readers, without moving the focus. */
export function announce(sentence) {
  document.getElementById("announcer").textContent = sentence;
}

/** The nonce with which a library may add a style sheet. */
export function styleNonce() {
  return document.querySelector("meta[name=style-nonce]")?.content ?? "";
}

document.addEventListener("htmx:sendError", () => announce("The server does not answer."));
