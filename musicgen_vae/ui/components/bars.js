// Levels of each bar as columns to be dragged. In scope: element, trigger, props, watch.
// The value has a row for each attribute with a level 0 to 7, or "" for unspecified, for each bar.
// A table holds the same and is the truth.

const LEVELS = 8;
const root = element.querySelector(".bars");

// From a height in a column to a level: the lowest ninth, and all below it, means unspecified.
function levelAt(y, height) {
  const level = Math.floor((1 - y / height) * (LEVELS + 1)) - 1;
  return level < 0 ? "" : Math.min(LEVELS - 1, level);
}

function set(row, bar, level) {
  const value = JSON.parse(JSON.stringify(props.value));
  if (value[row][bar] === String(level)) return;
  value[row][bar] = String(level);
  props.value = value;
  show();
  trigger("level", value);
}

function column(row, bar) {
  const made = document.createElement("div");
  made.className = "bars-column";
  made.tabIndex = 0;
  made.setAttribute("role", "slider");
  made.setAttribute("aria-valuemin", "0");
  made.setAttribute("aria-valuemax", LEVELS - 1);
  made.append(document.createElement("div"), document.createElement("span"));
  const follow = (event) => {
    // Dragging goes on into the neighbouring bars.
    const columns = [...made.parentElement.children];
    const under = columns.findIndex((one) => event.clientX < one.getBoundingClientRect().right);
    const box = made.getBoundingClientRect();
    set(row, under < 0 ? columns.length - 1 : under, levelAt(event.clientY - box.top, box.height));
  };
  made.addEventListener("pointerdown", (event) => {
    made.setPointerCapture(event.pointerId);
    follow(event);
  });
  made.addEventListener("pointermove", (event) => {
    if (made.hasPointerCapture(event.pointerId)) follow(event);
  });
  made.addEventListener("keydown", (event) => {
    const level = props.value[row][bar] === "" ? -1 : Number(props.value[row][bar]);
    const next = { ArrowUp: level + 1, ArrowDown: level - 1, Delete: -1, Backspace: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    set(row, bar, next < 0 ? "" : Math.min(LEVELS - 1, next));
  });
  return made;
}

function build() {
  root.replaceChildren(
    ...props.value.map((levels, row) => {
      const group = document.createElement("div");
      const name = document.createElement("strong");
      const columns = document.createElement("div");
      columns.className = "bars-columns";
      columns.append(...levels.map((_, bar) => column(row, bar)));
      group.append(name, columns);
      return group;
    }),
  );
}

function show() {
  if (root.children.length !== props.value.length) build();
  props.value.forEach((levels, row) => {
    const group = root.children[row];
    group.firstChild.textContent = props.texts.rows[row];
    levels.forEach((level, bar) => {
      const one = group.lastChild.children[bar];
      const known = level !== "";
      one.classList.toggle("unspecified", !known);
      one.firstChild.style.height = known ? `${((Number(level) + 2) / (LEVELS + 1)) * 100}%` : "0";
      one.lastChild.textContent = known ? level : "–";
      one.setAttribute("aria-label", `${props.texts.rows[row]}, ${props.texts.bars[bar]}`);
      one.setAttribute("aria-valuenow", known ? level : 0);
      one.setAttribute("aria-valuetext", known ? level : props.texts.unspecified);
    });
  });
}

watch(["value", "texts"], show);
show();
