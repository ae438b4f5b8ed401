// Piano rolls on a canvas: geometry and drawing, put in front of the scripts that use them.
// A roll is { notes: [[start_s, end_s, pitch, role, velocity]], bars: [s], seconds }.
// Its notes reach the page as text: props are live proxies, and one for each note costs more than
// all else.

// Melody, harmony, bass, drums: from the palette of Okabe and Ito, told apart by colour-blind eyes.
const COLOURS = ["#D55E00", "#56B4E9", "#009E73", "#CC79A7"];
const LOWEST_SPAN = 24; // pitches shown at least, so that a few notes do not fill the height

function unpacked(roll) {
  return { ...roll, notes: JSON.parse(roll.notes) };
}

function pitchRange(notes) {
  const pitches = notes.map((note) => note[2]);
  let low = Math.min(...pitches, 127) - 2;
  let high = Math.max(...pitches, 0) + 2;
  if (!pitches.length) [low, high] = [48, 72];
  const missing = Math.max(0, LOWEST_SPAN - (high - low));
  return [low - Math.floor(missing / 2), high + Math.ceil(missing / 2)];
}

function noteBox([start, end, pitch], seconds, [low, high], width, height) {
  const row = height / (high - low + 1);
  const x = (start / seconds) * width;
  const length = (Math.min(end, seconds) / seconds) * width - x - 1;
  return [x, (high - pitch + 0.08) * row, Math.max(2, length), Math.max(2, row * 0.84)];
}

function barAt(bars, seconds) {
  return Math.max(0, bars.findLastIndex((start) => start <= seconds + 1e-6));
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

// The take at index, or the nearest one that has been made.
function nearestTake({ takes, index }) {
  const made = takes.map((one, i) => [Math.abs(i - index), one]).filter(([, one]) => one);
  return made.sort((a, b) => a[0] - b[0])[0]?.[1] || null;
}

// A context in CSS pixels for a canvas that is seen; null in a hidden tab.
function freshContext(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return context;
}

function drawRoll(canvas, roll) {
  const context = freshContext(canvas);
  if (!context) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const range = pitchRange(roll.notes);
  const [low, high] = range;
  const row = height / (high - low + 1);
  // Greys that are seen on light and on dark ground.
  for (let pitch = low; pitch <= high; pitch++) {
    const top = (high - pitch) * row;
    if ([1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12)) {
      context.fillStyle = "rgba(128, 128, 128, 0.08)";
      context.fillRect(0, top, width, row);
    } else if (pitch % 12 === 0) {
      context.fillStyle = "rgba(128, 128, 128, 0.35)";
      context.fillRect(0, top + row - 1, width, 1);
    }
  }
  roll.bars.forEach((seconds, i) => {
    context.fillStyle = i % 4 ? "rgba(128, 128, 128, 0.3)" : "rgba(128, 128, 128, 0.7)";
    if (i) context.fillRect(Math.round((seconds / roll.seconds) * width), 0, 1, height);
  });
  for (const note of roll.notes) {
    context.globalAlpha = 0.55 + (0.45 * note[4]) / 127;
    context.fillStyle = COLOURS[note[3]];
    context.beginPath();
    context.roundRect(...noteBox(note, roll.seconds, range, width, height), 2);
    context.fill();
  }
  context.globalAlpha = 1;
}
