"""Clicks on the points of a Plotly figure, which ``gr.Plot`` does not report.

A hidden component whose script subscribes to the figure, marks points in it, and shows a small
piano roll of the point under the pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

_FOLDER = Path(__file__).parent
_SCRIPT = "".join(
    (_FOLDER / name).read_text(encoding="utf-8") for name in ("canvas.js", "plot_clicks.js")
)


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What is marked by the figure's last trace.

    Attributes:
        clip: number of a point.
        places: x and y of something that is no point, by the ``meta`` of the figure's layout: the
            mark is right whichever figure is shown, and moves when another one is.
    """

    clip: int | None = None
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class PlotClicks(gr.HTML):  # type: ignore[misc]  # Gradio is not typed
    """Triggers ``point`` with ``clip``, the first number of the clicked point's customdata.

    Its value are the ``Marks``.
    """

    def __init__(self, plot_id: str, roll_of: Callable[[int], dict[str, Any] | None]) -> None:
        super().__init__(
            html_template="<span></span>",
            js_on_load=_SCRIPT,
            visible="hidden",
            plot_id=plot_id,
            server_functions=[roll_of],
        )

    def postprocess(self, value: Marks | None) -> dict[str, Any] | None:
        """The marks as plain values."""
        return None if value is None else asdict(value)
