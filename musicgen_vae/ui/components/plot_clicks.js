// Reports clicks on a Plotly figure and marks the chosen point. In scope: trigger, props, watch.
// The figure comes late (its tab is mounted when first opened) and anew with every update.

let graph = null;

function mark() {
  if (!graph || !window.Plotly) return;
  const last = graph.data.length - 1;
  let place = null;
  graph.data.slice(0, last).forEach((trace) => {
    const i = (trace.customdata || []).findIndex((data) => data[0] === props.value);
    if (i >= 0) place = [trace.x[i], trace.y[i]];
  });
  window.Plotly.restyle(graph, { x: [place ? [place[0]] : []], y: [place ? [place[1]] : []] }, [last]);
}

function attach() {
  const found = document.querySelector(`#${props.plot_id} .js-plotly-plot`);
  if (!found || found === graph || typeof found.on !== "function") return;
  graph = found;
  graph.on("plotly_click", (event) => {
    const data = event.points[0]?.customdata;
    if (data) trigger("point", { clip: data[0] });
  });
  mark();
}

new MutationObserver(attach).observe(document.body, { childList: true, subtree: true });
watch("value", mark);
attach();
