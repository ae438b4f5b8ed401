"""A piano roll that plays: canvas, playhead, audio and downloads of one take.

This module turns a take into the plain values that ``roll.js`` draws. It knows no handlers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.audio.renderer import duration_s, seconds_at, timed_notes
from musicgen_vae.music.clip import Piece
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text

_TEMPLATE = """
<figure class="roll" hidden>
  <figcaption><strong></strong><span class="roll-remark"></span></figcaption>
  <div class="roll-stage"><canvas role="img"></canvas><div class="roll-head"></div></div>
  <div class="roll-bar">
    <audio controls preload="metadata"></audio>
    <a class="roll-midi"></a><a class="roll-audio"></a>
  </div>
  <ul class="roll-legend"></ul>
  <ul class="roll-facts"></ul>
</figure>
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Roll(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Shows and plays a ``Take``; with None it is not there."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            html_template=_TEMPLATE, js_on_load=_SCRIPT, apply_default_css=False, **options
        )

    def postprocess(self, value: Take | None) -> dict[str, Any] | None:
        """The values that the script reads."""
        return None if value is None else roll_value(value)


def roll_value(take: Take) -> dict[str, Any]:
    """A take as plain values; Gradio adds addresses to the files.

    Notes are ``[start_s, end_s, pitch, role, velocity]``, bars the seconds of their bar lines.
    """
    piece = take.piece
    seconds = duration_s(piece)
    roles = sorted({note.role for note in piece.notes})
    shown = {"name": take.title}
    return {
        "title": take.title,
        "remark": take.remark,
        "facts": list(take.facts),
        "legend": [[int(role), text(f"role_{role.label}")] for role in roles],
        "notes": _notes(piece),
        "bars": [round(s, 3) for s in seconds_at(piece, [bar.start for bar in piece.bars])],
        "seconds": round(seconds, 3),
        "midi": _file(take.midi),
        "audio": _file(take.audio),
        "labels": {
            "roll": text("roll_label", notes=len(piece.notes), seconds=round(seconds), **shown),
            "player": text("player_label", **shown),
            "midi": text("midi"),
            "audio": text("audio"),
            "download_midi": text("download_midi", **shown),
            "download_audio": text("download_audio", **shown),
        },
    }


def _notes(piece: Piece) -> list[list[float]]:
    return [
        [round(n.start_s, 3), round(n.end_s, 3), n.pitch, int(n.role), n.velocity]
        for n in timed_notes(piece)
    ]


def _file(path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "orig_name": path.name,
        "meta": {"_type": "gradio.FileData"},
    }
