"""The controls of the Create tab: native components that hold the truth, and what mirrors them.

``Fields`` turns what visitors set into a request and a request into what they see set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.defaults import DEFAULT_GUIDANCE
from musicgen_vae.music.attributes import N_CLASSES
from musicgen_vae.music.clip import BARS_PER_CLIP, Mode
from musicgen_vae.ui.components import bars, pad
from musicgen_vae.ui.creating import (
    ASKABLE_METERS,
    MAX_GUIDANCE,
    PRIORS,
    TONICS,
    Levels,
    SampleRequest,
)
from musicgen_vae.ui.events import PRIVATE
from musicgen_vae.ui.language import label
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.texts import WORDS, text

ANY = "any"
COLUMNS = ("density", "polyphony", "register")
"""Attributes with a level for each bar."""
_OPTIONAL = ("style", "mode", "key", "tempo_qpm", "syncopation", "repetition")
"""Fields with the choice ``ANY``; as a form it is three letters like others."""
_DEFAULTS = SampleRequest()
_FORMS = ("A", "AB", "AABA", "ABAC", "AABBAABB")
_TEMPOS = (50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 160, 180)
"""Quarter notes a minute."""
MAX_SHOWN_TEMPERATURE = 1.5


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Components by the name of the request's field that they set.

    Attributes:
        inputs: all of them; ``levels`` is the table of ``COLUMNS``, ``mood`` the box that says
            whether valence and arousal count.
        mirrors: what draws some of them, by the function of its texts.
    """

    inputs: dict[str, Any]
    mirrors: list[tuple[Any, Callable[[], dict[str, Any]]]]

    def translated(self) -> list[Any]:
        """Updates of ``mirrors`` in the language being spoken."""
        return [gr.update(texts=texts()) for _, texts in self.mirrors]

    @property
    def levels(self) -> gr.Dataframe:
        """The table of ``COLUMNS``."""
        return self.inputs["levels"]

    def request(self, values: Mapping[Any, Any]) -> SampleRequest:
        """What is asked, from the components' values.

        Raises:
            ControlError: if it is nothing that can be asked.
        """
        asked: dict[str, Any] = {
            name: None if name in _OPTIONAL and values[component] == ANY else values[component]
            for name, component in self.inputs.items()
        }
        asked |= read_levels(asked.pop("levels"))
        if "mood" in asked and not asked.pop("mood"):
            asked |= {"valence": None, "arousal": None}
        asked["tempo_qpm"] = read_tempo(asked["tempo_qpm"])
        if asked.get("prior") == "gaussian":
            asked["guidance"] = None
        return SampleRequest(**asked)

    def updates(self, request: SampleRequest) -> dict[Any, Any]:
        """Component → value that shows ``request``; what the model lacks is left out."""
        values: dict[str, Any] = {}
        for name in self.inputs:
            value = getattr(request, name, None)
            values[name] = ANY if name in _OPTIONAL and value is None else value
        values["levels"] = write_levels({name: getattr(request, name) for name in COLUMNS})
        if "mood" in self.inputs:
            felt = request.valence is not None and request.arousal is not None
            values |= {"mood": felt}
            if not felt:
                values |= {"valence": 0, "arousal": 0}
        for name in ("guidance", "prior"):
            if name in self.inputs and getattr(request, name) is None:
                del values[name]
        if isinstance(request.syncopation, tuple):
            values["syncopation"] = ANY
        return {self.inputs[name]: value for name, value in values.items()}


def read_tempo(value: Any) -> float | None:
    """Quarter notes a minute as chosen or typed.

    Raises:
        ControlError: if it is no number.
    """
    try:
        return None if value in (None, "") else float(value)
    except ValueError:
        raise ControlError(text("tempo_bad", value=str(value)[:20])) from None


def read_levels(rows: list[list[Any]]) -> dict[str, Levels]:
    """What the table of ``COLUMNS`` asks of each bar; its first column has names.

    Raises:
        ControlError: if a cell is neither empty nor a level.
    """
    result: dict[str, Levels] = {}
    if len(rows) != len(COLUMNS) or any(len(row) != BARS_PER_CLIP + 1 for row in rows):
        raise ControlError(text("levels_bad", value=""))
    for name, (_, *cells) in zip(COLUMNS, rows, strict=True):
        levels = tuple(_level(str("" if cell is None else cell).strip()) for cell in cells)
        result[name] = None if set(levels) == {None} else levels
    return result


def _level(cell: str) -> int | None:
    if cell in ("", "-", "–"):
        return None
    if cell not in [str(level) for level in range(N_CLASSES)]:
        raise ControlError(text("levels_bad", value=cell[:20]))
    return int(cell)


def write_levels(asked: Mapping[str, Levels]) -> list[list[str]]:
    """The inverse of ``read_levels``, with the names in the language being spoken."""
    rows = []
    for name, levels in asked.items():
        each = levels if isinstance(levels, tuple) else (levels,) * BARS_PER_CLIP
        rows.append([text(name), *("" if level is None else str(level) for level in each)])
    return rows


def to_names() -> str:
    """JavaScript from a language and the table of ``COLUMNS`` to the table with names in it.

    In the browser, for the server would return levels that may be others by then.
    """
    names = {tag: [words[name] for name in COLUMNS] for tag, words in WORDS.items()}
    return f"""(tag, table) => {{
  const names = {json.dumps(names)}[tag];
  return {{ ...table, data: table.data.map((row, i) => [names[i], ...row.slice(1)]) }};
}}"""


def build_fields(studio: Studio) -> Fields:
    """Lay out all controls that the model to come knows, but for seed and variations."""
    known = studio.spec.clip_controls if studio.spec else ()
    fields: dict[str, Any] = {}
    mirrors: list[tuple[Any, Callable[[], dict[str, Any]]]] = []
    free = (label("any"), ANY)
    if {"valence", "arousal"} <= set(known):
        square = pad.Pad(elem_id="pad")
        mirrors.append((square, pad.pad_texts))
        fields |= _mood(square)
    if studio.spec and len(studio.spec.styles) > 1:
        styles = [(name, name) for name in studio.spec.styles]
        fields["style"] = _dropdown("style", [free, *styles], ANY)
    with gr.Row(elem_classes="in-pairs"):
        modes = [(label(f"mode_{mode.value}"), mode.value) for mode in Mode]
        fields["mode"] = _dropdown("mode", [free, *modes], ANY)
        fields["key"] = _dropdown("key", [free, *((t, t) for t in TONICS)], ANY)
        meters = [(name, name) for name in ASKABLE_METERS]
        fields["meter"] = _dropdown("meter", meters, _DEFAULTS.meter)
        tempos = [(f"♩ = {tempo}", tempo) for tempo in _TEMPOS]
        fields["tempo_qpm"] = _dropdown("tempo", [free, *tempos], ANY, custom=True)
        levels = [(str(level), level) for level in range(N_CLASSES)]
        fields["syncopation"] = _dropdown("syncopation", [free, *levels], ANY)
        if "repetition" in known:
            fields["repetition"] = _dropdown("repetition", [free, *levels], ANY)
    fields["form"] = gr.Dropdown(
        [(f"{form} · {BARS_PER_CLIP * len(form)}", form) for form in _FORMS],
        value=_DEFAULTS.form,
        label=label("form"),
        info=label("form_info"),
        allow_custom_value=True,
        elem_id="form",
    )
    columns = bars.Bars(COLUMNS, elem_id="bars")
    mirrors.append((columns, lambda: bars.bars_texts(COLUMNS)))
    fields |= _columns(columns)
    with gr.Group():
        for name in ("creativity", "temperature"):
            fields[name] = gr.Slider(
                0,
                MAX_SHOWN_TEMPERATURE,
                value=getattr(_DEFAULTS, name),
                step=0.05,
                label=label(name),
                info=label(f"{name}_info"),
            )
    if studio.has_flow:
        fields |= _prior()
    return Fields(inputs=fields, mirrors=mirrors)


def _mood(square: pad.Pad) -> dict[str, Any]:
    mood = gr.Checkbox(False, label=label("mood"), info=label("mood_info"), elem_id="mood")
    with gr.Row(elem_classes="in-pairs"):
        sliders = [
            gr.Slider(-1, 1, value=0, step=0.05, label=label(name), min_width=120, elem_id=name)
            for name in ("valence", "arousal")
        ]
    every = [mood, *sliders]
    square.feel(None, square, every, js=pad.TO_FIELDS, **PRIVATE)
    for field in every:
        field.change(None, every, square, js=pad.FROM_FIELDS, **PRIVATE)
    for slider in sliders:
        slider.input(None, None, mood, js="() => true", **PRIVATE)
    return {"mood": mood, "valence": sliders[0], "arousal": sliders[1]}


def _columns(columns: bars.Bars) -> dict[str, Any]:
    with gr.Accordion(label("levels_table"), open=False):
        gr.Markdown(label("levels_info"))
        table = gr.Dataframe(
            write_levels(dict.fromkeys(COLUMNS)),
            headers=["", "1", "2", "3", "4"],
            datatype="str",
            type="array",
            row_count=len(COLUMNS),
            column_count=BARS_PER_CLIP + 1,
            static_columns=[0],
            interactive=True,
            show_label=False,
            label=label("levels_table"),
            buttons=[],
            elem_id="levels",
        )
    columns.level(None, [columns, table], table, js=bars.TO_TABLE, **PRIVATE)
    table.change(None, table, columns, js=bars.FROM_TABLE, **PRIVATE)
    return {"levels": table}


def _prior() -> dict[str, Any]:
    with gr.Row():
        prior = gr.Radio(
            [(label(f"prior_{name}"), name) for name in PRIORS],
            value="flow",
            label=label("prior"),
            info=label("prior_info"),
            min_width=260,
            elem_id="prior",
        )
        guidance = gr.Slider(
            0,
            MAX_GUIDANCE,
            value=DEFAULT_GUIDANCE,
            step=0.25,
            label=label("guidance"),
            info=label("guidance_info"),
            min_width=260,
            elem_id="guidance",
        )
    return {"prior": prior, "guidance": guidance}


def _dropdown(
    name: str, choices: list[tuple[Any, Any]], value: Any, *, custom: bool = False
) -> gr.Dropdown:
    return gr.Dropdown(
        choices,
        value=value,
        label=label(name),
        min_width=100,
        allow_custom_value=custom,
        elem_id=name,
    )
