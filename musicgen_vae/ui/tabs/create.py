"""The Create tab: controls, seed, form, and up to 8 takes."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.attributes import N_CLASSES, ORDINAL
from musicgen_vae.music.clip import Mode
from musicgen_vae.ui import handlers
from musicgen_vae.ui.components.roll import Roll
from musicgen_vae.ui.events import PRIVATE, QUEUED, telling
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.texts import text

ANY = "any"
_DEFAULTS = handlers.SampleRequest()
_FIRST_SEED = 7


def build_create(composer: Composer, recorder: Recorder) -> None:
    """Lay the tab out and wire it."""
    gr.Markdown(text("create_intro"))
    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=2, min_width=300):
            fields = _controls(composer)
            generate = gr.Button(text("generate"), variant="primary", elem_id="generate")
        with gr.Column(scale=3, min_width=300, elem_classes="results"):
            empty = gr.Markdown(text("results_empty"))
            rolls = [
                Roll(elem_id=f"create-roll-{i}", visible=i == 0)
                for i in range(handlers.MAX_VARIATIONS)
            ]

    @telling
    def on_generate(values: dict[Any, Any]) -> list[Any]:
        asked: dict[str, Any] = {
            name: None if values[component] == ANY else values[component]
            for name, component in fields.items()
        }
        request = handlers.SampleRequest(**asked)
        takes = handlers.sample(composer, recorder, request)
        spare = len(rolls) - len(takes)
        return [
            gr.update(visible=False),
            *(gr.update(value=take, visible=True) for take in takes),
            *[gr.update(value=None, visible=False)] * spare,
        ]

    generate.click(
        on_generate, inputs=set(fields.values()), outputs=[empty, *rolls], **QUEUED, **PRIVATE
    )


def _controls(composer: Composer) -> dict[str, Any]:
    """The controls by the name of the request's field that they set."""
    fields: dict[str, Any] = {}
    free = (text("any"), ANY)
    if len(composer.spec.styles) > 1:
        styles = [(name, name) for name in composer.spec.styles]
        fields["style"] = gr.Dropdown([free, *styles], value=ANY, label=text("style"))
    with gr.Row(equal_height=True):
        modes = [(text(f"mode_{mode.value}"), mode.value) for mode in Mode]
        fields["mode"] = gr.Dropdown([free, *modes], value=ANY, label=text("mode"), min_width=130)
        tonics = [(name, name) for name in handlers.TONICS]
        fields["key"] = gr.Dropdown([free, *tonics], value=ANY, label=text("key"), min_width=130)
        fields["meter"] = gr.Dropdown(
            list(handlers.ASKABLE_METERS),
            value=_DEFAULTS.meter,
            label=text("meter"),
            min_width=130,
        )
        fields["tempo_qpm"] = gr.Number(
            value=None,
            placeholder=text("any"),
            label=text("tempo"),
            minimum=handlers.MIN_TEMPO,
            maximum=handlers.MAX_TEMPO,
            min_width=130,
        )
    with gr.Group():
        gr.Markdown(text("levels_heading"), elem_classes="group-heading")
        levels = [free, *((str(i), i) for i in range(N_CLASSES))]
        with gr.Row(equal_height=True):
            for name in ORDINAL:
                fields[name] = gr.Dropdown(
                    levels, value=ANY, label=text(name), info=text(f"{name}_info"), min_width=130
                )
    with gr.Row(equal_height=True):
        fields["form"] = gr.Textbox(
            value=_DEFAULTS.form,
            label=text("form"),
            info=text("form_info"),
            max_lines=1,
            max_length=16,
            min_width=130,
        )
        fields["variations"] = gr.Slider(
            1, handlers.MAX_VARIATIONS, value=1, step=1, label=text("variations"), min_width=130
        )
    with gr.Row(equal_height=True):
        for name in ("temperature", "creativity"):
            fields[name] = gr.Slider(
                0,
                1.5,
                value=getattr(_DEFAULTS, name),
                step=0.05,
                label=text(name),
                info=text(f"{name}_info"),
                min_width=130,
            )
    with gr.Row(elem_classes="seed-row"):
        seed = gr.Number(
            value=_FIRST_SEED,
            precision=0,
            minimum=0,
            maximum=handlers.MAX_SEED,
            label=text("seed"),
            info=text("seed_info"),
            min_width=130,
            scale=3,
        )
        dice = gr.Button(text("dice"), min_width=110, scale=1, elem_id="dice")
    fields["seed"] = seed
    dice.click(lambda: secrets.randbelow(handlers.MAX_SEED), outputs=seed, queue=False, **PRIVATE)
    return fields
