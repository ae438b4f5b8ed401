"""Clicks on the points of a Plotly figure, which ``gr.Plot`` does not report.

A hidden component whose script subscribes to the figure and also marks a point in it.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class PlotClicks(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``point`` with ``clip``, the first number of the clicked point's customdata.

    Its value is the number of the point to be marked by the figure's last trace, or None.
    """

    def __init__(self, plot_id: str) -> None:
        super().__init__(
            html_template="<span></span>", js_on_load=_SCRIPT, visible="hidden", plot_id=plot_id
        )

    def postprocess(self, value: int | None) -> int | None:
        """The number as it is."""
        return value
