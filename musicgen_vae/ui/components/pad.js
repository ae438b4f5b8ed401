// Valence (x) and arousal (y) as one point. In scope: element, trigger, props, watch.
// The value is { on, valence, arousal }; two sliders and a box hold the same and are the truth.

const pad = element.querySelector(".pad");
const dot = element.querySelector(".pad-dot");
const STEP = 0.05;

function clamp(value) {
  // Rounded twice: 7 * 0.05 is 0.35000000000000003.
  return Math.max(-1, Math.min(1, Number((Math.round(value / STEP) * STEP).toFixed(2))));
}

// From a place on the square to a feeling, and back.
function feelingAt(x, y, width, height) {
  return { valence: clamp((2 * x) / width - 1), arousal: clamp(1 - (2 * y) / height) };
}

function show() {
  const { on, valence, arousal } = props.value || { on: false, valence: 0, arousal: 0 };
  pad.setAttribute("aria-label", props.texts.label);
  pad.setAttribute("aria-valuetext", on ? `${valence}, ${arousal}` : props.texts.off);
  pad.classList.toggle("off", !on);
  dot.style.left = `${50 * (valence + 1)}%`;
  dot.style.top = `${50 * (1 - arousal)}%`;
  ["Q1", "Q2", "Q3", "Q4"].forEach((quadrant) => {
    element.querySelector(`.pad-${quadrant}`).textContent = props.texts[quadrant];
  });
}

function set(feeling) {
  props.value = { on: true, ...feeling };
  show();
  trigger("feel", props.value);
}

function follow(event) {
  const box = pad.getBoundingClientRect();
  set(feelingAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height));
}

pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  follow(event);
});
pad.addEventListener("pointermove", (event) => {
  if (pad.hasPointerCapture(event.pointerId)) follow(event);
});
pad.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
  if (!way) return;
  event.preventDefault();
  const { valence, arousal } = props.value || { valence: 0, arousal: 0 };
  set({ valence: clamp(valence + 2 * STEP * way[0]), arousal: clamp(arousal + 2 * STEP * way[1]) });
});
watch(["value", "texts"], show);
show();
