"""The Map tab: clips laid out by their place in latent space."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

import gradio as gr

from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.ui import handlers
from musicgen_vae.ui.components.plot_clicks import PlotClicks
from musicgen_vae.ui.components.roll import Roll
from musicgen_vae.ui.events import PRIVATE, QUEUED, telling
from musicgen_vae.ui.figures import map_colourings, map_columns, map_figure
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.texts import text

_PLOT_ID = "map-plot"


def build_map(composer: Composer, recorder: Recorder, atlas: Atlas | None) -> None:
    """Lay the tab out and wire it; without an atlas it says so."""
    if atlas is None:
        gr.Markdown(text("map_missing"))
        return
    columns = map_columns(atlas)
    colourings = map_colourings(columns)
    gr.Markdown(text("map_intro"))
    if atlas.checkpoint != composer.checkpoint.hash:
        gr.Markdown(text("map_stale"))
    with gr.Row(equal_height=True):
        colour = gr.Radio(
            [(text(f"colour_{name}"), name) for name in colourings],
            value=colourings[0],
            label=text("colour"),
            min_width=240,
        )
        search = gr.Dropdown(
            [
                (text("search_choice", label=label, source=atlas.info(i).source), i)
                for i, label in enumerate(columns.labels)
            ],
            value=None,
            label=text("search"),
            info=text("search_info"),
            min_width=240,
            elem_id="map-search",
        )
    plot = gr.Plot(
        map_figure(atlas, columns, colourings[0]), label=text("plot_label"), elem_id=_PLOT_ID
    )
    clicks = PlotClicks(_PLOT_ID)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            original = Roll(elem_id="map-original")
        with gr.Column(min_width=300):
            made = Roll(elem_id="map-reconstruction")
    gr.Markdown(_attribution(atlas))

    @telling
    def on_point(event: gr.EventData) -> list[Any]:
        index = int(event.clip)
        return [*handlers.map_clip(composer, atlas, recorder, index)[:2], index, index]

    @telling
    def on_search(index: int | None) -> list[Any]:
        if index is None:
            return [gr.skip()] * 3
        return [*handlers.map_clip(composer, atlas, recorder, index)[:2], index]

    clicks.point(on_point, outputs=[original, made, clicks, search], **QUEUED, **PRIVATE)
    search.input(on_search, search, [original, made, clicks], **QUEUED, **PRIVATE)
    colour.input(lambda name: map_figure(atlas, columns, name), colour, plot, **PRIVATE)


def _attribution(atlas: Atlas) -> str:
    """Sources with their licences, the largest first, as Markdown."""
    infos = [atlas.info(i) for i in range(len(atlas))]
    sources = Counter(info.source for info in infos)
    licences = Counter((info.source, info.licence) for info in infos)
    lines = [f"#### {text('sources_heading')}", ""]
    for source, n in sources.most_common():
        lines.append("- " + text("sources_line", source=escape(source), n=n))
        lines += [
            "  - " + text("licence_line", n=n_licence, licence=escape(licence))
            for (of, licence), n_licence in licences.most_common()
            if of == source
        ]
    return "\n".join(lines)
