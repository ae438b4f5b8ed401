// Draws and plays one take. In scope: element, props, watch (Gradio's custom HTML component).
// Everything shown is set through textContent, attributes or the canvas.

// Melody, harmony, bass, drums: from the palette of Okabe and Ito, told apart by colour-blind eyes.
const COLOURS = ["#D55E00", "#56B4E9", "#009E73", "#CC79A7"];
const LOWEST_SPAN = 24; // pitches shown at least, so that a few notes do not fill the height
const find = (selector) => element.querySelector(selector);
const figure = find("figure");
const canvas = find("canvas");
const head = find(".roll-head");
const audio = find("audio");
let take = null;

function list(parent, items, make) {
  parent.replaceChildren(...items.map((item) => make(item, document.createElement("li"))));
}

function link(anchor, file, label, description) {
  anchor.textContent = label;
  anchor.setAttribute("aria-label", description);
  anchor.href = file.url;
  anchor.download = file.orig_name;
}

function show() {
  // A copy: the props are live proxies.
  take = props.value ? JSON.parse(JSON.stringify(props.value)) : null;
  audio.pause();
  figure.hidden = !take;
  if (!take) {
    audio.removeAttribute("src");
    return;
  }
  find("strong").textContent = take.title;
  find(".roll-remark").textContent = take.remark;
  list(find(".roll-facts"), take.facts, (fact, item) => {
    item.textContent = fact;
    return item;
  });
  list(find(".roll-legend"), take.legend, ([role, label], item) => {
    item.textContent = label;
    item.style.setProperty("--role", COLOURS[role]);
    return item;
  });
  const labels = take.labels;
  canvas.setAttribute("aria-label", labels.roll);
  audio.setAttribute("aria-label", labels.player);
  link(find(".roll-midi"), take.midi, labels.midi, labels.download_midi);
  link(find(".roll-audio"), take.audio, labels.audio, labels.download_audio);
  audio.src = take.audio.url;
  draw();
  move();
}

function draw() {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!take || !width) return; // in a hidden tab
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const x = (seconds) => (seconds / take.seconds) * width;

  const pitches = take.notes.map((note) => note[2]);
  let low = Math.min(...pitches, 127) - 2;
  let high = Math.max(...pitches, 0) + 2;
  if (!pitches.length) [low, high] = [48, 72];
  const missing = Math.max(0, LOWEST_SPAN - (high - low));
  low -= Math.floor(missing / 2);
  high += Math.ceil(missing / 2);
  const row = height / (high - low + 1);
  const y = (pitch) => (high - pitch) * row;

  // Greys that are seen on light and on dark ground.
  for (let pitch = low; pitch <= high; pitch++) {
    if ([1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12)) {
      context.fillStyle = "rgba(128, 128, 128, 0.08)";
      context.fillRect(0, y(pitch), width, row);
    } else if (pitch % 12 === 0) {
      context.fillStyle = "rgba(128, 128, 128, 0.35)";
      context.fillRect(0, y(pitch) + row - 1, width, 1);
    }
  }
  take.bars.forEach((seconds, i) => {
    context.fillStyle = i % 4 ? "rgba(128, 128, 128, 0.3)" : "rgba(128, 128, 128, 0.7)";
    if (i) context.fillRect(Math.round(x(seconds)), 0, 1, height);
  });
  for (const [start, end, pitch, role, velocity] of take.notes) {
    context.globalAlpha = 0.55 + (0.45 * velocity) / 127;
    context.fillStyle = COLOURS[role];
    const length = Math.max(2, x(Math.min(end, take.seconds)) - x(start) - 1);
    context.beginPath();
    context.roundRect(x(start), y(pitch) + row * 0.08, length, Math.max(2, row * 0.84), 2);
    context.fill();
  }
  context.globalAlpha = 1;
}

function move() {
  const share = take ? Math.min(1, audio.currentTime / take.seconds) : 0;
  head.style.transform = `translateX(${share * canvas.clientWidth}px)`;
  head.hidden = !share || share === 1;
  if (!audio.paused) requestAnimationFrame(move);
}

audio.addEventListener("play", () => {
  for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
  move();
});
audio.addEventListener("seeked", move);
canvas.addEventListener("click", (event) => {
  if (take) audio.currentTime = (event.offsetX / canvas.clientWidth) * take.seconds;
});
new ResizeObserver(() => {
  draw();
  move();
}).observe(canvas);
watch("value", show);
show();
