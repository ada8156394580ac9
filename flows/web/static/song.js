// The page of a song: the waveform, and fragments that are played.
import { announce, styleNonce } from "./app.js";

const player = () => document.getElementById("audio");
const waveform = () => document.getElementById("waveform");
const excerpt = new Audio(); // of a fragment that lies beyond what a browser gets of a long song
let endsAt = Infinity;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

async function drawWaveform() {
  const [audio, box] = [player(), waveform()];
  if (!audio || box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  watch(audio);
  const answer = await fetch(`${box.dataset.audio}/peaks`);
  if (!answer.ok) return;
  const peaks = await answer.json();
  if (!Number.isFinite(audio.duration)) {
    await new Promise((go) => {
      for (const name of ["loadedmetadata", "error"]) audio.addEventListener(name, go, { once: true });
    });
  }
  if (!Number.isFinite(audio.duration)) return;
  WaveSurfer.create({
    container: box,
    media: audio,
    peaks: [peaks],
    duration: audio.duration,
    height: 72,
    barWidth: 2,
    barGap: 1,
    barRadius: 1,
    normalize: true,
    waveColor: colour("--edge"),
    progressColor: colour("--accent"),
    cursorColor: colour("--ink"),
    cspNonce: styleNonce(),
  });
}

/** Pause where a fragment ends, unless the user moved on. */
function watch(audio) {
  audio.addEventListener("play", () => excerpt.pause());
  audio.addEventListener("timeupdate", () => {
    if (audio.currentTime < endsAt) return;
    audio.pause();
    endsAt = Infinity;
  });
  audio.addEventListener("seeking", () => {
    if (audio.currentTime > endsAt) endsAt = Infinity;
  });
}

function play(fragment) {
  const [audio, start, length] = [player(), Number(fragment.dataset.start), Number(fragment.dataset.length)];
  excerpt.pause();
  if (start + length > audio.duration + 1) {
    audio.pause();
    excerpt.src = `${waveform().dataset.audio}/preview?start_s=${start}&length_s=${length}`;
    excerpt.play();
    return;
  }
  audio.currentTime = start;
  endsAt = start + length;
  audio.play();
}

document.addEventListener("click", (event) => {
  const fragment = event.target.closest(".fragment");
  if (fragment) play(fragment);
});
document.addEventListener("keydown", (event) => {
  const fragment = event.target.closest?.(".fragment");
  if (!fragment || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  play(fragment);
});
document.addEventListener("htmx:afterSettle", (event) => {
  drawWaveform();
  const { sentence } = document.getElementById("prediction")?.dataset ?? {};
  if (event.target.id === "prediction" && sentence) announce(sentence);
});
drawWaveform();
