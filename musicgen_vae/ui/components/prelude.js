// What is heard before Gradio has started goes on in the page's own player. In scope: prelude, the
// element that holds the player of before.

const PATIENCE_MS = 10000; // after which a page without a prepared morph is shown as it is
let since = null;

function hand(figure) {
  const before = prelude.querySelector("audio");
  const after = figure.querySelector("audio");
  if (!before.paused) {
    after.currentTime = before.currentTime;
    after.play().catch(() => {});
  }
  if (prelude.contains(document.activeElement)) figure.querySelector(".player-play").focus();
}

const timer = setInterval(() => {
  const figure = document.querySelector("#landing figure:not([hidden])");
  if (!figure?.offsetParent) {
    if (document.querySelector("[role=tablist]")) since ??= performance.now();
    if (since === null || performance.now() - since < PATIENCE_MS) return;
  } else hand(figure);
  clearInterval(timer);
  prelude.remove();
}, 50);
