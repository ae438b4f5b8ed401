"""The page as a whole: its tabs, its API, its looks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.route_utils import delete_files_created_by_app
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from musicgen_vae.errors import MusicGenError
from musicgen_vae.music.midi import MAX_BYTES
from musicgen_vae.ui import language
from musicgen_vae.ui.api import build_api
from musicgen_vae.ui.components.courier import Courier
from musicgen_vae.ui.components.queue import Queue, queue_texts
from musicgen_vae.ui.events import (
    AT_ONCE,
    MAX_QUEUE,
    PRIVATE,
    QUEUED,
    RENDERED,
    plain,
    runs,
    telling,
)
from musicgen_vae.ui.fields import to_names
from musicgen_vae.ui.landing import LANDING_FOLDER, Landing
from musicgen_vae.ui.language import label
from musicgen_vae.ui.prelude import Prelude, preludes
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.tabs.create import TO_RESULTS, build_create, more_like, opened_by_link
from musicgen_vae.ui.tabs.edit import build_edit
from musicgen_vae.ui.tabs.edit import received as send_to_edit
from musicgen_vae.ui.tabs.map import build_map, placed
from musicgen_vae.ui.tabs.morph import EXAMPLES_FOLDER, build_morph, examples, received
from musicgen_vae.ui.tabs.start import build_start, prepared
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.visit import Visit

_STYLE = Path(__file__).parent / "components" / "page.css"
_TICK_S = 0.5
_MAX_SESSIONS = 128
"""Visitors who are remembered; Gradio would keep 10,000, each with all that was made for them."""


def build_page(studio: Studio, landing: Landing | None) -> gr.Blocks:
    """The page, ready to be launched with ``launch_options``; it needs no model to be shown.

    Args:
        studio: has the model, or will have it.
        landing: the morph to open on, if there is one.
    """
    tunes = examples()
    with gr.Blocks(title="MusicGen-VAE", analytics_enabled=False) as page:
        visit = gr.State(Visit())
        courier, queue = Courier(), Queue()
        with gr.Row(elem_classes="masthead", equal_height=False):
            with gr.Column(scale=4, min_width=240):
                gr.Markdown("# MusicGen-VAE")
                gr.Markdown(label("subtitle"))
            tongue = gr.Dropdown(
                [(name, tag) for tag, name in language.NAMES.items()],
                value="en",
                label=label("language"),
                min_width=130,
                scale=1,
                elem_id="language",
            )
        status = gr.Markdown(label("warming_up"), elem_id="status")
        # HTML of escaped text, as Markdown would read links and images in what a stranger wrote.
        flush = ".html-container:has(> &) { padding: 0; }"  # as the Markdown around it
        notice = gr.HTML(css_template=flush, visible=False, elem_id="notice")
        timer = gr.Timer(_TICK_S)
        each: dict[str, gr.Tab] = {}
        with gr.Tabs(selected="start" if landing else "create") as tabs:
            if landing:
                with gr.Tab(label("tab_start"), id="start") as each["start"]:
                    start = build_start(studio, landing, visit)
            with gr.Tab(label("tab_create"), id="create") as each["create"]:
                create = build_create(studio, visit)
            with gr.Tab(label("tab_morph"), id="morph") as each["morph"]:
                sides = build_morph(studio, visit, tunes)
            with gr.Tab(label("tab_edit"), id="edit") as each["edit"]:
                editor = build_edit(studio, visit, tunes)
            with gr.Tab(label("tab_map"), id="map") as each["map"]:
                found = build_map(studio, visit, each["map"])
        gr.Markdown(label("uploads_kept"), elem_classes="small-print")
        build_api(studio)

        def find(visit: Visit, event: gr.EventData) -> Take:
            """The take that a player sent: the visitor's own, or a prepared one."""
            if landing:
                for take in landing.takes(studio.spec.edges if studio.spec else None):
                    if take.id == event.take:
                        return take
            return visit.take(event.take)

        def on_more(visit: Visit, event: gr.EventData) -> Iterator[list[Any]]:
            yield from more_like(studio, create, find(visit, event), visit)

        @telling
        def on_side(visit: Visit, event: gr.EventData) -> list[Any]:
            return [gr.Tabs(selected="morph"), *received(studio, find(visit, event))]

        @telling
        def on_edit(visit: Visit, bars: Any, roles: Any, event: gr.EventData) -> list[Any]:
            return [
                gr.Tabs(selected="edit"),
                *send_to_edit(studio, find(visit, event), bars, roles),
            ]

        @telling
        def on_place(visit: Visit, event: gr.EventData) -> list[Any]:
            take = find(visit, event)
            upload = Upload(piece=take.piece, title=take.title)
            return [gr.Tabs(selected="map"), *placed(studio, upload, visit)]

        @telling
        def on_tick() -> list[Any]:
            waiting = studio.state == "warming"
            message = text("failed", reason=studio.failure) if studio.failure else None
            shown = gr.update() if waiting else gr.update(value=message, visible=bool(message))
            return [shown, gr.Timer(active=waiting)]

        @telling
        def on_open() -> dict[Any, Any]:
            # A toast would be gone before the page is looked at: Gradio shows none this early.
            try:
                found = opened_by_link(studio, create, language.visitor_query())
            except MusicGenError as error:
                return {notice: gr.HTML(plain(error), visible=True)}
            if found is None:
                return {tabs: gr.skip()}
            updates, remark = found
            said = gr.HTML(escape(remark), visible=bool(remark))
            return {tabs: gr.Tabs(selected="create"), notice: said, **updates}

        @telling
        def on_language(step: int = 1) -> list[Any]:
            # The browser translates no names of tabs that have not been opened yet.
            named: list[Any] = [gr.Tab(label=text(f"tab_{name}")) for name in each]
            named += [gr.update(texts=queue_texts()), *create.fields.translated()]
            return [*named, prepared(studio, landing, step)] if landing else named

        # The tab opens at once; the model may have others to serve first.
        opens = courier.to_more(
            lambda: gr.Tabs(selected="create"), outputs=tabs, **AT_ONCE, **PRIVATE
        )
        opens.then(None, js=TO_RESULTS, **PRIVATE)
        runs(courier.to_more, on_more, visit, create.results, stop=create.stop, visit=visit)
        for side, arrives in zip(sides, (courier.to_a, courier.to_b), strict=True):
            arrives(on_side, visit, [tabs, *side.outputs], **RENDERED, **PRIVATE)
        courier.to_edit(
            on_edit, [visit, *editor.kept], [tabs, *editor.outputs], **RENDERED, **PRIVATE
        )
        courier.to_map(on_place, visit, [tabs, *found], **QUEUED, **PRIVATE)
        timer.tick(on_tick, outputs=[status, timer], **AT_ONCE, **PRIVATE)
        opened = [tabs, notice, create.linked, *create.fields.inputs.values()]
        page.load(on_open, outputs=opened, **AT_ONCE, **PRIVATE)
        script = language.script()
        page.load(None, outputs=tongue, js=script, **PRIVATE)
        tongue.input(None, tongue, tongue, js=script, **PRIVATE)
        mirrors = [mirror for mirror, _ in create.fields.mirrors]
        said = [*each.values(), queue, *mirrors, *([start.player] if landing else [])]
        asked = [start.step] if landing else []
        levels = create.fields.levels
        tongue.change(None, [tongue, levels], levels, js=to_names(), **PRIVATE)
        tongue.change(on_language, asked, said, **AT_ONCE, **PRIVATE)
    return page.queue(max_size=MAX_QUEUE)


def takes_folder() -> Path:
    """Where takes go: in Gradio's own folder files are served uncopied, and deleted when old."""
    return Path(get_upload_folder()) / "takes"


def delete_uploads(page: gr.Blocks, age_s: int) -> None:
    """Delete the files that Gradio was given or handed out and that are ``age_s`` seconds old.

    As its ``delete_cache`` does on a schedule, which ends for good when a file comes while it goes
    through its list.
    """
    try:
        delete_files_created_by_app(page, age_s)
    except RuntimeError:  # the list grew: what is left is for the next round
        return


def launch_options(studio: Studio, landing: Landing | None) -> dict[str, Any]:
    """What ``launch`` needs besides an address, which Gradio takes from the environment."""
    edges = studio.spec.edges if studio.spec else None
    first = [Middleware(Prelude, preludes=preludes(landing, edges))] if landing else []
    return {
        "app_kwargs": {"middleware": first},
        "theme": _theme(),
        "css_paths": [_STYLE],
        "i18n": language.translations(),
        "allowed_paths": [str(EXAMPLES_FOLDER), str(LANDING_FOLDER)],
        "max_file_size": MAX_BYTES,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "enable_monitoring": False,
        "state_session_capacity": _MAX_SESSIONS,
        # Or else Gradio gives up where the first answer takes 3 s, as on a machine with much to do.
        "_frontend": False,
        "ssr_mode": False,
    }


def _theme() -> gr.themes.Base:
    """Calm greys and one accent, Okabe and Ito's blue."""
    blue = gr.themes.Color(
        "#eef6fb",
        "#d9ebf6",
        "#b3d7ed",
        "#7dbbdf",
        "#3f99cb",
        "#1580bb",
        "#0072b2",
        "#005f95",
        "#004d79",
        "#003c5e",
        "#002b44",
    )
    # The reader's own fonts: nothing to load, and every letter is there.
    return gr.themes.Default(
        primary_hue=blue,
        secondary_hue=blue,
        neutral_hue="slate",
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    ).set(
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        slider_color="*primary_600",
        # The theme's own blues and its grey for small print are too pale to read.
        color_accent="*primary_600",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_400",
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
    )
