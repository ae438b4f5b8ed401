"""The path of a morph as Plotly figures: on the map, and along its steps.

This module knows paths, atlases and Plotly; it does not know the model or Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
import plotly.graph_objects as go

from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.ui.figures import BARE_AXIS, COLOURS, quiet_layout
from musicgen_vae.ui.morphing import MorphPath
from musicgen_vae.ui.texts import text

_HEIGHT = 380
_NEAREST = 0.25
"""Of the map is shown on each side at least, where all of it reaches from -1 to 1."""
_ROOM = 1.5
_GREY = "rgba(128, 128, 128, 0.45)"
_BLUE, _ORANGE, _GREEN = COLOURS[0], COLOURS[5], COLOURS[2]


def path_map(atlas: Atlas, path: MorphPath, layout: str = "tsne") -> go.Figure | None:
    """The steps as a line over the clips of the map, from A to B; None where they have no place.

    Args:
        atlas: the map on which they were placed.
        path: of S steps.
        layout: one of ``atlas.layouts``; any other is taken for t-SNE.
    """
    if not path.places:
        return None
    layout = layout if layout in path.places else "tsne"
    clips = np.asarray(atlas.layouts[layout], dtype=np.float64).round(3)
    xs, ys = np.round(path.places[layout], 4).T.tolist()
    last = len(xs) - 1
    figure = go.Figure()
    figure.add_trace(
        go.Scattergl(
            x=clips[:, 0].tolist(),
            y=clips[:, 1].tolist(),
            mode="markers",
            hoverinfo="skip",
            marker={"size": 4, "color": _GREY},
        )
    )
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="lines+markers",
            line={"color": _BLUE, "width": 2},
            marker={"size": 8, "color": _BLUE, "line": {"width": 1, "color": "white"}},
            hovertext=[text("path_step", n=i + 1, steps=last + 1) for i in range(last + 1)],
            hoverinfo="text",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[xs[0], xs[-1]],
            y=[ys[0], ys[-1]],
            mode="markers+text",
            text=["A", "B"],
            textfont={"color": "white", "size": 13},
            marker={"size": 20, "color": [_BLUE, _ORANGE]},
            hoverinfo="skip",
        )
    )
    figure.update_layout(
        quiet_layout(_HEIGHT),
        xaxis={**BARE_AXIS, "range": _around(xs)},
        yaxis={**BARE_AXIS, "range": _around(ys)},
        showlegend=False,
        hoverdistance=8,
    )
    return figure


def _around(values: Sequence[float]) -> list[float]:
    """A part of an axis with the path in the middle, and room for the clips around it."""
    middle = (max(values) + min(values)) / 2
    reach = max(_NEAREST, _ROOM * (max(values) - min(values)) / 2)
    return [round(middle - reach, 4), round(middle + reach, 4)]


def path_chart(path: MorphPath) -> go.Figure:
    """Above what each step and the cross-fade cost, below how far each step is from A."""
    steps = list(range(1, len(path.costs) + 1))
    rows = (
        ("chart_cost", path.costs, _BLUE, "solid", "circle", "y"),
        ("chart_fade", path.fade_costs, _ORANGE, "dash", "x", "y"),
        ("chart_distance", path.distances, _GREEN, "dot", "diamond", "y2"),
    )
    figure = go.Figure()
    for name, values, colour, dash, symbol, yaxis in rows:
        figure.add_trace(
            go.Scatter(
                x=steps,
                y=[round(value, 2) if isfinite(value) else None for value in values],
                name=text(name),
                yaxis=yaxis,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 8},
                hovertemplate="%{y}<extra></extra>",
            )
        )
    axis = {"gridcolor": "rgba(128, 128, 128, 0.2)", "zeroline": False}
    step = {"range": [0.7, len(steps) + 0.3], "dtick": 1 if len(steps) < 12 else 2}
    figure.update_layout(
        quiet_layout(_HEIGHT),
        # The label of the plot lies over its upper edge.
        margin={"l": 50, "r": 10, "t": 34, "b": 90},
        xaxis={**axis, **step, "anchor": "y2", "title": text("axis_step")},
        yaxis={**axis, "domain": [0.42, 1], "rangemode": "tozero", "title": text("axis_cost")},
        yaxis2={
            **axis,
            "domain": [0, 0.32],
            "rangemode": "tozero",
            "title": text("axis_distance"),
        },
        legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0},
        hovermode="x",
    )
    return figure
