"""The Map tab: clips laid out by their place in latent space."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from html import escape
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.music.clip import join
from musicgen_vae.ui.components.player import Player, roll_value
from musicgen_vae.ui.components.plot_clicks import Marks, PlotClicks
from musicgen_vae.ui.events import LATEST, PRIVATE, QUEUED, RENDERED, telling
from musicgen_vae.ui.figures import (
    LAYOUTS,
    MapColumns,
    map_colourings,
    map_columns,
    map_figure,
)
from musicgen_vae.ui.language import label
from musicgen_vae.ui.mapping import map_clip, map_label, place
from musicgen_vae.ui.studio import Studio, Tools
from musicgen_vae.ui.texts import WORDS, speaking, spoken, text
from musicgen_vae.ui.uploads import Upload, read_upload
from musicgen_vae.ui.visit import Visit

_PLOT_ID = "map-plot"


def build_map(studio: Studio, visit: gr.State, tab: gr.Tab) -> list[Any]:
    """Lay the tab out and wire it; the map itself comes when the tab is opened.

    Returns:
        What ``placed`` updates.
    """
    told = gr.State("")  # the language in which the map was last shown
    gr.Markdown(label("map_intro"))
    note = gr.Markdown(visible=False)
    with gr.Row(equal_height=True):
        colour = gr.Radio([], label=label("colour"), min_width=240, elem_id="map-colour")
        layout = gr.Radio(
            [(label(f"layout_{name}"), name) for name in LAYOUTS],
            value=LAYOUTS[0],
            label=label("layout"),
            min_width=160,
            elem_id="map-layout",
        )
        search = gr.Dropdown(
            [],
            value=None,
            label=label("search"),
            info=label("search_info"),
            min_width=240,
            elem_id="map-search",
        )
    plot = gr.Plot(label=label("plot_label"), elem_id=_PLOT_ID)
    trust = gr.Markdown(elem_classes="small-print")

    def roll_of(clip: int) -> dict[str, Any] | None:
        """The roll of a clip, for the pointer that is over it; nothing the map does not show."""
        atlas = studio.tools().atlas
        known = atlas is not None and isinstance(clip, int) and 0 <= clip < len(atlas)
        return roll_value(join([atlas.clip(clip)])) if atlas and known else None

    clicks = PlotClicks(_PLOT_ID, roll_of)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            original = Player(elem_id="map-original")
        with gr.Column(min_width=280):
            made = Player(elem_id="map-reconstruction")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            file = gr.File(
                label=label("place_file"),
                file_types=[".mid", ".midi", ".rmi"],
                height=110,
                elem_id="map-file",
            )
            neighbours = gr.Radio(
                [],
                label=label("neighbours"),
                info=label("neighbours_info"),
                visible=False,
                elem_id="map-neighbours",
            )
        with gr.Column(min_width=280):
            own = Player(elem_id="map-own")
            inferred = gr.Markdown(elem_id="map-inferred")
    attribution = gr.Markdown()

    @lru_cache(maxsize=len(WORDS))
    def columns_in(language: str) -> MapColumns:
        """What dots can be coloured by, kept: measuring every clip takes seconds."""
        with speaking(language):
            return map_columns(_with_atlas(studio)[1])

    @telling
    def on_look(chosen: str | None, layout: str, told: str) -> list[Any]:
        tools = studio.tools()
        atlas = tools.atlas
        if atlas is None:
            hidden = gr.update(visible=False)
            missing = gr.update(value=text("map_missing"), visible=True)
            return [hidden, hidden, told, missing, *[hidden] * 4]
        language = spoken()
        columns = columns_in(language)
        colourings = map_colourings(columns)
        name = chosen if chosen in colourings else colourings[0]
        seen = [map_figure(atlas, columns, name, layout), _trust(atlas, layout), language]
        if told == language:
            return [*seen, *[gr.skip()] * 5]
        stale = atlas.checkpoint != tools.composer.checkpoint.hash
        return [
            *seen,
            gr.update(value=text("map_stale"), visible=stale),
            gr.update(choices=[(text(f"colour_{one}"), one) for one in colourings])
            # What was chosen is not said again: it may be another by now.
            | ({} if name == chosen else {"value": name}),
            gr.update(
                choices=[
                    (text("search_choice", label=shown, source=atlas.info(i).source), i)
                    for i, shown in enumerate(columns.labels)
                ]
            ),
            gr.update(visible=len(atlas.layouts) > 1),
            _attribution(atlas),
        ]

    def chosen(index: int, visit: Visit) -> list[Any]:
        tools, atlas = _with_atlas(studio)
        takes = map_clip(tools.composer, atlas, tools.recorder, index)[:2]
        return [*(visit.keep(take) for take in takes), Marks(clip=index)]

    @telling
    def on_point(visit: Visit, event: gr.EventData) -> list[Any]:
        index = int(event.clip)
        return [*chosen(index, visit), index]

    @telling
    def on_search(index: int | None, visit: Visit) -> list[Any]:
        return [gr.skip()] * 3 if index is None else chosen(index, visit)

    @telling
    def on_file(file: str | None, visit: Visit) -> list[Any]:
        if file is None:
            return [None, gr.update(choices=[], visible=False), None, ""]
        upload = read_upload(file, studio.tools().composer)
        return placed(studio, upload, visit)

    # One event for the opening and for choices, so that the latest of them is answered last.
    gr.on(
        [tab.select, colour.input, layout.input],
        on_look,
        [colour, layout, told],
        [plot, trust, told, note, colour, search, layout, attribution],
        show_progress_on=[plot],
        **RENDERED,
        **PRIVATE,
        **LATEST,
    )
    heard = [original, made, clicks]
    # Not LATEST, which would answer the same dot again: an event's data is its first one's.
    many = {"trigger_mode": "multiple"}
    clicks.point(on_point, visit, [*heard, search], **QUEUED, **PRIVATE, **many)
    search.input(on_search, [search, visit], heard, **QUEUED, **PRIVATE, **LATEST)
    neighbours.input(on_search, [neighbours, visit], heard, **QUEUED, **PRIVATE, **LATEST)
    where = [own, neighbours, clicks, inferred]
    gr.on([file.upload, file.clear], on_file, [file, visit], where, **QUEUED, **PRIVATE)
    return where


def placed(studio: Studio, upload: Upload, visit: Visit) -> list[Any]:
    """Updates of what ``build_map`` returns that show where the first clip of ``upload`` lies."""
    tools, atlas = _with_atlas(studio)
    take, placement, heard = place(tools.composer, atlas, tools.recorder, upload)
    near = zip(placement.neighbours, placement.distances, placement.weights, strict=True)
    choices = [
        (
            text(
                "neighbour",
                label=map_label(atlas, i),
                distance=f"{distance:.1f}",
                weight=round(100 * weight),
            ),
            i,
        )
        for i, distance, weight in near
    ]
    return [
        visit.keep(take),
        gr.update(choices=choices, value=None, visible=True),
        Marks(places=placement.places),
        heard.told(),
    ]


def _with_atlas(studio: Studio) -> tuple[Tools, Atlas]:
    tools = studio.tools()
    if tools.atlas is None:
        raise ControlError(text("map_missing_api"))
    return tools, tools.atlas


def _trust(atlas: Atlas, layout: str) -> str:
    value = atlas.trust.get(layout)
    return "" if value is None else text("map_trust", value=f"{value:.3f}")


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
