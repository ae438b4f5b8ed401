"""The Edit tab: four bars, what stays of them, and what the model writes instead of the rest."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError, InputError
from musicgen_vae.generation.defaults import STEER_GUIDANCE
from musicgen_vae.music.clip import BARS_PER_CLIP, Mode, Role
from musicgen_vae.ui.components.player import Player
from musicgen_vae.ui.components.roll import FROM_BOXES, TO_BOXES, Kept, Roll
from musicgen_vae.ui.editing import ACTIONS, MAX_STEER_GUIDANCE, Chosen, EditRequest, edit
from musicgen_vae.ui.events import LATEST, PRIVATE, RENDERED, plain, runs, telling
from musicgen_vae.ui.fields import ANY
from musicgen_vae.ui.language import label
from musicgen_vae.ui.limits import MAX_SEED
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.takes import Take, known_as
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload, preview, read_upload
from musicgen_vae.ui.visit import Visit

MAX_UNDO = 16
_EDIT = "edit"
"""The work that ends when other music is chosen; nothing else of the visitor's does."""
_KEPT_AT_FIRST = (Role.MELODY.label,)


@dataclass(frozen=True, kw_only=True)
class EditTab:
    """What other parts of the page need of the tab.

    Attributes:
        outputs: what changes when other music is chosen.
        kept: the boxes for bars and roles.
    """

    outputs: list[Any]
    kept: list[Any]


def build_edit(studio: Studio, visit: gr.State, examples: Mapping[str, str]) -> EditTab:
    """Lay the tab out and wire it.

    Args:
        studio: has the model.
        visit: what is remembered of the visitor.
        examples: path to title of the tunes that ship.
    """
    source, history, made = gr.State(None), gr.State([]), gr.State(None)
    gr.Markdown(label("edit_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            file = gr.File(
                label=label("upload_edit"),
                file_types=[".mid", ".midi", ".rmi"],
                height=110,
                elem_id="edit-file",
            )
        with gr.Column(min_width=280):
            example = gr.Dropdown(
                [(title, path) for path, title in examples.items()],
                value=None,
                label=label("example_edit"),
                elem_id="edit-example",
            )
    clip = gr.Radio(
        [], label=label("clip_edit"), visible=False, elem_id="edit-clip", elem_classes="strip"
    )
    roll = Roll(elem_id="edit-roll")
    with gr.Row(equal_height=True):
        bars = gr.CheckboxGroup(
            list(range(1, BARS_PER_CLIP + 1)), label=label("kept_bars"), elem_id="kept-bars"
        )
        roles = gr.CheckboxGroup(
            [(label(f"role_{role.label}"), role.label) for role in Role],
            value=list(_KEPT_AT_FIRST),
            label=label("kept_roles"),
            info=label("kept_info"),
            elem_id="kept-roles",
        )
    action = gr.Radio(
        [(label(f"action_{name}"), name) for name in ACTIONS],
        value=ACTIONS[0],
        label=label("action"),
        info=label("action_info"),
        elem_id="action",
    )
    with gr.Column(visible=False) as change:
        with gr.Row():
            changes = _changes(studio)
        changes["guidance"] = gr.Slider(
            1,
            MAX_STEER_GUIDANCE,
            value=STEER_GUIDANCE,
            step=0.5,
            label=label("steer_guidance"),
            info=label("steer_guidance_info"),
            elem_id="steer-guidance",
        )
    with gr.Row():
        do = gr.Button(label("edit"), variant="primary", elem_id="do-edit")
        stop = gr.Button(label("stop"), variant="stop", visible=False)
        use = gr.Button(label("use_result"), elem_id="use-result")
        undo = gr.Button(label("undo"), elem_id="undo")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            original = Player(elem_id="edit-original")
        with gr.Column(min_width=280):
            result = Player(elem_id="edit-result")
    outputs = [source, file, example, clip, roll, original, result, made, history]

    @telling
    def on_file(file: str | None, bars: Any, roles: Any, visit: Visit) -> list[Any]:
        visit.stop(_EDIT)
        return _load(studio, file, bars, roles, _keeper(visit))

    @telling
    def on_clip(
        upload: Upload | None, index: int, bars: list[int], roles: list[str], visit: Visit
    ) -> list[Any]:
        if upload is None:
            return [gr.skip()] * 2
        return _heard(studio, Chosen(upload=upload, clip=index), bars, roles, _keeper(visit))

    def on_do(values: dict[Any, Any]) -> list[Any]:
        visitor: Visit = values[visit]
        check = visitor.check(_EDIT)
        upload = values[source]
        if upload is None:
            raise ControlError(text("edit_missing"))
        changed: dict[str, Any] = {name: values[field] for name, field in changes.items()}
        if not changed.pop("mood", False):
            changed |= {"valence": None, "arousal": None}
        changed |= {name: None for name, value in changed.items() if value == ANY}
        request = EditRequest(
            upload=upload,
            clip=values[clip] or 0,
            action=values[action],
            roles=values[roles],
            bars=values[bars],
            seed=secrets.randbelow(MAX_SEED),
            **changed,
        )
        tools = studio.tools()
        take = edit(tools.composer, tools.recorder, request, check)
        check()
        visitor.keep(take)
        return [take, take]

    @telling
    def on_use(
        take: Take | None,
        upload: Upload | None,
        index: int | None,
        history: list[Chosen],
        bars: Any,
        roles: Any,
        visit: Visit,
    ) -> list[Any]:
        if take is None or upload is None:
            raise ControlError(text("edit_missing"))
        visit.stop(_EDIT)
        history = [*history, Chosen(upload=upload, clip=index or 0)][-MAX_UNDO:]
        return _chosen(studio, _sent(take), None, bars, roles, _keeper(visit), history)

    @telling
    def on_undo(history: list[Chosen], bars: Any, roles: Any, visit: Visit) -> list[Any]:
        if not history:
            raise ControlError(text("edit_nothing"))
        visit.stop(_EDIT)
        return _chosen(studio, history[-1], None, bars, roles, _keeper(visit), history[:-1])

    kept = [bars, roles]
    inputs = {visit, source, clip, action, *kept, *changes.values()}
    event = runs(do.click, on_do, inputs, [result, made], stop=stop, visit=visit)
    # What still waits, or is made of a tune before one that was sent here.
    source.change(None, cancels=[event], **PRIVATE)
    loaded = {"outputs": outputs, **RENDERED, **PRIVATE}
    gr.on([file.upload, file.clear], on_file, [file, *kept, visit], **loaded)
    example.input(on_file, [example, *kept, visit], **loaded, **LATEST)
    clip.input(
        on_clip, [source, clip, *kept, visit], [roll, original], **RENDERED, **PRIVATE, **LATEST
    )
    use.click(on_use, [made, source, clip, history, *kept, visit], **loaded)
    undo.click(on_undo, [history, *kept, visit], **loaded)
    roll.keep(None, roll, kept, js=TO_BOXES, **PRIVATE)
    for boxes in kept:
        boxes.change(None, [*kept, roll], roll, js=FROM_BOXES, **PRIVATE)
    action.change(
        lambda name: gr.update(visible=name == "transfer"), action, change, queue=False, **PRIVATE
    )
    return EditTab(outputs=outputs, kept=kept)


def received(studio: Studio, take: Take, bars: list[int], roles: list[str]) -> list[Any]:
    """Updates of ``EditTab.outputs`` that put ``take`` there."""
    return _chosen(studio, _sent(take), None, bars, roles, known_as(take))


def _sent(take: Take) -> Chosen:
    return Chosen(upload=Upload(piece=take.piece, title=take.title))


def _keeper(visit: Visit) -> Callable[[Take], Take]:
    return partial(visit.keep, place="edit")


def _load(
    studio: Studio,
    file: str | None,
    bars: list[int],
    roles: list[str],
    keep: Callable[[Take], Take],
) -> list[Any]:
    """The tune in a file; a bad file is told and dropped."""
    unseen = gr.update(choices=[], value=None, visible=False)
    nothing = [None, None, None, unseen, *[None] * 4, []]
    if file is None:
        return nothing
    try:
        upload = read_upload(file, studio.tools().composer)
        return _chosen(studio, Chosen(upload=upload), file, bars, roles, keep)
    except InputError as error:
        gr.Warning(plain(error), title=text("upload_error_title"))
        return nothing


def _chosen(
    studio: Studio,
    chosen: Chosen,
    file: str | None,
    bars: list[int],
    roles: list[str],
    keep: Callable[[Take], Take],
    history: Sequence[Chosen] = (),
) -> list[Any]:
    choices = [(choice, i) for i, choice in enumerate(chosen.upload.choices)]
    return [
        chosen.upload,
        file,
        None,
        gr.update(choices=choices, value=chosen.clip, visible=True),
        *_heard(studio, chosen, bars, roles, keep),
        None,
        None,
        list(history),
    ]


def _heard(
    studio: Studio,
    chosen: Chosen,
    bars: list[int],
    roles: list[str],
    keep: Callable[[Take], Take],
) -> list[Any]:
    """What is drawn and heard of a tune: the chosen four bars."""
    tools = studio.tools()
    kept = Kept(clip=chosen.upload.clip(chosen.clip), bars=bars, roles=roles)
    return [kept, keep(preview(tools.composer, tools.recorder, chosen.upload, chosen.clip))]


def _changes(studio: Studio) -> dict[str, Any]:
    """What "change style or mood" asks for, by the request's field."""
    spec = studio.spec
    free = (label("any"), ANY)
    fields: dict[str, Any] = {}
    if spec and len(spec.styles) > 1:
        styles = [free, *((name, name) for name in spec.styles)]
        fields["style"] = gr.Dropdown(styles, value=ANY, label=label("style"), min_width=100)
    modes = [free, *((label(f"mode_{mode.value}"), mode.value) for mode in Mode)]
    fields["mode"] = gr.Dropdown(modes, value=ANY, label=label("mode"), min_width=100)
    if spec and {"valence", "arousal"} <= set(spec.clip_controls):
        fields["mood"] = gr.Checkbox(False, label=label("mood"), min_width=100)
        for name in ("valence", "arousal"):
            fields[name] = gr.Slider(-1, 1, value=0, step=0.05, label=label(name), min_width=140)
    return fields
