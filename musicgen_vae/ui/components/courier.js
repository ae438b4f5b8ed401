// Passes on what players ask for. In scope: trigger (Gradio's custom HTML component).

const EVENTS = { more: "to_more", a: "to_a", b: "to_b", edit: "to_edit", map: "to_map" };

document.addEventListener("musicgen", ({ detail }) => {
  if (EVENTS[detail.to]) trigger(EVENTS[detail.to], { take: detail.take });
});
