"""The Map tab: clips laid out by their place in latent space."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.ui import handlers
from musicgen_vae.ui.components.player import Player
from musicgen_vae.ui.components.plot_clicks import PlotClicks
from musicgen_vae.ui.events import PRIVATE, QUEUED, RENDERED, telling
from musicgen_vae.ui.figures import map_colourings, map_columns, map_figure
from musicgen_vae.ui.language import label
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.visit import Visit

_PLOT_ID = "map-plot"


def build_map(studio: Studio, visit: gr.State, tab: gr.Tab) -> None:
    """Lay the tab out and wire it; the map itself comes when the tab is first opened."""
    gr.Markdown(label("map_intro"))
    note = gr.Markdown(visible=False)
    with gr.Row(equal_height=True):
        colour = gr.Radio([], label=label("colour"), min_width=240, elem_id="map-colour")
        search = gr.Dropdown(
            [],
            value=None,
            label=label("search"),
            info=label("search_info"),
            min_width=240,
            elem_id="map-search",
        )
    plot = gr.Plot(label=label("plot_label"), elem_id=_PLOT_ID)
    clicks = PlotClicks(_PLOT_ID)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            original = Player(elem_id="map-original")
        with gr.Column(min_width=280):
            made = Player(elem_id="map-reconstruction")
    attribution = gr.Markdown()

    @telling
    def on_open() -> list[Any]:
        tools = studio.tools()
        atlas = tools.atlas
        if atlas is None:
            hidden = gr.update(visible=False)
            return [gr.update(value=text("map_missing"), visible=True), *[hidden] * 4]
        stale = atlas.checkpoint != tools.composer.checkpoint.hash
        columns = map_columns(atlas)
        colourings = map_colourings(columns)
        return [
            gr.update(value=text("map_stale"), visible=stale),
            gr.update(
                choices=[(text(f"colour_{name}"), name) for name in colourings],
                value=colourings[0],
            ),
            gr.update(
                choices=[
                    (text("search_choice", label=shown, source=atlas.info(i).source), i)
                    for i, shown in enumerate(columns.labels)
                ]
            ),
            map_figure(atlas, columns, colourings[0]),
            _attribution(atlas),
        ]

    def chosen(index: int, visit: Visit) -> list[Any]:
        tools = studio.tools()
        if tools.atlas is None:
            raise ControlError(text("map_missing_api"))
        takes = handlers.map_clip(tools.composer, tools.atlas, tools.recorder, index)[:2]
        return [*(visit.keep(take) for take in takes), index]

    @telling
    def on_point(visit: Visit, event: gr.EventData) -> list[Any]:
        index = int(event.clip)
        return [*chosen(index, visit), index]

    @telling
    def on_search(index: int | None, visit: Visit) -> list[Any]:
        return [gr.skip()] * 3 if index is None else chosen(index, visit)

    @telling
    def on_colour(name: str) -> Any:
        atlas = studio.tools().atlas
        return gr.skip() if atlas is None else map_figure(atlas, map_columns(atlas), name)

    shown = [note, colour, search, plot, attribution]
    tab.select(on_open, outputs=shown, **RENDERED, **PRIVATE)
    clicks.point(on_point, visit, [original, made, clicks, search], **QUEUED, **PRIVATE)
    search.input(on_search, [search, visit], [original, made, clicks], **QUEUED, **PRIVATE)
    colour.input(on_colour, colour, plot, **RENDERED, **PRIVATE)


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
