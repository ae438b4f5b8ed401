"""The page's published API: named endpoints for ``gradio_client``.

Each has hidden components of its own, so that its parameters, defaults and results do not depend on
what the tabs look like. Files come back as files: MIDI, then sound as WAV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from musicgen_vae.errors import ControlError, CorpusError
from musicgen_vae.generation.defaults import LATENT_TEMPERATURE, STEER_GUIDANCE, TEMPERATURE
from musicgen_vae.ui import creating, mapping, morphing, uploads
from musicgen_vae.ui.editing import EditRequest, edit
from musicgen_vae.ui.events import QUEUED, RENDERED, telling
from musicgen_vae.ui.studio import Studio, Tools
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text

_Answer = tuple[str, str, dict[str, Any]]


def _answer(take: Take, info: dict[str, Any]) -> _Answer:
    return str(take.midi), str(take.audio), info


def build_api(studio: Studio) -> None:
    """Publish the endpoints; the name of each function is that of its endpoint."""
    defaults = creating.SampleRequest()

    def sample(
        seed: int = 0,
        mode: str = "any",
        key: str = "any",
        meter: str = "4/4",
        tempo: float | None = None,
        density: int | None = None,
        polyphony: int | None = None,
        register: int | None = None,
        syncopation: int | None = None,
        style: str = "any",
        form: str = "A",
        temperature: float = TEMPERATURE,
        creativity: float = LATENT_TEMPERATURE,
    ) -> _Answer:
        """Write new music: four bars for each letter of the form.

        Args:
            seed: the same seed and settings give the same music.
            mode: any, major or minor.
            key: any, or a tonic such as F#; major unless the mode is minor.
            meter: 4/4, 3/4 or 6/8.
            tempo: quarter notes a minute, 20 to 300; empty for any.
            density: notes struck per quarter note, level 0 to 7; empty for any.
            polyphony: notes sounding at once, level 0 to 7; empty for any.
            register: how high it lies, level 0 to 7; empty for any.
            syncopation: onsets off the beat, level 0 to 7; empty for any.
            style: any, or one of the model's styles.
            form: 1 to 16 letters, such as AABA; equal letters sound alike.
            temperature: how freely notes are drawn, 0 to 2.
            creativity: how far from the usual the latent vector is drawn, 0 to 2.

        Returns:
            A MIDI file, a sound file (WAV), and the parameters and measured attributes.
        """
        request = creating.SampleRequest(
            style=_asked(style),
            mode=_asked(mode),
            key=_asked(key),
            meter=meter,
            tempo_qpm=tempo,
            density=density,
            polyphony=polyphony,
            register=register,
            syncopation=syncopation,
            form=form,
            temperature=temperature,
            creativity=creativity,
            seed=seed,
        )
        tools = studio.tools()
        return _answer(*creating.sample_one(tools.composer, tools.recorder, request))

    def reconstruct(file: str) -> _Answer:
        """Encode the clips of a MIDI file, decode them again and join them.

        Args:
            file: a MIDI file of at most 128 bars.

        Returns:
            A MIDI file, a sound file (WAV), and what each clip is like.
        """
        tools = studio.tools()
        return _answer(*uploads.reconstruct(tools.composer, tools.recorder, file))

    def interpolate(
        file_a: str,
        file_b: str,
        clip_a: int = 0,
        clip_b: int = 0,
        steps: int = 9,
        key: str = "a",
        path: str = "line",
        keep: str = "",
    ) -> _Answer:
        """Morph four bars of one MIDI file into four bars of another.

        Args:
            file_a: a MIDI file.
            file_b: a MIDI file.
            clip_a: which four bars of A, counted from 0.
            clip_b: which four bars of B, counted from 0.
            steps: 2 to 17, both ends included.
            key: whose key and meter: a, b, or switch (at the middle).
            path: line or circle (a great circle).
            keep: a role of A that stays in every step, such as melody, with key a; empty for none.

        Returns:
            All steps one after another as a MIDI file and a sound file (WAV), and what each step
            is like, with its distance from A in z, its cost in nats a note, and that of a
            cross-fade.
        """
        tools = studio.tools()
        request = morphing.MorphRequest(
            a=uploads.read_upload(file_a, tools.composer),
            b=uploads.read_upload(file_b, tools.composer),
            clip_a=clip_a,
            clip_b=clip_b,
            steps=steps,
            key=key,
            path=path,
            keep=keep.strip().lower() or None,
        )
        return _answer(*morphing.morph_all(tools.composer, tools.recorder, request))

    def map_clip(index: int = 0) -> tuple[str, str, str, str, dict[str, Any]]:
        """A clip of the map, and what the model makes of it.

        Args:
            index: of the clip, counted from 0.

        Returns:
            The original's MIDI and sound file (WAV), the reconstruction's, and what is known of
            the clip and measured on both.
        """
        tools = studio.tools()
        if tools.atlas is None:
            raise CorpusError(text("map_missing_api"))
        original, made, info = mapping.map_clip(tools.composer, tools.atlas, tools.recorder, index)
        return str(original.midi), str(original.audio), str(made.midi), str(made.audio), info

    def encode(file: str) -> dict[str, Any]:
        """Latent vectors of a MIDI file: posterior mean and log variance of each clip.

        Args:
            file: a MIDI file of at most 128 bars.

        Returns:
            The checkpoint, and for each clip of four bars: first bar, notes, mu and logvar with a
            row of numbers for each bar; null where the model can read no note.
        """
        tools = studio.tools()
        return uploads.encode(tools.composer, uploads.read_upload(file, tools.composer))

    def complete(
        file: str,
        clip: int = 0,
        action: str = "regenerate",
        keep: str = "melody",
        bars: str = "",
        seed: int = 0,
    ) -> _Answer:
        """Keep part of four bars and write the rest anew, or go on from them.

        Args:
            file: a MIDI file.
            clip: which four bars of it, counted from 0.
            action: regenerate, harmonise, accompany or continue.
            keep: roles that regenerate keeps, such as "melody, bass"; may be empty.
            bars: bars that it keeps whole, such as "1, 2"; may be empty.
            seed: the same seed and settings give the same music.

        Returns:
            A MIDI file, a sound file (WAV), and the parameters.
        """
        tools = studio.tools()
        request = EditRequest(
            upload=uploads.read_upload(file, tools.composer),
            clip=clip,
            action=action,
            roles=[role.lower() for role in _listed(keep)],
            bars=[_bar(bar) for bar in _listed(bars)],
            seed=seed,
        )
        return _edited(tools, request)

    def transfer(
        file: str,
        clip: int = 0,
        style: str = "any",
        mode: str = "any",
        valence: float | None = None,
        arousal: float | None = None,
        guidance: float = STEER_GUIDANCE,
        seed: int = 0,
    ) -> _Answer:
        """Change style, mode or mood of four bars; what is peculiar to them stays.

        Args:
            file: a MIDI file.
            clip: which four bars of it, counted from 0.
            style: any, or one of the model's styles.
            mode: any, major or minor.
            valence: -1 to 1, for models that know moods; empty leaves it as it is.
            arousal: likewise.
            guidance: how far it goes, 1 (little) to 16.
            seed: the same seed and settings give the same music.

        Returns:
            A MIDI file, a sound file (WAV), and the parameters.
        """
        tools = studio.tools()
        request = EditRequest(
            upload=uploads.read_upload(file, tools.composer),
            clip=clip,
            action="transfer",
            style=_asked(style),
            mode=_asked(mode),
            valence=valence,
            arousal=arousal,
            guidance=guidance,
            seed=seed,
        )
        return _edited(tools, request)

    def render(file: str) -> tuple[str, dict[str, Any]]:
        """Make a MIDI file audible as the page does; the model plays no part.

        Args:
            file: a MIDI file of at most 15 minutes.

        Returns:
            A sound file (WAV), and title, bars and seconds.
        """
        return uploads.render(studio.tools().recorder, uploads.read_upload(file))

    with gr.Column(visible=False):
        _publish(
            sample,
            [
                _integer("seed", defaults.seed),
                _text("mode", "any"),
                _text("key", "any"),
                _text("meter", defaults.meter),
                _number("tempo", None),
                *(_integer(name, None) for name in ("density", "polyphony")),
                *(_integer(name, None) for name in ("register", "syncopation")),
                _text("style", "any"),
                _text("form", defaults.form),
                _number("temperature", defaults.temperature),
                _number("creativity", defaults.creativity),
            ],
        )
        _publish(reconstruct, [_midi_file("file")])
        _publish(
            interpolate,
            [
                _midi_file("file_a"),
                _midi_file("file_b"),
                _integer("clip_a", 0),
                _integer("clip_b", 0),
                _integer("steps", 9),
                _text("key", "a"),
                _text("path", "line"),
                _text("keep", ""),
            ],
        )
        _publish(map_clip, [_integer("index", 0)], n_takes=2)
        _publish(encode, [_midi_file("file")], n_takes=0)
        _publish(
            complete,
            [
                _midi_file("file"),
                _integer("clip", 0),
                _text("action", "regenerate"),
                _text("keep", "melody"),
                _text("bars", ""),
                _integer("seed", 0),
            ],
        )
        _publish(
            transfer,
            [
                _midi_file("file"),
                _integer("clip", 0),
                _text("style", "any"),
                _text("mode", "any"),
                _number("valence", None),
                _number("arousal", None),
                _number("guidance", STEER_GUIDANCE),
                _integer("seed", 0),
            ],
        )
        gr.Button().click(
            telling(render),
            _midi_file("file"),
            [gr.File(label="audio"), gr.JSON(label="info")],
            api_name="render",
            **RENDERED,
        )


def _edited(tools: Tools, request: EditRequest) -> _Answer:
    take = edit(tools.composer, tools.recorder, request)
    return _answer(take, tools.recorder.information(request.parameters(), take.clips))


def _publish(
    function: Callable[..., Any], inputs: Sequence[gr.components.Component], *, n_takes: int = 1
) -> None:
    outputs: list[gr.components.Component] = []
    for _ in range(n_takes):
        outputs += [gr.File(label="midi"), gr.File(label="audio")]
    outputs.append(gr.JSON(label="info"))
    gr.Button().click(
        telling(function), list(inputs), outputs, api_name=function.__name__, **QUEUED
    )


def _listed(items: str) -> list[str]:
    return [item.strip() for item in items.split(",") if item.strip()]


def _bar(number: str) -> int:
    if not number.isdecimal() or len(number) > 3:
        raise ControlError(
            text("limit_choice", name="bar", value=number[:20], choices="1, 2, 3, 4")
        )
    return int(number)


def _asked(value: str) -> str | None:
    return None if value in ("any", "") else value


def _integer(name: str, value: int | None) -> gr.Number:
    return gr.Number(value=value, precision=0, label=name)


def _number(name: str, value: float | None) -> gr.Number:
    return gr.Number(value=value, label=name)


def _text(name: str, value: str) -> gr.Textbox:
    return gr.Textbox(value=value, label=name)


def _midi_file(name: str) -> gr.File:
    return gr.File(label=name, file_types=[".mid", ".midi", ".rmi"])
