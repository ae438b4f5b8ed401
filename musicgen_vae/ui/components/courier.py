"""Carries what is asked of any player on the page to one place.

A hidden component: players call out in the document, its script passes it on.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Courier(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``to_more``, ``to_a``, ``to_b``, ``to_edit`` or ``to_map`` with ``take``, its id."""

    def __init__(self) -> None:
        super().__init__(html_template="<span></span>", js_on_load=_SCRIPT, visible="hidden")
