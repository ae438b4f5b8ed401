"""A piano roll that plays: canvas, playhead, sound, downloads, and where a take can go next.

This module turns takes into the plain values that ``player.js`` draws. It knows no handlers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.audio.renderer import duration_s, seconds_at, timed_notes
from musicgen_vae.music.clip import Piece
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import speaking, text

TARGETS = ("a", "b", "edit", "map")
"""Where a take can be sent: ends of a morph, the editor, its place on the map."""
CHOOSE_STEP = "(n, value) => value && { ...value, index: n - 1 }"
"""JavaScript from a step, counted from 1, and a player's value to one with that step heard."""
SEND = """(value) => {
  const take = value?.takes[value.index]?.id;
  if (take) document.dispatchEvent(new CustomEvent("musicgen", { detail: { to: "TO", take } }));
  return [];
}"""
"""JavaScript that sends what a player shows to TO."""
TEMPLATE = """
<figure class="player" hidden>
  <figcaption><strong></strong><span class="player-remark"></span></figcaption>
  <div class="player-stage">
    <canvas role="slider" tabindex="0" aria-valuemin="0"></canvas>
    <div class="player-head"></div>
  </div>
  <div class="player-bar">
    <button type="button" class="player-play"></button>
    <span class="player-time"></span>
    <button type="button" class="player-more"></button>
    <select class="player-send"></select>
    <a class="player-midi"></a><a class="player-audio"></a><a class="player-parameters"></a>
  </div>
  <ul class="player-legend"></ul>
  <ul class="player-facts"></ul>
  <audio preload="none"></audio>
</figure>
"""
_FOLDER = Path(__file__).parent
SCRIPT = "".join(
    (_FOLDER / name).read_text(encoding="utf-8") for name in ("canvas.js", "player.js")
)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Takes of equal length in bars, of which one is heard at a time.

    Attributes:
        series: name of this row of takes; while it stays, so does the place in the music.
        takes: None where one is still to be made.
        index: of the take that is seen and heard, counted from 0.
    """

    series: str
    takes: Sequence[Take | None]
    index: int = 0


class Player(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Shows and plays a ``Take`` or ``Steps``; with None it is not there."""

    def __init__(self, value: Take | Steps | dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template=TEMPLATE,
            js_on_load=SCRIPT,
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Take | Steps | dict[str, Any] | None) -> dict[str, Any] | None:
        """The values that the script reads; plain values stay as they are."""
        if isinstance(value, Take):
            # Its folder is its own, even where it has no id.
            value = Steps(series=value.audio.parent.name, takes=(value,))
        if isinstance(value, Steps):
            return {
                "series": value.series,
                "index": value.index,
                "takes": [take and take_value(take) for take in value.takes],
            }
        return value


def take_value(take: Take) -> dict[str, Any]:
    """A take as plain values; Gradio adds addresses to the files.

    Gradio asks for it when the handler, which spoke the visitor's language, has returned.
    """
    with speaking(take.language):
        return _take_value(take)


def _take_value(take: Take) -> dict[str, Any]:
    return {
        "id": take.id,
        "title": take.title,
        "remark": take.remark,
        "facts": list(take.facts),
        **roll_value(take.piece),
        "midi": file_value(take.midi),
        "audio": file_value(take.audio),
        "parameters": file_value(take.parameters),
        "labels": player_labels(take.title, take.piece),
    }


def roll_value(piece: Piece) -> dict[str, Any]:
    """What is drawn of a piece.

    Notes are ``[start_s, end_s, pitch, role, velocity]``, as JSON in one text; bars are the seconds
    of their bar lines.
    """
    roles = sorted({note.role for note in piece.notes})
    notes = [
        [round(n.start_s, 3), round(n.end_s, 3), n.pitch, int(n.role), n.velocity]
        for n in timed_notes(piece)
    ]
    return {
        "legend": [[int(role), text(f"role_{role.label}")] for role in roles],
        "notes": json.dumps(notes, separators=(",", ":")),
        "bars": [round(s, 3) for s in seconds_at(piece, [bar.start for bar in piece.bars])],
        "seconds": round(duration_s(piece), 3),
    }


def player_labels(title: str, piece: Piece) -> dict[str, Any]:
    """What the parts of a player are called."""
    shown = {"name": title}
    seconds = round(duration_s(piece))
    plain = ("play", "midi", "audio", "parameters", "more", "send")
    return {
        **{key: text(key) for key in plain},
        **{f"download_{key}": text(f"download_{key}", **shown) for key in plain[1:4]},
        "roll": text("roll_label", notes=len(piece.notes), seconds=seconds, **shown),
        "targets": [[to, text(f"send_{to}")] for to in TARGETS],
    }


def file_value(path: Path) -> dict[str, Any]:
    """A file as Gradio's browser side reads it."""
    return {
        "path": str(path),
        "orig_name": path.name,
        "meta": {"_type": "gradio.FileData"},
    }
