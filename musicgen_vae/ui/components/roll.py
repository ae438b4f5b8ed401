"""A piano roll on which one chooses what is kept: a click on a bar, or on the name of a role.

It mirrors two groups of boxes, which hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.music.clip import Clip, join
from musicgen_vae.ui.components.player import roll_value
from musicgen_vae.ui.texts import speaking, spoken, text

_TEMPLATE = """
<figure class="roll" hidden>
  <canvas role="img"></canvas>
  <ul></ul>
</figure>
"""
_FOLDER = Path(__file__).parent
_SCRIPT = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("canvas.js", "roll.js"))

TO_BOXES = "(roll) => [roll.bars, roll.roles]"
"""JavaScript from the roll's value to those of the boxes for bars and roles."""
FROM_BOXES = "(bars, roles, roll) => roll && { ...roll, bars, roles }"
"""The inverse."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A clip and what is kept of it.

    Attributes:
        clip: the notes.
        bars: bars kept whole, counted from 1.
        roles: labels of the roles kept in all bars.
        language: in which they are named.
    """

    clip: Clip
    bars: Sequence[int] = ()
    roles: Sequence[str] = ()
    language: str = field(default_factory=spoken)


class Roll(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``keep`` when a visitor keeps something or lets it go; None hides it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            html_template=_TEMPLATE, js_on_load=_SCRIPT, apply_default_css=False, **options
        )

    def postprocess(self, value: Kept | None) -> dict[str, Any] | None:
        """The values that the script reads."""
        if value is None:
            return None
        with speaking(value.language):
            return {
                "roll": roll_value(join([value.clip])),
                "bars": list(value.bars),
                "roles": list(value.roles),
                "texts": {
                    "label": text("edit_intro"),
                    "keeps": text("edit_keeps"),
                    "rewrites": text("edit_rewrites"),
                },
            }
