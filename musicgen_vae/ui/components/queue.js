// Says in the visitor's language what Gradio says in English of the queue: which place, at work, full.
// In scope: props (Gradio's custom HTML component). Texts come and go within Gradio's own markup.

const PLACES = ".progress-text, .toast-text";

// The words for what Gradio says; null for all that is not about the queue.
function said(words, texts) {
  const [, position, size] = words.match(/^queue: (\d+)\/(\d*)/) || [];
  if (position) {
    return `${texts.place.replace("{position}", position).replace("{size}", size)} · `;
  }
  if (words.startsWith("processing |")) return `${texts.working} · `;
  return /^(Queue is full|This application is currently busy)/.test(words) ? texts.full : null;
}

function translate(node) {
  if (node.nodeType !== Node.TEXT_NODE) {
    if (node.childNodes.length) for (const child of node.childNodes) translate(child);
    return;
  }
  if (!node.parentElement?.closest(PLACES)) return;
  const words = said(node.data.trimStart(), props.texts);
  if (words !== null) node.data = words;
}

new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes) {
    if (target.nodeType === Node.TEXT_NODE) translate(target);
    for (const node of addedNodes) {
      if (node.parentElement?.closest(PLACES) || node.querySelector?.(PLACES)) translate(node);
    }
  }
}).observe(document.body, { childList: true, characterData: true, subtree: true });
