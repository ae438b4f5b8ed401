// Draws and plays takes. In scope: element, props, watch, what canvas.js defines.
// The value is { series, index, takes }: several takes are steps of one thing, of which the one at
// index is heard, or the nearest one while that is still being made. Everything shown is set through
// textContent, attributes or the canvas.

const find = (selector) => element.querySelector(selector);
const figure = find("figure");
const canvas = find("canvas");
const head = find(".player-head");
const audio = find("audio");
const button = find(".player-play");
const send = find(".player-send");
const sounds = new Map(); // address of a step to its sound, fetched once the first step is played
let value = null;
let take = null;

function list(parent, items, make) {
  parent.replaceChildren(...items.map((item) => make(item, document.createElement("li"))));
}

function link(anchor, file, label, description) {
  anchor.hidden = !file;
  if (!file) return;
  anchor.textContent = label;
  anchor.setAttribute("aria-label", description);
  anchor.href = file.url;
  anchor.download = file.orig_name;
}

function show() {
  showTake();
  forgetSounds();
}

function showTake() {
  const before = value;
  const heard = take;
  // A copy: the props are live proxies.
  value = props.value?.takes?.length ? JSON.parse(JSON.stringify(props.value)) : null;
  const nearest = value && nearestTake(value);
  take = nearest && unpacked(nearest);
  figure.hidden = !take;
  if (!take) {
    audio.pause();
    audio.removeAttribute("src");
    return;
  }
  write();
  if (heard?.audio.url !== take.audio.url) {
    const same = before?.series === value.series;
    hear(same ? audio.currentTime / heard.seconds : 0, same && !audio.paused);
  }
  if (!audio.paused) fetchSteps();
  drawRoll(canvas, take);
  move();
}

// The same musical place of another step, for the steps of a morph are as many bars long.
function hear(share, playing) {
  audio.pause();
  audio.src = sounds.get(take.audio.url) || take.audio.url;
  audio.currentTime = share * take.seconds;
  if (playing) play();
}

function play() {
  // It fails when another step is chosen before this one has begun: that one plays then.
  audio.play().catch(() => move());
}

function fetchSteps() {
  if (value.takes.length < 2) return;
  for (const { audio: file } of value.takes.filter((one) => one)) {
    if (sounds.has(file.url)) continue;
    sounds.set(file.url, "");
    fetch(file.url)
      .then((answer) => {
        if (!answer.ok) throw new Error(answer.statusText);
        return answer.blob();
      })
      .then((sound) => {
        if (sounds.has(file.url)) sounds.set(file.url, URL.createObjectURL(sound));
      })
      .catch(() => sounds.delete(file.url)); // played from its address; fetched again next time
  }
}

// The browser keeps a fetched sound until it is told that nobody needs it. What is heard is one of
// the takes that are here.
function forgetSounds() {
  const here = new Set((value?.takes ?? []).map((one) => one?.audio.url));
  for (const [url, sound] of sounds) {
    if (here.has(url)) continue;
    if (sound) URL.revokeObjectURL(sound);
    sounds.delete(url);
  }
}

function write() {
  const labels = take.labels;
  find("strong").textContent = take.title;
  find(".player-remark").textContent = take.remark;
  list(find(".player-facts"), take.facts, (fact, item) => {
    item.textContent = fact;
    return item;
  });
  list(find(".player-legend"), take.legend, ([role, label], item) => {
    item.textContent = label;
    item.style.setProperty("--role", COLOURS[role]);
    return item;
  });
  canvas.setAttribute("aria-label", labels.roll);
  canvas.setAttribute("aria-valuemax", Math.round(take.seconds));
  button.setAttribute("aria-label", `${labels.play}: ${take.title}`);
  link(find(".player-midi"), take.midi, labels.midi, labels.download_midi);
  link(find(".player-audio"), take.audio, labels.audio, labels.download_audio);
  link(find(".player-parameters"), take.parameters, labels.parameters, labels.download_parameters);
  send.hidden = find(".player-more").hidden = !take.id;
  find(".player-more").textContent = labels.more;
  send.replaceChildren(
    ...[["", labels.send], ...labels.targets].map(([to, label]) => new Option(label, to)),
  );
  send.setAttribute("aria-label", labels.send);
}

function move() {
  const now = take ? Math.min(take.seconds, audio.currentTime) : 0;
  const share = take ? now / take.seconds : 0;
  head.style.transform = `translateX(${share * canvas.clientWidth}px)`;
  head.hidden = !share || share === 1;
  button.dataset.state = audio.paused ? "paused" : "playing";
  button.setAttribute("aria-pressed", String(!audio.paused));
  button.textContent = audio.paused ? "▶\uFE0E" : "❚❚";
  find(".player-time").textContent = take ? `${clock(now)} / ${clock(take.seconds)}` : "";
  canvas.setAttribute("aria-valuenow", Math.round(now));
  if (!audio.paused) requestAnimationFrame(move);
}

function act(to) {
  document.dispatchEvent(new CustomEvent("musicgen", { detail: { to, take: take.id } }));
}

button.addEventListener("click", () => (audio.paused ? play() : audio.pause()));
audio.addEventListener("play", () => {
  for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
  fetchSteps();
  move();
});
for (const event of ["pause", "seeked", "ended"]) audio.addEventListener(event, move);
canvas.addEventListener("click", (event) => {
  if (take) audio.currentTime = (event.offsetX / canvas.clientWidth) * take.seconds;
});
canvas.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!take || !way) return;
  event.preventDefault();
  const bar = barAt(take.bars, audio.currentTime) + way;
  audio.currentTime = take.bars[Math.max(0, Math.min(take.bars.length - 1, bar))];
});
find(".player-more").addEventListener("click", () => act("more"));
send.addEventListener("change", () => {
  if (send.value) act(send.value);
  send.value = "";
});
new ResizeObserver(() => {
  if (take) drawRoll(canvas, take);
  move();
}).observe(canvas);
watch("value", show);
show();
