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
_MAX_SHOWN_TEMPERATURE = 1.5
_TEMPOS = (50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 160, 180)
"""Quarter notes a minute."""


def build_create(composer: Composer, recorder: Recorder) -> None:
    """Lay the tab out and wire it."""
    gr.Markdown(text("create_intro"))
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            fields = _controls(composer)
        with gr.Column(scale=3, min_width=300):
            fields |= _seed_and_variations()
            generate = gr.Button(text("generate"), variant="primary", elem_id="generate")
            empty = gr.Markdown(text("results_empty"), elem_classes="empty")
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
        fields["style"] = _dropdown("style", [free, *styles], ANY)
    with gr.Row(elem_classes="in-pairs"):
        modes = [(text(f"mode_{mode.value}"), mode.value) for mode in Mode]
        fields["mode"] = _dropdown("mode", [free, *modes], ANY)
        tonics = [(name, name) for name in handlers.TONICS]
        fields["key"] = _dropdown("key", [free, *tonics], ANY)
        meters = [(name, name) for name in handlers.ASKABLE_METERS]
        fields["meter"] = _dropdown("meter", meters, _DEFAULTS.meter)
        tempos = [(text("tempo_choice", tempo=tempo), tempo) for tempo in _TEMPOS]
        fields["tempo_qpm"] = _dropdown("tempo", [free, *tempos], ANY)
    with gr.Row(elem_classes="in-pairs"):
        levels = [(str(level), level) for level in range(1, N_CLASSES - 1)]
        least, most = (text("least"), 0), (text("most"), N_CLASSES - 1)
        for name in ORDINAL:
            choices = [free, least, *levels, most]
            fields[name] = _dropdown(name, choices, ANY, info=text(f"{name}_info"))
    with gr.Group():
        for name in ("temperature", "creativity"):
            fields[name] = gr.Slider(
                0,
                _MAX_SHOWN_TEMPERATURE,
                value=getattr(_DEFAULTS, name),
                step=0.05,
                label=text(name),
                info=text(f"{name}_info"),
            )
    fields["form"] = gr.Textbox(
        value=_DEFAULTS.form,
        label=text("form"),
        info=text("form_info"),
        max_lines=1,
        max_length=16,
    )
    return fields


def _seed_and_variations() -> dict[str, Any]:
    with gr.Row(equal_height=True):
        seed = gr.Number(
            value=_FIRST_SEED,
            precision=0,
            minimum=0,
            maximum=handlers.MAX_SEED,
            label=text("seed"),
            min_width=150,
            scale=2,
        )
        dice = gr.Button(text("dice"), min_width=130, scale=1, elem_id="dice")
        variations = gr.Slider(
            1,
            handlers.MAX_VARIATIONS,
            value=1,
            step=1,
            label=text("variations"),
            min_width=200,
            scale=2,
        )
    dice.click(lambda: secrets.randbelow(handlers.MAX_SEED), outputs=seed, queue=False, **PRIVATE)
    return {"seed": seed, "variations": variations}


def _dropdown(name: str, choices: list[tuple[str, Any]], value: Any, info: str = "") -> gr.Dropdown:
    return gr.Dropdown(
        choices, value=value, label=text(name), info=info or None, min_width=100, elem_id=name
    )
