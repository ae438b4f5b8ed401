// A piano roll on which bars and roles are kept or let go. In scope: element, trigger, props, watch,
// what canvas.js defines. The value is { roll, bars, roles, texts }: bars are kept whole, roles in
// all bars. Two groups of boxes hold the same and are the truth.

const ROLES = ["melody", "harmony", "bass", "drums"];
const figure = element.querySelector("figure");
const canvas = element.querySelector("canvas");
const legend = element.querySelector("ul");

function isKept([start, , , role], { roll, bars, roles }) {
  return roles.includes(ROLES[role]) || bars.includes(barAt(roll.bars, start) + 1);
}

function toggled(items, item) {
  return items.includes(item) ? items.filter((one) => one !== item) : [...items, item].sort();
}

function copy() {
  return props.value ? JSON.parse(JSON.stringify(props.value)) : null;
}

function change(part, item) {
  const value = copy();
  if (!value) return;
  value[part] = toggled(value[part], item);
  props.value = value;
  show();
  trigger("keep", value);
}

function draw(value) {
  const { bars, texts } = value;
  const roll = unpacked(value.roll);
  const kept = roll.notes.filter((note) => isKept(note, value));
  // All notes give the range; what is let go stays as a shade.
  drawRoll(canvas, roll);
  const context = canvas.getContext("2d");
  const { clientWidth: width, clientHeight: height } = canvas;
  const range = pitchRange(roll.notes);
  for (const note of roll.notes) {
    if (kept.includes(note)) continue;
    const [x, y, w, h] = noteBox(note, roll.seconds, range, width, height);
    context.fillStyle = getComputedStyle(canvas).backgroundColor;
    context.fillRect(x - 1, y - 1, w + 2, h + 2);
    context.globalAlpha = 0.6;
    context.strokeStyle = COLOURS[note[3]];
    context.setLineDash([3, 2]);
    context.strokeRect(x + 0.5, y + 0.5, Math.max(1, w - 1), Math.max(1, h - 1));
    context.globalAlpha = 1;
  }
  context.setLineDash([]);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = getComputedStyle(canvas).color;
  roll.bars.forEach((start, i) => {
    const name = bars.includes(i + 1) ? texts.keeps : "";
    context.fillText(`${i + 1} ${name}`, (start / roll.seconds) * width + 5, 14);
  });
}

function show() {
  const value = copy();
  figure.hidden = !value;
  if (!value) return;
  const { texts, roles, roll } = value;
  canvas.setAttribute("aria-label", texts.label);
  legend.replaceChildren(
    ...roll.legend.map(([role, name]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const kept = roles.includes(ROLES[role]);
      button.type = "button";
      button.textContent = `${name}: ${kept ? texts.keeps : texts.rewrites}`;
      button.setAttribute("aria-pressed", kept);
      button.style.setProperty("--role", COLOURS[role]);
      button.addEventListener("click", () => change("roles", ROLES[role]));
      item.append(button);
      return item;
    }),
  );
  if (canvas.clientWidth) draw(value);
}

canvas.addEventListener("click", (event) => {
  const value = copy();
  if (!value) return;
  const seconds = (event.offsetX / canvas.clientWidth) * value.roll.seconds;
  change("bars", barAt(value.roll.bars, seconds) + 1);
});
new ResizeObserver(show).observe(canvas);
watch("value", show);
show();
