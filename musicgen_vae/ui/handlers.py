"""What the page can do, as plain functions: requests in, takes and plain values out.

Composer, atlas and recorder are arguments, limits are enforced here, and what a visitor got wrong
is an ``InputError``. Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from musicgen_vae.audio.mix import dressed
from musicgen_vae.errors import ControlError, MidiError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer, KeyChoice, LatentPath
from musicgen_vae.model.controls import METERS, Controls, ControlSpec
from musicgen_vae.music.attributes import N_CLASSES, ORDINAL, summary
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Key, Meter, Mode, Piece
from musicgen_vae.music.midi import MAX_BYTES, read_midi
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.zerogpu import lendable

MAX_VARIATIONS = 8
MAX_CLIPS = 32
"""Clips that one request may write or reconstruct: 128 bars."""
MIN_STEPS, MAX_STEPS = 2, 17
MAX_TEMPERATURE = 2.0
MIN_TEMPO, MAX_TEMPO = 20, 300
MAX_SEED = 2**31 - 1
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
ASKABLE_METERS = METERS[:-1]
KEY_CHOICES = ("a", "b", "switch")
PATHS = ("line", "circle")


# -- Create --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """What is asked of new music; None leaves it to the model.

    Attributes:
        style: one of the model's styles.
        mode: "major" or "minor".
        key: tonic, one of ``TONICS``; major unless ``mode`` says minor.
        meter: one of ``ASKABLE_METERS``.
        tempo_qpm: quarter notes per minute, 20 to 300.
        density, polyphony, register, syncopation: level 0 to 7 of all bars.
        form: 1 to 16 letters, one for each 4 bars.
        temperature: of the notes, 0 to 2.
        creativity: latent temperature, 0 to 2.
        seed: 0 to 2^31 - 1; variation i is the one of ``seed + i``.
        variations: 1 to 8.

    Raises:
        ControlError: if anything is outside these bounds.
    """

    style: str | None = None
    mode: str | None = None
    key: str | None = None
    meter: str = "4/4"
    tempo_qpm: float | None = None
    density: int | None = None
    polyphony: int | None = None
    register: int | None = None
    syncopation: int | None = None
    form: str = "A"
    temperature: float = 0.9
    creativity: float = 0.9
    seed: int = 0
    variations: int = 1

    def __post_init__(self) -> None:
        _check_choice("mode", self.mode, [mode.value for mode in Mode])
        _check_choice("key", self.key, TONICS)
        _check_choice("meter", self.meter, ASKABLE_METERS)
        _check_range("tempo", self.tempo_qpm, MIN_TEMPO, MAX_TEMPO, optional=True)
        for name in ORDINAL:
            _check_range(name, getattr(self, name), 0, N_CLASSES - 1, optional=True)
        _check_range("temperature", self.temperature, 0, MAX_TEMPERATURE)
        _check_range("creativity", self.creativity, 0, MAX_TEMPERATURE)
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("variations", self.variations, 1, MAX_VARIATIONS)
        n_clips = self.variations * len(self.form.strip())
        if n_clips > MAX_CLIPS:
            raise ControlError(
                text(
                    "limit_clips",
                    n=self.variations,
                    bars=BARS_PER_CLIP * len(self.form.strip()),
                    total=BARS_PER_CLIP * n_clips,
                    limit=BARS_PER_CLIP * MAX_CLIPS,
                )
            )

    def controls(self, spec: ControlSpec) -> Controls:
        """The request as the model reads it."""
        tempo = None
        if self.tempo_qpm is not None:
            tempo = int(spec.edges.classify("tempo", np.float64(self.tempo_qpm)))
        return Controls.parse(
            {
                "style": self.style,
                "mode": self.mode or (Mode.MAJOR.value if self.key else None),
                "meter": Meter.parse(self.meter),
                "tempo": tempo,
                **{name: getattr(self, name) for name in ORDINAL},
            }
        )


@lendable
def sample(composer: Composer, recorder: Recorder, request: SampleRequest) -> list[Take]:
    """New music: as many takes as variations are asked for."""
    return [
        _sample_take(recorder, request, seed, clips) for seed, clips in write(composer, request)
    ]


def _sample_take(
    recorder: Recorder, request: SampleRequest, seed: int, clips: Sequence[Clip]
) -> Take:
    return recorder.take(
        clips,
        title=_sample_title(request, seed),
        name=f"musicgen-seed{seed}",
        parameters=_asked(request) | {"seed": seed},
    )


def _asked(request: SampleRequest) -> dict[str, Any]:
    """The parameters of one variation."""
    parameters = asdict(request)
    del parameters["variations"]
    return parameters


def write(composer: Composer, request: SampleRequest) -> list[tuple[int, list[Clip]]]:
    """New music: seed and clips of each variation.

    Raises:
        ControlError: if the form is not 1 to 16 letters or the style is unknown.
    """
    controls = request.controls(composer.spec)
    mode = controls.mode or Mode.MAJOR
    key = Key.parse(f"{request.key} {mode.value}") if request.key else None
    seeds = range(request.seed, request.seed + request.variations)
    letters = request.form.strip()
    if len(letters) == 1 and letters.isalpha():
        clips = composer.sample(
            controls,
            n=request.variations,
            seed=request.seed,
            temperature=request.temperature,
            latent_temperature=request.creativity,
            key=key,
            tempo_qpm=request.tempo_qpm,
        )
        made = [[clip] for clip in clips]
    else:
        made = [
            composer.compose(
                letters,
                controls=controls,
                seed=seed,
                temperature=request.temperature,
                latent_temperature=request.creativity,
                key=key,
                tempo_qpm=request.tempo_qpm,
            )
            for seed in seeds
        ]
    return [(seed, dressed(clips, request.style)) for seed, clips in zip(seeds, made, strict=True)]


@lendable
def sample_one(
    composer: Composer, recorder: Recorder, request: SampleRequest
) -> tuple[Take, dict[str, Any]]:
    """New music as one take, with its parameters and measured attributes as plain values."""
    request = replace(request, variations=1)
    ((seed, clips),) = write(composer, request)
    take = _sample_take(recorder, request, seed, clips)
    return take, _info(composer, _asked(request), clips)


def _sample_title(request: SampleRequest, seed: int) -> str:
    form = request.form.strip().upper()
    return (
        text("take_seed", seed=seed) if len(form) == 1 else text("take_form", form=form, seed=seed)
    )


# -- Files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A MIDI file that could be read.

    Attributes:
        piece: the music.
        title: the file's own title, or else its name; plain text.
    """

    piece: Piece
    title: str

    @property
    def choices(self) -> tuple[str, ...]:
        """One line for each of the piece's clips, in order."""
        clips = self.piece.clips()
        return tuple(
            text("clip_choice", first=first + 1, last=first + n, notes=len(clip.notes))
            for (first, n), clip in zip(self.piece.spans(), clips, strict=True)
        )

    def clip(self, index: int) -> Clip:
        """Clip ``index``, counted from 0.

        Raises:
            ControlError: if there is none.
        """
        return self.piece.clip(*self._span(index))

    def clip_title(self, index: int) -> str:
        """Title and bars of clip ``index``."""
        first, n_bars = self._span(index)
        return text("clip_title", title=self.title, first=first + 1, last=first + n_bars)

    def _span(self, index: int) -> tuple[int, int]:
        spans = self.piece.spans()
        if not 0 <= index < len(spans):
            raise ControlError(text("no_clip", title=self.title, index=index, last=len(spans) - 1))
        return spans[index]


def read_upload(path: str | Path | None, composer: Composer | None = None) -> Upload:
    """The MIDI file at ``path``, a short one in the key that ``composer`` finds likeliest.

    Raises:
        MidiError: if there is none or it cannot be used.
    """
    if path is None:
        raise MidiError(text("no_file"))
    with Path(path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    piece = read_midi(data)
    if composer is not None:
        piece = composer.settle_key(piece)
    return Upload(piece=piece, title=piece.title or Path(path).stem)


def preview(composer: Composer, recorder: Recorder, upload: Upload, index: int) -> Take:
    """Clip ``index`` of an upload as it is, with what the model will not see of it."""
    clip = upload.clip(index)
    remarks = [text("beats_estimated")] if upload.piece.beats_estimated else []
    known = composer.spec.roles
    left_out = [text(f"role_{r.label}") for r in clip.roles if r not in known]
    if left_out:
        names = ", ".join(text(f"role_{role.label}") for role in known)
        remarks.append(text("roles_left_out", known=names, left_out=", ".join(left_out)))
    return recorder.take(
        [clip], title=upload.clip_title(index), name="original", remark=" ".join(remarks)
    )


@lendable
def reconstruct(
    composer: Composer, recorder: Recorder, path: str | Path | None
) -> tuple[Take, dict[str, Any]]:
    """All clips of a MIDI file, encoded and decoded, as one take, with what they are like.

    Clips without a note that the model can read stay silent.

    Raises:
        MidiError: if the file cannot be used.
        ControlError: if it has too many bars.
        ClipError: if the model can read none of its notes.
    """
    upload = read_upload(path, composer)
    clips = list(upload.piece.clips())
    if len(clips) > MAX_CLIPS:
        raise ControlError(
            text("limit_reconstruct", n=len(upload.piece.bars), limit=BARS_PER_CLIP * MAX_CLIPS)
        )
    roles = set(composer.spec.roles)
    readable = [i for i, clip in enumerate(clips) if roles & set(clip.roles)]
    if not readable:
        composer.fit(clips[0])
    made = [clip.keep(()) for clip in clips]
    results = composer.reconstruct([clips[i] for i in readable])
    for i, clip in zip(readable, results, strict=True):
        made[i] = clip
    remark = text("beats_estimated") if upload.piece.beats_estimated else ""
    parameters = {"title": upload.title, "beats_estimated": upload.piece.beats_estimated}
    take = recorder.take(
        made,
        title=text("reconstruction", label=upload.title),
        name="reconstruction",
        remark=remark,
        parameters={"reconstruct": upload.title},
    )
    return take, _info(composer, parameters, made)


# -- Morph ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MorphRequest:
    """What lies between a clip of one file and a clip of another.

    Attributes:
        a, b: the files.
        clip_a, clip_b: which clips of them, counted from 0.
        steps: 2 to 17, ends included.
        key: whose key and meter, one of ``KEY_CHOICES``.
        path: one of ``PATHS``.

    Raises:
        ControlError: if anything is outside these bounds.
    """

    a: Upload
    b: Upload
    clip_a: int = 0
    clip_b: int = 0
    steps: int = 9
    key: str = "a"
    path: str = "line"

    def __post_init__(self) -> None:
        _check_range("steps", self.steps, MIN_STEPS, MAX_STEPS)
        _check_choice("key", self.key, KEY_CHOICES)
        _check_choice("path", self.path, PATHS)


def interpolate(composer: Composer, request: MorphRequest) -> tuple[Clip, ...]:
    """The steps of a morph as clips.

    Raises:
        ClipError: if the model can read no note of one of the clips.
    """
    return tuple(
        composer.interpolate(
            request.a.clip(request.clip_a),
            request.b.clip(request.clip_b),
            steps=request.steps,
            key=cast(KeyChoice, request.key),
            path=cast(LatentPath, request.path),
        )
    )


def morph_step(recorder: Recorder, clips: Sequence[Clip], step: int) -> Take:
    """Step ``step`` of a morph, counted from 1; all its steps are equally loud."""
    _check_range("step", step, 1, len(clips))
    share = round(100 * (step - 1) / (len(clips) - 1))
    return recorder.take(
        [clips[step - 1]],
        title=text("step_title", step=step, steps=len(clips), share=share),
        name=f"morph-step{step}",
        parameters={"step": step, "steps": len(clips)},
        beside=clips,
    )


def morph_whole(
    recorder: Recorder, clips: Sequence[Clip], parameters: dict[str, Any] | None = None
) -> Take:
    """All steps of a morph, one after another."""
    return recorder.take(
        clips,
        title=text("whole_title", steps=len(clips)),
        name="morph",
        parameters=parameters or {"steps": len(clips)},
    )


@lendable
def morph_all(
    composer: Composer, recorder: Recorder, request: MorphRequest
) -> tuple[Take, dict[str, Any]]:
    """The whole morph with its parameters and what each step is like, as plain values."""
    clips = interpolate(composer, request)
    parameters = {
        "a": request.a.clip_title(request.clip_a),
        "b": request.b.clip_title(request.clip_b),
        "steps": request.steps,
        "key": request.key,
        # Not "path": clients of the API take every value with that key for a file.
        "latent_path": request.path,
    }
    return morph_whole(recorder, clips, parameters), _info(composer, parameters, clips)


# -- Map -----------------------------------------------------------------------------------------


@lendable
def map_clip(
    composer: Composer, atlas: Atlas, recorder: Recorder, index: int
) -> tuple[Take, Take, dict[str, Any]]:
    """Clip ``index`` of the map: as it is, reconstructed, and as plain values.

    Raises:
        ControlError: if it is not on the map.
    """
    clip = atlas.clip(index)
    label = atlas.label(index)
    (made,) = composer.reconstruct([clip])
    info = atlas.info(index)
    parameters = {
        "index": index,
        "title": info.title,
        "source": info.source,
        "licence": info.licence,
        "first_bar": int(atlas.shard.first_bar[index]) + 1,
        "xy": [round(float(value), 4) for value in atlas.xy[index]],
    }
    original = recorder.take(
        [clip], title=text("original", label=label), name=f"map{index}-original", beside=[made]
    )
    reconstruction = recorder.take(
        [made],
        title=text("reconstruction", label=label),
        name=f"map{index}-reconstruction",
        parameters={"reconstruct": label},
        beside=[clip],
    )
    return original, reconstruction, _info(composer, parameters, [clip, made])


# -- Shared --------------------------------------------------------------------------------------


def _info(composer: Composer, parameters: dict[str, Any], clips: Sequence[Clip]) -> dict[str, Any]:
    return {
        "checkpoint": composer.checkpoint.hash,
        "parameters": parameters,
        "clips": [summary(clip) for clip in clips],
    }


def _check_range(
    name: str, value: float | None, low: float, high: float, *, optional: bool = False
) -> None:
    if value is None and optional:
        return
    if value is None or not low <= value <= high:
        shown = text("nothing") if value is None else value
        raise ControlError(text("limit", name=name, value=shown, low=low, high=high))


def _check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise ControlError(text("limit_choice", name=name, value=value, choices=", ".join(choices)))
