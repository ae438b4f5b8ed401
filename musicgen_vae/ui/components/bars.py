"""Levels of a few attributes for each of four bars, as columns that can be dragged.

It mirrors a small table, which holds the truth. It does not know what the attributes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.music.clip import BARS_PER_CLIP
from musicgen_vae.ui.texts import text

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

TO_TABLE = "(bars, table) => ({ ...table, data: table.data.map((row, i) => [row[0], ...bars[i]]) })"
"""JavaScript from the columns' value and the table's to the table's; its first column has names."""
FROM_TABLE = """(table) => [table.data.map((row) =>
  row.slice(1).map((cell) => (/^[0-7]$/.test(String(cell).trim()) ? String(cell).trim() : "")))]"""
"""JavaScript from the table's value to that of the columns, in a list of one output."""


class Bars(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``level`` when a visitor moves a column."""

    def __init__(self, names: Sequence[str], **options: Any) -> None:
        # Gradio makes the component again with other texts when the language changes.
        options = {"texts": bars_texts(names), **options}
        super().__init__(
            empty_levels(len(names)),
            html_template='<div class="bars"></div>',
            js_on_load=_SCRIPT,
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: list[list[str]] | None) -> list[list[str]] | None:
        """Plain values as they are."""
        return value


def empty_levels(n_rows: int) -> list[list[str]]:
    """Nothing specified."""
    return [[""] * BARS_PER_CLIP for _ in range(n_rows)]


def bars_texts(names: Sequence[str]) -> dict[str, Any]:
    """What the columns say, in the language being spoken."""
    return {
        "rows": [text(name) for name in names],
        "bars": [text("bar_n", n=n) for n in range(1, BARS_PER_CLIP + 1)],
        "unspecified": text("unspecified"),
    }
