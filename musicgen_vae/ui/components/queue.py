"""What a visitor reads while others are served first, in the visitor's language.

Gradio shows a visitor's place in the queue by itself, in English; a hidden component's script says
it again. It knows no queue.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.ui.texts import WORDS, spoken, text

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Queue(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Has no value; its texts change with the language."""

    def __init__(self, **options: Any) -> None:
        # Gradio makes the component again with other texts when the language changes.
        options = {"texts": queue_texts(), **options}
        super().__init__(
            html_template="<span></span>", js_on_load=_SCRIPT, visible="hidden", **options
        )


def queue_texts() -> dict[str, str]:
    """What is said, in the language being spoken; the script fills the braces."""
    return {
        "place": WORDS[spoken()]["queue_place"],
        "working": text("queue_working"),
        "full": text("queue_full"),
    }
