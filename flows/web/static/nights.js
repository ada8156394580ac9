// A day of the calendar opens the run that it leads to.
function openRun() {
  const run = location.hash.startsWith("#night-") && document.getElementById(location.hash.slice(1));
  if (!run) return;
  run.open = true;
  run.querySelector("summary").focus();
}

window.addEventListener("hashchange", openRun);
openRun();
