"""The Morph tab: two tunes, four bars of each, and what lies between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError, InputError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.ui import handlers
from musicgen_vae.ui.components.roll import Roll
from musicgen_vae.ui.events import PRIVATE, QUEUED, RENDERED, plain, telling
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.texts import text

EXAMPLES_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "examples"
_PAIRS = (
    ("ode_to_joy", "korobeiniki"),
    ("minuet_in_g", "brahms_lullaby"),
    ("greensleeves", "fur_elise"),
)
_SIDES = ("a", "b")


@dataclass(frozen=True, kw_only=True)
class Side:
    """The components of one of the two tunes."""

    file: gr.File
    example: gr.Dropdown
    clip: gr.Dropdown
    roll: Roll

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What changes when another file is chosen."""
        return [self.file, self.clip, self.roll, self.example]


def build_morph(composer: Composer, recorder: Recorder) -> None:
    """Lay the tab out and wire it."""
    examples = _examples()
    gr.Markdown(text("morph_intro"))
    with gr.Row(elem_classes="pairs"):
        pairs = [
            (gr.Button(text("pair", a=examples[a], b=examples[b]), size="sm", min_width=200), a, b)
            for a, b in ((_path(a), _path(b)) for a, b in _PAIRS)
            if a in examples and b in examples
        ]
    with gr.Row(equal_height=False):
        sides = [_side(name, examples) for name in _SIDES]
    with gr.Row(equal_height=True):
        steps = gr.Slider(
            handlers.MIN_STEPS,
            handlers.MAX_STEPS,
            value=9,
            step=1,
            label=text("steps"),
            info=text("steps_info"),
            min_width=200,
        )
        key = gr.Radio(
            [(text(f"morph_key_{name}"), name) for name in handlers.KEY_CHOICES],
            value="a",
            label=text("morph_key"),
            min_width=200,
        )
        path = gr.Radio(
            [(text(f"path_{name}"), name) for name in handlers.PATHS],
            value="line",
            label=text("path"),
            min_width=200,
        )
    morph = gr.Button(text("morph"), variant="primary", elem_id="morph")
    clips = gr.State(())
    step = gr.Slider(
        1,
        9,
        value=1,
        step=1,
        label=text("step"),
        info=text("step_info"),
        visible=False,
        elem_id="step",
    )
    step_roll = Roll(elem_id="morph-step")
    whole_roll = Roll(elem_id="morph-whole")

    def load(file: str | None) -> list[Any]:
        """The file, its clips to choose from, a preview; an unusable file is told and dropped."""
        nothing = [None, gr.update(choices=[], value=None, visible=False), None]
        if file is None:
            return nothing
        try:
            upload = handlers.read_upload(file, composer)
            take = handlers.preview(composer, recorder, upload, 0)
        except InputError as error:
            gr.Warning(plain(error), title=text("upload_error_title"))
            return nothing
        choices = [(choice, i) for i, choice in enumerate(upload.choices)]
        return [file, gr.update(choices=choices, value=0, visible=True), take]

    @telling
    def on_file(file: str | None) -> list[Any]:
        return [*load(file), None]

    @telling
    def on_example(file: str) -> list[Any]:
        return [*load(file), gr.skip()]

    @telling
    def on_pair(a: str, b: str) -> list[Any]:
        return [*load(a), None, *load(b), None]

    @telling
    def on_clip(file: str | None, index: int) -> Any:
        return handlers.preview(composer, recorder, handlers.read_upload(file, composer), index)

    @telling
    def on_morph(
        file_a: str | None,
        file_b: str | None,
        clip_a: int | None,
        clip_b: int | None,
        n_steps: int,
        key_choice: str,
        path_choice: str,
    ) -> Iterator[list[Any]]:
        if file_a is None or file_b is None:
            raise ControlError(text("morph_missing"))
        request = handlers.MorphRequest(
            a=handlers.read_upload(file_a, composer),
            b=handlers.read_upload(file_b, composer),
            clip_a=clip_a or 0,
            clip_b=clip_b or 0,
            steps=n_steps,
            key=key_choice,
            path=path_choice,
        )
        made = handlers.interpolate(composer, request)
        slider = gr.update(maximum=n_steps, value=1, visible=True)
        yield [made, slider, handlers.morph_step(recorder, made, 1), None]
        yield [gr.skip()] * 3 + [handlers.morph_whole(recorder, made)]

    @telling
    def on_step(made: tuple[Any, ...], n: int) -> Any:
        if not made:
            raise ControlError(text("lost_steps"))
        return handlers.morph_step(recorder, made, n)

    for side in sides:
        loaded = {"outputs": side.outputs, **RENDERED, **PRIVATE}
        gr.on([side.file.upload, side.file.clear], on_file, side.file, **loaded)
        side.example.input(on_example, side.example, **loaded)
        side.clip.input(on_clip, [side.file, side.clip], side.roll, **RENDERED, **PRIVATE)
    for button, a, b in pairs:
        button.click(
            partial(on_pair, a, b),
            outputs=[component for side in sides for component in side.outputs],
            **RENDERED,
            **PRIVATE,
        )
    morph.click(
        on_morph,
        [*(side.file for side in sides), *(side.clip for side in sides), steps, key, path],
        [clips, step, step_roll, whole_roll],
        **QUEUED,
        **PRIVATE,
    )
    step.input(
        on_step,
        [clips, step],
        step_roll,
        trigger_mode="always_last",
        show_progress="hidden",
        **RENDERED,
        **PRIVATE,
    )


def _side(name: str, examples: dict[str, str]) -> Side:
    with gr.Column(min_width=280):
        file = gr.File(
            label=text(f"upload_{name}"),
            file_types=[".mid", ".midi", ".rmi"],
            height=110,
            elem_id=f"file-{name}",
        )
        example = gr.Dropdown(
            [(title, path) for path, title in examples.items()],
            value=None,
            label=text(f"example_{name}"),
            elem_id=f"example-{name}",
        )
        clip = gr.Dropdown([], label=text(f"clip_{name}"), visible=False, elem_id=f"clip-{name}")
        return Side(file=file, example=example, clip=clip, roll=Roll(elem_id=f"morph-{name}"))


def _path(stem: str) -> str:
    return str(EXAMPLES_FOLDER / f"{stem}.mid")


def _examples() -> dict[str, str]:
    """Path → title of the tunes that ship, by title."""
    found = {str(path): handlers.read_upload(path).title for path in EXAMPLES_FOLDER.glob("*.mid")}
    return dict(sorted(found.items(), key=lambda item: item[1]))
