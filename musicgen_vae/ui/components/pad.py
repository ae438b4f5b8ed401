"""A square for valence and arousal, with its four quadrants named.

It mirrors two sliders and a box, which hold the truth. It knows nothing of emotion but the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.music.emotion import QUADRANTS
from musicgen_vae.ui.texts import text

_TEMPLATE = """
<div class="pad" role="slider" tabindex="0" aria-valuemin="-1" aria-valuemax="1" aria-valuenow="0">
  <span class="pad-Q2"></span><span class="pad-Q1"></span>
  <span class="pad-Q3"></span><span class="pad-Q4"></span>
  <div class="pad-dot"></div>
</div>
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

TO_FIELDS = "(pad) => [pad.on, pad.valence, pad.arousal]"
"""JavaScript from the pad's value to those of the box and the sliders."""
FROM_FIELDS = "(on, valence, arousal) => ({ on, valence, arousal })"
"""The inverse."""


class Pad(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``feel`` when a visitor moves the point."""

    def __init__(self, **options: Any) -> None:
        # Gradio makes the component again with other texts when the language changes.
        options = {"texts": pad_texts(), **options}
        super().__init__(
            {"on": False, "valence": 0, "arousal": 0},
            html_template=_TEMPLATE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Plain values as they are."""
        return value


def pad_texts() -> dict[str, str]:
    """What the pad says, in the language being spoken."""
    texts = {quadrant: text(f"quadrant_{quadrant}") for quadrant in QUADRANTS}
    return texts | {"label": text("pad_label"), "off": text("unspecified")}
