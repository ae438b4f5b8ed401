"""The page as a whole: its tabs, its API, its looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from musicgen_vae.audio import Renderer
from musicgen_vae.errors import CheckpointError, CorpusError
from musicgen_vae.generation.atlas import ATLAS_FOLDER, Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.midi import MAX_BYTES
from musicgen_vae.ui.api import build_api
from musicgen_vae.ui.events import MAX_QUEUE
from musicgen_vae.ui.tabs.create import build_create
from musicgen_vae.ui.tabs.map import build_map
from musicgen_vae.ui.tabs.morph import EXAMPLES_FOLDER, build_morph
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.zerogpu import GpuLender

_STYLE = Path(__file__).parent / "components" / "page.css"
_CLEAN_EVERY_S, _KEEP_S = 600, 2 * 3600


def build_page(
    composer: Composer,
    renderer: Renderer,
    atlas: Atlas | None,
    lender: GpuLender | None = None,
) -> gr.Blocks:
    """The page, ready for ``launch(**launch_options())``.

    Args:
        composer: the model.
        renderer: makes the sound.
        atlas: the map, if there is one.
        lender: lends a GPU to requests, where there is one to be lent.
    """
    # In Gradio's own folder, files are served without a copy and deleted when they are old.
    folder = Path(get_upload_folder()) / "takes"
    recorder = Recorder(
        renderer=renderer,
        folder=folder,
        edges=composer.spec.edges,
        checkpoint=composer.checkpoint.hash,
        lender=lender,
    )
    if lender is not None:
        lender.know(composer=composer, recorder=recorder, atlas=atlas)
    with gr.Blocks(
        title=text("title"), delete_cache=(_CLEAN_EVERY_S, _KEEP_S), analytics_enabled=False
    ) as page:
        gr.Markdown(f"# {text('title')}\n{text('subtitle')}", elem_classes="masthead")
        with gr.Tabs():
            with gr.Tab(text("tab_create"), id="create"):
                build_create(composer, recorder)
            with gr.Tab(text("tab_morph"), id="morph"):
                build_morph(composer, recorder)
            with gr.Tab(text("tab_map"), id="map"):
                build_map(composer, recorder, atlas)
        build_api(composer, recorder, atlas)
    return page.queue(max_size=MAX_QUEUE)


def find_atlas() -> Atlas | None:
    """The map that ships; None if it is not there or not readable."""
    try:
        return Atlas.load(ATLAS_FOLDER)
    except (CorpusError, CheckpointError):
        return None


def launch_options() -> dict[str, Any]:
    """What ``launch`` needs besides an address, which Gradio takes from the environment."""
    return {
        "theme": _theme(),
        "css_paths": [_STYLE],
        "allowed_paths": [str(EXAMPLES_FOLDER)],
        "max_file_size": MAX_BYTES,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "enable_monitoring": False,
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
        # The theme's own grey for small print is too pale to read.
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
    )
