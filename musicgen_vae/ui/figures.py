"""The map of clips as a Plotly figure.

This module knows atlases and Plotly; it does not know the model or Gradio. Hover texts are escaped:
Plotly reads some markup in them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.music.attributes import measure
from musicgen_vae.ui.mapping import map_label
from musicgen_vae.ui.takes import key_name, mood_name
from musicgen_vae.ui.texts import text

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
"""Okabe and Ito's, told apart by colour-blind eyes; with ``SYMBOLS`` no colour stands alone."""
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x", "circle")
_GREY = "rgba(128, 128, 128, 0.9)"
_MARKER_SIZE = 6
_HEIGHT = 520
LAYOUTS = ("tsne", "pca")
"""Those that an atlas may have; the first is always there."""
BARE_AXIS = {"visible": False, "range": [-1.08, 1.08]}
"""Of a map."""


@dataclass(frozen=True, kw_only=True)
class MapColumns:
    """What dots can be coloured by; n clips.

    Attributes:
        labels: title and bars of each, shape (n,).
        groups: name of the colouring to the group of each clip, shape (n,).
        density: mean notes per quarter note of each, shape (n,).
    """

    labels: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    density: tuple[float, ...]


def map_columns(atlas: Atlas) -> MapColumns:
    """What dots can be coloured by.

    Colourings with a single group, or with the same groups as an earlier one, are left out.
    """
    clips = [atlas.clip(i) for i in range(len(atlas))]
    infos = [atlas.info(i) for i in range(len(atlas))]
    candidates = {
        "style": tuple(info.style for info in infos),
        "source": tuple(info.source for info in infos),
        "mode": tuple(text(f"mode_{clip.key.mode.value}") for clip in clips),
        "key": tuple(key_name(clip.key) for clip in clips),
        "emotion": tuple(mood_name(clip) for clip in clips),
    }
    groups: dict[str, tuple[str, ...]] = {}
    for name, values in candidates.items():
        n_groups = len(set(values))
        told = any(
            len(set(zip(values, other, strict=True))) == n_groups == len(set(other))
            for other in groups.values()
        )
        if n_groups > 1 and not told:
            groups[name] = values
    return MapColumns(
        labels=tuple(map_label(atlas, i) for i in range(len(atlas))),
        groups=groups,
        density=tuple(round(float(measure(clip).density.mean()), 2) for clip in clips),
    )


def map_colourings(columns: MapColumns) -> tuple[str, ...]:
    """Names of the colourings there are, the first one being the default."""
    return (*columns.groups, "density")


def map_figure(
    atlas: Atlas, columns: MapColumns, colouring: str, layout: str = "tsne"
) -> go.Figure:
    """The map, with the index of each clip in ``customdata``; the last trace marks what is chosen.

    The layout's ``meta`` names the layout of the map that is shown.

    Args:
        atlas: n clips and their places.
        columns: of the same atlas.
        colouring: one of ``map_colourings(columns)``; any other is taken for density.
        layout: one of ``atlas.layouts``; any other is taken for t-SNE.
    """
    xy = atlas.layouts.get(layout, atlas.xy)
    figure = go.Figure()
    if colouring in columns.groups:
        for rank, (group, indices) in enumerate(_ranked(columns.groups[colouring])):
            marker = {"size": _MARKER_SIZE, "color": COLOURS[rank], "symbol": SYMBOLS[rank]}
            figure.add_trace(_dots(xy, columns, indices, marker, name=escape(group)))
    else:
        marker = {
            "size": _MARKER_SIZE,
            "color": list(columns.density),
            "colorscale": "Cividis",
            "colorbar": {"title": {"text": text("density_axis")}, "thickness": 12, "len": 0.6},
        }
        everything = list(range(len(atlas)))
        figure.add_trace(_dots(xy, columns, everything, marker, name=""))
    figure.add_trace(
        go.Scatter(
            x=[],
            y=[],
            mode="markers",
            name=text("selected"),
            showlegend=False,
            hoverinfo="skip",
            marker={"size": 18, "symbol": "circle-open", "line": {"width": 3}, "color": "#D55E00"},
        )
    )
    figure.update_layout(
        quiet_layout(_HEIGHT),
        meta=layout if layout in atlas.layouts else LAYOUTS[0],
        xaxis=BARE_AXIS,
        yaxis=BARE_AXIS,
        legend={"orientation": "h", "y": 0, "yanchor": "top", "itemsizing": "constant"},
        hoverdistance=8,
    )
    return figure


def quiet_layout(height: int) -> dict[str, Any]:
    """A layout on the page's own ground, ``height`` pixels high."""
    return {
        "height": height,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _GREY},
        # A finger on the map scrolls the page; the bar has buttons for the rest.
        "dragmode": False,
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": _GREY,
            "remove": ["lasso", "select", "toimage", "autoscale"],
        },
    }


def _ranked(values: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    """Groups by size with their clips; those beyond the palette are put together."""
    order = [group for group, _ in Counter(values).most_common()]
    if len(order) > len(COLOURS):
        kept = order[: len(COLOURS) - 1]
        values = tuple(value if value in kept else text("other") for value in values)
        order = [*kept, text("other")]
    return [(group, [i for i, value in enumerate(values) if value == group]) for group in order]


def _dots(
    xy: NDArray[np.float32],
    columns: MapColumns,
    indices: list[int],
    marker: dict[str, object],
    *,
    name: str,
) -> go.Scattergl:
    # Lists, because the page's script searches them: arrays would be sent as packed bytes.
    places = np.asarray(xy[indices], dtype=np.float64).round(4)
    return go.Scattergl(
        x=places[:, 0].tolist(),
        y=places[:, 1].tolist(),
        mode="markers",
        name=name,
        marker=marker,
        customdata=[[i] for i in indices],
        text=[escape(columns.labels[i]) for i in indices],
        hovertemplate="%{text}<extra></extra>",
    )
