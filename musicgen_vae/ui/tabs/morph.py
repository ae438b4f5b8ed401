"""The Morph tab: two tunes, four bars of each, and what lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError, InputError
from musicgen_vae.ui.components.player import CHOOSE_STEP, Player, Steps
from musicgen_vae.ui.events import AT_ONCE, LATEST, PRIVATE, RENDERED, UNSEEN, plain, runs, telling
from musicgen_vae.ui.figures import LAYOUTS
from musicgen_vae.ui.language import label
from musicgen_vae.ui.morphing import (
    KEY_CHOICES,
    MAX_STEPS,
    MIN_STEPS,
    PATHS,
    ROLES,
    MorphPath,
    MorphRequest,
    morph_path,
    morph_whole,
    morphing,
    naive_fade,
    path_lesson,
    path_table,
)
from musicgen_vae.ui.path_figures import path_chart, path_map
from musicgen_vae.ui.studio import Studio, Tools
from musicgen_vae.ui.takes import Take, known_as
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload, preview, read_upload
from musicgen_vae.ui.visit import Visit

EXAMPLES_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "examples"
_PAIRS = (
    ("ode_to_joy", "korobeiniki"),
    ("minuet_in_g", "brahms_lullaby"),
    ("greensleeves", "fur_elise"),
)
_SIDES = ("a", "b")
_N_STEPS = 9
_NOTHING = "none"
_TO_RESULT = """() => document.querySelector("#morph").scrollIntoView()"""
"""A pair is chosen at the top of the tab; what becomes of it is shown further down."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """The components of one of the two tunes; ``source`` holds the tune itself."""

    name: str
    source: gr.State
    file: gr.File
    example: gr.Dropdown
    clip: gr.Radio
    player: Player

    @property
    def outputs(self) -> list[Any]:
        """What changes when another tune is chosen."""
        return [self.source, self.file, self.clip, self.player, self.example]


def build_morph(studio: Studio, visit: gr.State, tunes: dict[str, str]) -> list[Side]:
    """Lay the tab out and wire it; returns both sides, for takes from elsewhere."""
    gr.Markdown(label("morph_intro"))
    with gr.Row(elem_classes="pairs"):
        pairs = [
            (gr.Button(text("pair", a=tunes[a], b=tunes[b]), size="sm", min_width=200), a, b)
            for a, b in ((_path(a), _path(b)) for a, b in _PAIRS)
            if a in tunes and b in tunes
        ]
    with gr.Row(equal_height=False):
        sides = [_side(name, tunes) for name in _SIDES]
    with gr.Row(equal_height=True):
        key = gr.Radio(
            [(label(f"morph_key_{name}"), name) for name in KEY_CHOICES],
            value="a",
            label=label("morph_key"),
            min_width=200,
            elem_id="morph-key",
        )
        path = gr.Radio(
            [(label(f"path_{name}"), name) for name in PATHS],
            value="line",
            label=label("path"),
            min_width=200,
            elem_id="morph-path",
        )
        steps = gr.Slider(
            MIN_STEPS,
            MAX_STEPS,
            value=_N_STEPS,
            step=1,
            label=label("steps"),
            info=label("steps_info"),
            min_width=200,
            elem_id="morph-steps",
        )
        keep = gr.Dropdown(
            [
                (label("morph_keep_none"), _NOTHING),
                *((label(f"role_{role}"), role) for role in ROLES),
            ],
            value=_NOTHING,
            label=label("morph_keep"),
            info=label("morph_keep_info"),
            min_width=200,
            elem_id="morph-keep",
        )
    with gr.Row():
        morph = gr.Button(label("morph"), variant="primary", elem_id="morph")
        stop = gr.Button(label("stop"), variant="stop", visible=False, elem_id="morph-stop")
    step = gr.Slider(
        1, _N_STEPS, value=1, step=1, label=label("step"), visible=UNSEEN, elem_id="step"
    )
    player = Player(elem_id="morph-step", elem_classes="large")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            whole = Player(elem_id="morph-whole")
        with gr.Column(min_width=280):
            fade = Player(elem_id="morph-fade")
            lesson = gr.Markdown(elem_id="path-lesson")
    along = gr.State(None)
    with gr.Column(visible=UNSEEN) as pictures:
        with gr.Row(equal_height=False):
            with gr.Column(min_width=280) as on_map:
                plane = gr.Plot(label=label("path_map"), elem_id="path-map")
                layout = gr.Radio(
                    [(label(f"layout_{name}"), name) for name in LAYOUTS],
                    value=LAYOUTS[0],
                    label=label("layout"),
                    elem_id="path-layout",
                )
            with gr.Column(min_width=280):
                chart = gr.Plot(label=label("path_chart"), elem_id="path-chart")
                gr.Markdown(label("path_explained"), elem_classes="small-print")
        with gr.Accordion(label("path_numbers"), open=False, elem_id="path-numbers"):
            numbers = gr.Markdown()

    def on_morph(
        a: Upload | None,
        b: Upload | None,
        clip_a: int | None,
        clip_b: int | None,
        n_steps: int,
        key_choice: str,
        path_choice: str,
        kept: str,
        layout_choice: str,
        visit: Visit,
    ) -> Iterator[dict[Any, Any]]:
        if a is None or b is None:
            raise ControlError(text("morph_missing"))
        check = visit.check()
        request = MorphRequest(
            a=a,
            b=b,
            clip_a=clip_a or 0,
            clip_b=clip_b or 0,
            steps=n_steps,
            key=key_choice if kept == _NOTHING else "a",
            path=path_choice,
            keep=None if kept == _NOTHING else kept,
        )
        tools = studio.tools()
        visit.focus = 1
        # Nothing of the morph before is left to be taken for this one's.
        fresh: dict[Any, Any] = {
            step: gr.update(maximum=n_steps, value=1, visible=True),
            pictures: gr.update(visible=UNSEEN),
            **dict.fromkeys((whole, fade, along)),
            lesson: "",
        }
        series = ""
        takes: list[Take | None] = []
        z = None
        for made_so_far in morphing(
            tools.composer, tools.recorder, request, focus=lambda: visit.focus, check=check
        ):
            z = made_so_far.z
            takes = [take and visit.keep(take) for take in made_so_far.takes]
            series = series or next(take.id for take in takes if take)
            yield {player: Steps(series=series, takes=takes, index=visit.focus - 1), **fresh}
            fresh = {}
        clips = [clip for take in takes if take for clip in take.clips]
        check()
        assert z is not None  # a morph has at least two steps
        found = morph_path(tools.composer, tools.recorder, z, clips, tools.atlas)
        yield {
            pictures: gr.update(visible=True),
            on_map: gr.update(visible=True if found.places else UNSEEN),
            along: found,
            plane: _plane(tools, found, layout_choice),
            chart: path_chart(found),
            numbers: path_table(found),
        }
        check()
        yield {whole: visit.keep(morph_whole(tools.recorder, clips))}
        check()
        yield {fade: visit.keep(naive_fade(tools.recorder, clips)), lesson: path_lesson(found)}

    @telling
    def on_keep(kept: str) -> Any:
        if kept == _NOTHING:
            return gr.update(interactive=True)
        return gr.update(value="a", interactive=False)

    @telling
    def on_layout(found: MorphPath | None, layout: str) -> Any:
        return gr.skip() if found is None else _plane(studio.tools(), found, layout)

    @telling
    def on_step(step: int, visit: Visit) -> None:
        visit.focus = step

    @telling
    def on_file(side: str, file: str | None, visit: Visit) -> list[Any]:
        return [*_load(studio, file, _keeper(visit, side)), None]

    @telling
    def on_example(side: str, file: str, visit: Visit) -> list[Any]:
        return [*_load(studio, file, _keeper(visit, side)), gr.skip()]

    @telling
    def on_pair(a: str, b: str, visit: Visit) -> list[Any]:
        loaded_a = _load(studio, a, _keeper(visit, "a"))
        return [*loaded_a, None, *_load(studio, b, _keeper(visit, "b")), None]

    @telling
    def on_clip(side: str, upload: Upload | None, index: int, visit: Visit) -> Any:
        if upload is None:
            return gr.skip()
        return _keeper(visit, side)(preview(*_hands(studio), upload, index))

    for side in sides:
        loaded = {"outputs": side.outputs, **RENDERED, **PRIVATE}
        gr.on(
            [side.file.upload, side.file.clear],
            partial(on_file, side.name),
            [side.file, visit],
            **loaded,
        )
        side.example.input(
            partial(on_example, side.name), [side.example, visit], **loaded, **LATEST
        )
        side.clip.input(
            partial(on_clip, side.name),
            [side.source, side.clip, visit],
            side.player,
            **RENDERED,
            **PRIVATE,
            **LATEST,
        )
    asked = [*(side.source for side in sides), *(side.clip for side in sides)]
    asked += [steps, key, path, keep, layout, visit]
    made = [player, step, whole, fade, lesson, along, pictures, on_map, plane, chart, numbers]
    runs(morph.click, on_morph, asked, made, stop=stop, visit=visit)
    for button, a, b in pairs:
        both = [component for side in sides for component in side.outputs]
        load = button.click(partial(on_pair, a, b), visit, both, **RENDERED, **PRIVATE)
        load.success(None, js=_TO_RESULT, **PRIVATE)
        runs(load.success, on_morph, asked, made, stop=stop, visit=visit)
    keep.input(on_keep, keep, key, **AT_ONCE, **PRIVATE)
    layout.input(on_layout, [along, layout], plane, **RENDERED, **PRIVATE, **LATEST)
    step.input(None, [step, player], player, js=CHOOSE_STEP, **PRIVATE, **LATEST)
    step.input(on_step, [step, visit], **AT_ONCE, **PRIVATE, **LATEST)
    return sides


def _plane(tools: Tools, path: MorphPath, layout: str) -> Any:
    return None if tools.atlas is None else path_map(tools.atlas, path, layout)


def received(studio: Studio, take: Take) -> list[Any]:
    """Updates of a side's outputs that put ``take`` there."""
    upload = Upload(piece=take.piece, title=take.title)
    return [*_chosen(studio, upload, None, known_as(take)), None]


def _keeper(visit: Visit, side: str) -> Callable[[Take], Take]:
    return partial(visit.keep, place=f"morph-{side}")


def _load(studio: Studio, file: str | None, keep: Callable[[Take], Take]) -> list[Any]:
    """The tune in a file, its clips to choose from, a preview; a bad file is told and dropped."""
    nothing = [None, None, gr.update(choices=[], value=None, visible=False), None]
    if file is None:
        return nothing
    try:
        return _chosen(studio, read_upload(file, _hands(studio)[0]), file, keep)
    except InputError as error:
        gr.Warning(plain(error), title=text("upload_error_title"))
        return nothing


def _chosen(
    studio: Studio, upload: Upload, file: str | None, keep: Callable[[Take], Take]
) -> list[Any]:
    take = keep(preview(*_hands(studio), upload, 0))
    choices = [(choice, i) for i, choice in enumerate(upload.choices)]
    return [upload, file, gr.update(choices=choices, value=0, visible=True), take]


def _hands(studio: Studio) -> tuple[Any, Any]:
    tools = studio.tools()
    return tools.composer, tools.recorder


def _side(name: str, tunes: dict[str, str]) -> Side:
    with gr.Column(min_width=280):
        file = gr.File(
            label=label(f"upload_{name}"),
            file_types=[".mid", ".midi", ".rmi"],
            height=110,
            elem_id=f"file-{name}",
        )
        example = gr.Dropdown(
            [(title, path) for path, title in tunes.items()],
            value=None,
            label=label(f"example_{name}"),
            elem_id=f"example-{name}",
        )
        clip = gr.Radio(
            [],
            label=label(f"clip_{name}"),
            visible=False,
            elem_id=f"clip-{name}",
            elem_classes="strip",
        )
        return Side(
            name=name,
            source=gr.State(None),
            file=file,
            example=example,
            clip=clip,
            player=Player(elem_id=f"morph-{name}"),
        )


def _path(stem: str) -> str:
    return str(EXAMPLES_FOLDER / f"{stem}.mid")


def examples() -> dict[str, str]:
    """Path → title of the tunes that ship, by title."""
    found = {str(path): read_upload(path).title for path in EXAMPLES_FOLDER.glob("*.mid")}
    return dict(sorted(found.items(), key=lambda item: item[1]))
