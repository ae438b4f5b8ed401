// Reports clicks on a Plotly figure, marks what is chosen, shows a small roll where the pointer is.
// In scope: trigger, props, watch, server, what canvas.js defines.
// The figure comes late (its tab is mounted when first opened) and anew with every update.

const rolls = new Map(); // number of a point to the promise of its roll
const hint = document.createElement("canvas");
hint.className = "plot-hint";
hint.setAttribute("aria-hidden", "true");
document.body.append(hint);
let graph = null;
let under = null;

function placeOf(clip) {
  for (const trace of graph.data.slice(0, -1)) {
    const i = (trace.customdata || []).findIndex((data) => data[0] === clip);
    if (i >= 0) return [trace.x[i], trace.y[i]];
  }
  return null;
}

function mark() {
  if (!graph || !window.Plotly) return;
  const { clip, places } = props.value || {};
  const marked = [placeOf(clip), places?.[graph.layout.meta]].filter((one) => one);
  const xy = { x: [marked.map((one) => one[0])], y: [marked.map((one) => one[1])] };
  window.Plotly.restyle(graph, xy, [graph.data.length - 1]);
}

function hover(event) {
  const clip = event.points[0]?.customdata?.[0];
  if (clip === undefined || !event.event) return;
  under = clip;
  if (!rolls.has(clip)) rolls.set(clip, server.roll_of(clip));
  const { clientX, clientY } = event.event;
  rolls.get(clip).then((roll) => {
    if (under !== clip || !roll) return;
    hint.style.display = "block";
    hint.style.left = `${Math.min(clientX + 12, innerWidth - 172)}px`;
    hint.style.top = `${Math.max(4, clientY - 92)}px`;
    drawRoll(hint, unpacked(roll));
  });
}

function leave() {
  under = null;
  hint.style.display = "none";
}

function attach() {
  const found = document.querySelector(`#${props.plot_id} .js-plotly-plot`);
  if (!found || found === graph || typeof found.on !== "function") return;
  graph = found;
  graph.on("plotly_click", (event) => {
    leave();
    const data = event.points[0]?.customdata;
    if (data) trigger("point", { clip: data[0] });
  });
  graph.on("plotly_hover", hover);
  graph.on("plotly_unhover", leave);
  mark();
}

new MutationObserver(attach).observe(document.body, { childList: true, subtree: true });
watch("value", mark);
attach();
