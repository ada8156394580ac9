// The map: a canvas of points that is panned, zoomed, searched, filtered and played.
import { announce } from "./app.js";

const GRID = 9999, MARGIN = 28, REACH = 16, MOST_ZOOM = 60, EDGE = 48;
const ERROR = 1, SUSPECT = 2, UNKNOWN = 4, KINDS = ["error", "suspect", "unknown"];
const canvas = document.getElementById("map-canvas");
if (canvas) start(canvas).catch((error) => { announce("The map could not be loaded."); throw error; });

async function start(canvas) {
  const form = document.getElementById("legend"), tip = document.getElementById("map-tip");
  const search = document.getElementById("map-search");
  const context = canvas.getContext("2d", { willReadFrequently: true }); // drawn by the processor
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const points = await (await fetch("/map/points.json")).json();
  const shapes = points.genres.map((genre) => new Path2D(genre.shape));
  const names = points.name.map((name) => name.toLocaleLowerCase());
  const n = points.id.length, order = drawingOrder(points);
  const shown = new Uint8Array(n), found = new Uint8Array(n);
  const view = { zoom: 1, x: GRID / 2, y: GRID / 2 };
  let sprites = new Map(), theme = readTheme(points.genres), ratio = 1, current = -1, chosen = -1;
  let isSearched = false, isDue = false, sheet = null;

  // Where things are
  const scale = () => view.zoom * (Math.min(canvas.clientWidth, canvas.clientHeight) - 2 * MARGIN) / GRID;
  const across = (i) => canvas.clientWidth / 2 + (points.x[i] - view.x) * scale();
  const down = (i) => canvas.clientHeight / 2 + (points.y[i] - view.y) * scale();
  const radius = () => (n > 5000 ? 2.4 : n > 800 ? 3.4 : 5) * Math.min(2.2, Math.sqrt(view.zoom));

  function redraw() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; draw(); });
  }

  function resize() {
    ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    sheet = makeSheet(canvas.width + 2 * EDGE, canvas.height + 2 * EDGE);
    redraw();
  }

  function draw() {
    const size = Math.round(radius() * ratio * 2) / 2, factor = scale() * ratio;
    const left = canvas.width / 2 - view.x * factor, top = canvas.height / 2 - view.y * factor;
    sheet.pixels.fill(theme.paper);
    for (const i of order) {
      if (!shown[i]) continue;
      const x = Math.round(left + points.x[i] * factor), y = Math.round(top + points.y[i] * factor);
      if (x < 0 || y < 0 || x > canvas.width || y > canvas.height) continue;
      stamp(sheet, spriteOf(points.genre[i], points.kinds[i], isSearched && !found[i], size), x + EDGE, y + EDGE);
    }
    context.putImageData(sheet.image, -EDGE, -EDGE);
    for (const i of new Set([chosen, current])) if (i >= 0 && shown[i]) ring(i, size, i === chosen);
  }

  function ring(i, size, isChosen) {
    context.beginPath();
    context.arc(across(i) * ratio, down(i) * ratio, size * 1.4 + 6 * ratio, 0, 7);
    context.lineWidth = (isChosen ? 3 : 2) * ratio;
    context.strokeStyle = isChosen ? theme.accent : theme.ink;
    context.stroke();
  }

  // One small picture for each genre, marks and size: its pixels are copied to each point.
  function spriteOf(genre, kinds, isFaint, size) {
    const key = ((size * 2) << 16) | (genre << 4) | (kinds << 1) | isFaint;
    if (!sprites.has(key)) sprites.set(key, makeSprite(genre, kinds, isFaint, size));
    return sprites.get(key);
  }

  function makeSprite(genre, kinds, isFaint, size) {
    const half = Math.min(EDGE - 1, Math.ceil(size * (kinds & (ERROR | SUSPECT) ? 2.5 : 1.5)) + 1);
    const isHollow = kinds & UNKNOWN || !points.genres[genre].name;
    pen.canvas.width = pen.canvas.height = 2 * half; // clears it, too
    pen.globalAlpha = isFaint ? 0.13 : 1;
    pen.translate(half, half);
    pen.scale(size, size);
    pen.fillStyle = isHollow ? theme.card : theme.genres[genre];
    pen.strokeStyle = isHollow ? theme.genres[genre] : theme.card;
    pen.lineWidth = isHollow ? 0.5 : 0.22;
    pen.fill(shapes[genre]);
    pen.stroke(shapes[genre]);
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 0.4;
    if (kinds & ERROR) { pen.beginPath(); pen.arc(0, 0, 2, 0, 7); pen.stroke(); }
    if (kinds & SUSPECT) pen.strokeRect(-1.7, -1.7, 3.4, 3.4);
    return { half, pixels: new Uint32Array(pen.getImageData(0, 0, 2 * half, 2 * half).data.buffer) };
  }

  // Which songs are shown and found
  function filter() {
    const data = new FormData(form), genres = new Set(data.getAll("genre"));
    const bits = data.getAll("kind").reduce((sum, kind) => sum | (1 << KINDS.indexOf(kind)), 0);
    const text = search.value.trim().toLocaleLowerCase();
    isSearched = text !== "";
    for (let i = 0; i < n; i++) {
      shown[i] = (!genres.size || genres.has(points.genres[points.genre[i]].name)) && (!bits || points.kinds[i] & bits) ? 1 : 0;
      found[i] = shown[i] && names[i].includes(text) ? 1 : 0;
    }
    if (current >= 0 && !shown[current]) point(-1);
    redraw();
  }

  function nearest(x, y, reach) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < n; i++) {
      if (!shown[i] || (isSearched && !found[i])) continue;
      const distance = (across(i) - x) ** 2 + (down(i) - y) ** 2;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  function describe(i) {
    const label = points.genres[points.genre[i]].name || "no label", kinds = points.kinds[i];
    const predicted = points.predictions[points.predicted[i]];
    const parts = [`${points.name[i]}: ${label}`];
    if (kinds & UNKNOWN) parts.push("unknown to the model");
    else if (predicted && predicted !== label) parts.push(`the model says ${predicted}`);
    if (kinds & SUSPECT) parts.push("the label looks wrong");
    return parts.join("; ");
  }

  /** Make a song the current one, and show its name beside it; -1: none. */
  function point(i) {
    current = i;
    canvas.classList.toggle("over", i >= 0);
    tip.hidden = i < 0;
    if (i >= 0) {
      tip.textContent = describe(i);
      const left = across(i) - tip.offsetWidth / 2, above = down(i) - tip.offsetHeight - 18;
      tip.style.left = `${Math.max(4, Math.min(canvas.clientWidth - tip.offsetWidth - 4, left))}px`;
      tip.style.top = `${above < 4 ? down(i) + 18 : above}px`;
    }
    redraw();
  }

  async function play(i) {
    chosen = i;
    redraw();
    await htmx.ajax("GET", `/map/songs/${points.id[i]}`, { target: "#chosen", swap: "innerHTML" });
    announce(describe(i));
    document.querySelector("#chosen audio")?.play().catch(() => {}); // a browser may want a click on it
  }

  // Moving
  function zoomAt(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const zoom = Math.max(0.8, Math.min(MOST_ZOOM, view.zoom * factor));
    const before = scale(), dx = x - canvas.clientWidth / 2, dy = y - canvas.clientHeight / 2;
    view.zoom = zoom;
    move(dx / before - dx / scale(), dy / before - dy / scale());
  }

  /** Move the view by units of the grid; its middle stays on the map. */
  function move(dx, dy) {
    view.x = Math.max(0, Math.min(GRID, view.x + dx));
    view.y = Math.max(0, Math.min(GRID, view.y + dy));
    point(-1);
  }

  function showAll() {
    Object.assign(view, { zoom: 1, x: GRID / 2, y: GRID / 2 });
    point(-1);
  }

  function reveal(i) {
    const x = across(i), y = down(i), edge = 24;
    if (x < edge || y < edge || x > canvas.clientWidth - edge || y > canvas.clientHeight - edge) {
      Object.assign(view, { x: points.x[i], y: points.y[i] });
    }
    point(i);
    announce(describe(i));
  }

  /** Go from the current song to the nearest one in a direction, within 45 degrees of it. */
  function step(dx, dy) {
    const x = current < 0 ? canvas.clientWidth / 2 : across(current);
    const y = current < 0 ? canvas.clientHeight / 2 : down(current);
    if (current < 0) return reveal(nearest(x, y, Infinity));
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      if (!shown[i] || (isSearched && !found[i])) continue;
      const ax = across(i) - x, ay = down(i) - y;
      const along = ax * dx + ay * dy, aside = Math.abs(ax * dy) + Math.abs(ay * dx);
      if (along > 0.5 && aside <= along && along + aside < least) { least = along + aside; best = i; }
    }
    if (best >= 0) reveal(best); else announce("No song further on.");
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) move(arrow[0] * 60 / scale(), arrow[1] * 60 / scale());
    else if (arrow) step(...arrow);
    else if (event.key === "+" || event.key === "=") zoomAt(1.5);
    else if (event.key === "-") zoomAt(1 / 1.5);
    else if (event.key === "0") showAll();
    else if (event.key === "Escape") point(-1);
    else if ((event.key === "Enter" || event.key === " ") && current >= 0) play(current);
    else return;
    event.preventDefault();
  });

  const fingers = new Map();
  let moved = 0;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    if (fingers.size === 1) moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event), before = fingers.get(event.pointerId);
    if (!before) return point(nearest(...now, REACH));
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      zoomAt(Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1])), ...other);
      moved = Infinity;
    } else {
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (moved > 4) move((before[0] - now[0]) / scale(), (before[1] - now[1]) / scale());
    }
    if (moved > 4) fingers.set(event.pointerId, now);
  });
  canvas.addEventListener("pointerup", (event) => {
    const wasDown = fingers.delete(event.pointerId);
    const i = wasDown && moved <= 4 ? nearest(...place(event), REACH) : -1;
    if (i >= 0) { point(i); play(i); }
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("blur", () => point(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...place(event));
  }, { passive: false });
  document.getElementById("zoom-in").addEventListener("click", () => zoomAt(1.5));
  document.getElementById("zoom-out").addEventListener("click", () => zoomAt(1 / 1.5));
  document.getElementById("zoom-all").addEventListener("click", showAll);

  form.addEventListener("change", filter);
  search.addEventListener("input", filter);
  form.addEventListener("submit", () => {
    const first = found.indexOf(1);
    if (first < 0) return announce("No song is called so.");
    Object.assign(view, { zoom: Math.max(view.zoom, 4), x: points.x[first], y: points.y[first] });
    reveal(first);
  });
  new ResizeObserver(resize).observe(canvas);
  for (const query of ["(prefers-color-scheme: dark)", `(resolution: ${window.devicePixelRatio}dppx)`]) {
    matchMedia(query).addEventListener("change", () => { theme = readTheme(points.genres); sprites = new Map(); resize(); });
  }
  resize();
  filter();
  canvas.dataset.ready = "true";
}

/** Return pixels to draw on: 32 bits each, alpha first (browsers run on little-endian machines). */
function makeSheet(width, height) {
  const image = new ImageData(width, height);
  return { image, width, pixels: new Uint32Array(image.data.buffer) };
}

/** Copy a sprite to the sheet, its middle at x, y. Opaque pixels replace, others mix. */
function stamp(sheet, sprite, x, y) {
  const { half, pixels } = sprite, size = 2 * half, target = sheet.pixels;
  for (let row = 0, from = 0; row < size; row++) {
    let to = (y - half + row) * sheet.width + x - half;
    for (let column = 0; column < size; column++, from++, to++) {
      const above = pixels[from], alpha = above >>> 24;
      if (alpha === 255) target[to] = above;
      else if (alpha) target[to] = mix(above, target[to], alpha);
    }
  }
}

/** Return a pixel over another one, which is opaque; red and blue are mixed at once, then green. */
function mix(above, below, alpha) {
  const own = alpha + 1, rest = 256 - own;
  const odd = ((above & 0xff00ff) * own + (below & 0xff00ff) * rest) >>> 8;
  const even = ((above & 0xff00) * own + (below & 0xff00) * rest) >>> 8;
  return ((odd & 0xff00ff) | (even & 0xff00) | 0xff000000) >>> 0;
}

/** Return the points in the order of drawing: at random, then those with marks. */
function drawingOrder(points) {
  const mixed = points.id.map((_, i) => i).sort((a, b) => (points.id[a] < points.id[b] ? -1 : 1));
  return [...mixed.filter((i) => !points.kinds[i]), ...mixed.filter((i) => points.kinds[i])];
}

/** Return the colours of the page as it is now, dark or light. */
function readTheme(genres) {
  const style = getComputedStyle(document.documentElement), probe = document.createElement("span");
  document.body.append(probe);
  const colours = genres.map((genre) => { probe.className = genre.css; return getComputedStyle(probe).getPropertyValue("--genre").trim(); });
  probe.remove();
  const [ink, card, accent] = ["--ink", "--card", "--accent"].map((name) => style.getPropertyValue(name).trim());
  const paper = document.createElement("canvas").getContext("2d");
  paper.fillStyle = card;
  paper.fillRect(0, 0, 1, 1);
  return { genres: colours, ink, card, accent, paper: new Uint32Array(paper.getImageData(0, 0, 1, 1).data.buffer)[0] };
}
