"""What the page can do, as plain functions: requests in, takes and plain values out.

Composer, atlas and recorder are arguments, limits are enforced here, and what a visitor got wrong
is an ``InputError``. Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from musicgen_vae.audio.mix import dressed
from musicgen_vae.errors import ControlError, CorpusError, MidiError
from musicgen_vae.model.controls import METERS, Classes, Controls, ControlSpec
from musicgen_vae.music.attributes import N_CLASSES, ORDINAL, summary
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Key, Meter, Mode, Piece
from musicgen_vae.music.crossfade import crossfade
from musicgen_vae.music.midi import MAX_BYTES, read_midi
from musicgen_vae.ui.takes import Recorder, Take, mood_name
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas, Placement
    from musicgen_vae.generation.composer import Composer, KeyChoice, LatentPath

MAX_VARIATIONS = 8
MAX_CLIPS = 32
"""Clips that one request may write or reconstruct: 128 bars."""
MIN_STEPS, MAX_STEPS = 2, 17
MAX_TEMPERATURE = 2.0
MIN_TEMPO, MAX_TEMPO = 20, 300
MAX_SEED = 2**31 - 1
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
ASKABLE_METERS = METERS[:-1]
PRIORS = ("flow", "gaussian")
MAX_GUIDANCE = 6.0
KEY_CHOICES = ("a", "b", "switch")
PATHS = ("line", "circle")
GUIDANCE = 2.0
"""What the model takes by itself: its own constant would need PyTorch to be read."""
Check = Callable[[], None]
Levels = int | Classes | None
"""One level for all bars, one for each, or none asked."""


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
        valence, arousal: mood, -1 to 1.
        repetition: level 0 to 7.
        density, polyphony, register, syncopation: level 0 to 7 of all bars, or one for each of 4.
        form: 1 to 16 letters, one for each 4 bars.
        temperature: of the notes, 0 to 2.
        creativity: latent temperature, 0 to 2.
        prior: one of ``PRIORS``; None takes the flow where there is one.
        guidance: of the flow, 0 to 6; None is the model's own default.
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
    valence: float | None = None
    arousal: float | None = None
    repetition: int | None = None
    density: Levels = None
    polyphony: Levels = None
    register: Levels = None
    syncopation: Levels = None
    form: str = "A"
    temperature: float = 0.9
    creativity: float = 0.9
    prior: str | None = None
    guidance: float | None = None
    seed: int = 0
    variations: int = 1

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, [mode.value for mode in Mode])
        check_choice("key", self.key, TONICS)
        check_choice("meter", self.meter, ASKABLE_METERS)
        check_range("tempo", self.tempo_qpm, MIN_TEMPO, MAX_TEMPO, optional=True)
        for name in ("valence", "arousal"):
            check_range(name, getattr(self, name), -1, 1, optional=True)
        check_range("repetition", self.repetition, 0, N_CLASSES - 1, optional=True)
        for name in ORDINAL:
            levels = getattr(self, name)
            for level in levels if isinstance(levels, tuple) else (levels,):
                check_range(name, level, 0, N_CLASSES - 1, optional=True)
        check_choice("prior", self.prior, PRIORS)
        check_range("guidance", self.guidance, 0, MAX_GUIDANCE, optional=True)
        check_range("temperature", self.temperature, 0, MAX_TEMPERATURE)
        check_range("creativity", self.creativity, 0, MAX_TEMPERATURE)
        check_range("seed", self.seed, 0, MAX_SEED)
        check_range("variations", self.variations, 1, MAX_VARIATIONS)
        _check_clips(self.variations, len(self.form.strip()))

    def controls(self, spec: ControlSpec) -> Controls:
        """The request as the model reads it."""
        tempo = None
        if self.tempo_qpm is not None:
            tempo = int(spec.edges.classify("tempo", np.float64(self.tempo_qpm)))
        moods: dict[str, Any] = {
            name: spec.emotion_class(name, value, self.style)
            for name in ("valence", "arousal")
            if name in spec.clip_controls and (value := getattr(self, name)) is not None
        }
        return Controls.parse(
            {
                "style": self.style,
                "mode": self.mode or (Mode.MAJOR.value if self.key else None),
                "meter": Meter.parse(self.meter),
                "tempo": tempo,
                "repetition": self.repetition,
                **moods,
                **{name: getattr(self, name) for name in ORDINAL},
            }
        )


@lendable
def sample(composer: Composer, recorder: Recorder, request: SampleRequest) -> list[Take]:
    """New music: as many takes as variations are asked for."""
    return [sample_take(recorder, request, seed, clips) for seed, clips in write(composer, request)]


@lendable
def sampling(
    composer: Composer,
    recorder: Recorder,
    request: SampleRequest,
    atlas: Atlas | None,
    check: Check,
) -> Iterator[Take]:
    """New music, each variation as soon as it is there, with its novelty beside the map's clips."""
    for seed, clips in writing(composer, request, check):
        yield sample_take(recorder, request, seed, clips, novelty_facts(atlas, clips))


def sample_take(
    recorder: Recorder,
    request: SampleRequest,
    seed: int,
    clips: Sequence[Clip],
    more_facts: Sequence[str] = (),
) -> Take:
    """One variation as a take."""
    return recorder.take(
        clips,
        title=_sample_title(request, seed),
        name=f"musicgen-seed{seed}",
        more_facts=more_facts,
        parameters=asdict(replace(request, seed=seed, variations=1)),
    )


def write(
    composer: Composer, request: SampleRequest, check: Check | None = None
) -> list[tuple[int, list[Clip]]]:
    """New music: seed and clips of each variation."""
    return list(writing(composer, request, check))


def writing(
    composer: Composer, request: SampleRequest, check: Check | None = None
) -> Iterator[tuple[int, list[Clip]]]:
    """New music: seed and clips of each variation, as soon as it is there.

    Raises:
        ControlError: if the form is not 1 to 16 letters or the style is unknown.
    """
    if request.arousal is not None or request.valence is not None:
        _check_trained(composer, ("valence", "arousal"))
    controls = request.controls(composer.spec)
    mode = controls.mode or Mode.MAJOR
    settings: dict[str, Any] = {
        "controls": controls,
        "temperature": request.temperature,
        "latent_temperature": request.creativity,
        "prior": request.prior,
        "guidance": request.guidance,
        "key": Key.parse(f"{request.key} {mode.value}") if request.key else None,
        "tempo_qpm": request.tempo_qpm,
        "check": check,
    }
    seeds = range(request.seed, request.seed + request.variations)
    letters = request.form.strip()
    if len(letters) == 1 and letters.isalpha():
        clips = composer.sample(n=request.variations, seed=request.seed, **settings)
        made = ((seed, [clip]) for seed, clip in zip(seeds, clips, strict=True))
    else:
        made = ((seed, composer.compose(letters, seed=seed, **settings)) for seed in seeds)
    yield from ((seed, dressed(written, request.style)) for seed, written in made)


def _check_trained(composer: Composer, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in composer.spec.clip_controls]
    if missing:
        raise ControlError(text("not_trained", names=", ".join(missing)))


def novelty_facts(atlas: Atlas | None, clips: Sequence[Clip]) -> tuple[str, ...]:
    """How far ``clips`` are from those of the map; nothing without a map."""
    if atlas is None:
        return ()
    found = [atlas.nearest_notes(clip) for clip in clips]
    mean = sum(distance for _, distance in found) / len(found)
    if len(found) > 1:
        return (text("fact_novelty_mean", value=f"{mean:.2f}"),)
    return (text("fact_novelty", value=f"{mean:.2f}", nearest=map_label(atlas, found[0][0])),)


@lendable
def varying(
    composer: Composer, recorder: Recorder, take: Take, *, n: int, seed: int, check: Check
) -> Iterator[Take]:
    """Variations of a take, every clip of it varied.

    Raises:
        ControlError: if more than ``MAX_CLIPS`` clips would be written.
    """
    _check_clips(n, len(take.clips))
    rows = [composer.vary(clip, n=n, seed=seed, check=check) for clip in take.clips]
    for i in range(n):
        yield recorder.take(
            [row[i] for row in rows],
            title=text("variation_title", n=i + 1, title=take.title),
            name=f"variation{i + 1}",
            parameters={"vary": take.title, "seed": seed + i},
        )


@lendable
def sample_one(
    composer: Composer, recorder: Recorder, request: SampleRequest
) -> tuple[Take, dict[str, Any]]:
    """New music as one take, with its parameters and measured attributes as plain values."""
    request = replace(request, variations=1)
    ((seed, clips),) = write(composer, request)
    take = sample_take(recorder, request, seed, clips)
    parameters = asdict(request)
    del parameters["variations"]
    return take, information(composer, parameters, clips)


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
        """Title and bars of clip ``index``; of a piece that is one clip, the title."""
        first, n_bars = self._span(index)
        if len(self.piece.spans()) == 1:
            return self.title
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
    _check_length(upload)
    readable = _readable(composer, clips)
    made = [clip.keep(()) for clip in clips]
    results = composer.reconstruct([clips[i] for i in readable])
    for i, clip in zip(readable, results, strict=True):
        made[i] = clip
    remark = text("beats_estimated") if upload.piece.beats_estimated else ""
    take = recorder.take(
        made,
        title=text("reconstruction", label=upload.title),
        name="reconstruction",
        remark=remark,
        parameters={"reconstruct": upload.title},
    )
    parameters = {"title": upload.title, "beats_estimated": upload.piece.beats_estimated}
    return take, information(composer, parameters, made)


def encode(composer: Composer, upload: Upload) -> dict[str, Any]:
    """Posterior mean and log variance of each clip, as plain values.

    Raises:
        ControlError: if there are too many bars.
    """
    clips = upload.piece.clips()
    _check_length(upload)
    readable = _readable(composer, clips)
    posterior = composer.encode([clips[i] for i in readable]).posterior
    found = dict(zip(readable, zip(posterior.mu, posterior.logvar, strict=True), strict=True))
    return {
        "checkpoint": composer.checkpoint.hash,
        "title": upload.title,
        "clips": [
            {
                "first_bar": first + 1,
                "n_notes": len(clip.notes),
                "mu": found[i][0].tolist() if i in found else None,
                "logvar": found[i][1].tolist() if i in found else None,
            }
            for i, ((first, _), clip) in enumerate(zip(upload.piece.spans(), clips, strict=True))
        ],
    }


def render(recorder: Recorder, upload: Upload) -> tuple[str, dict[str, Any]]:
    """A file as sound: address of the sound file, title, bars and seconds."""
    take = recorder.take(upload.piece.clips(), title=upload.title, name="rendered")
    seconds = round(sum(clip.duration_s for clip in take.clips), 3)
    return str(take.audio), {
        "title": upload.title,
        "n_bars": len(upload.piece.bars),
        "seconds": seconds,
    }


def _readable(composer: Composer, clips: Sequence[Clip]) -> list[int]:
    """Which clips have a note that the model can read; raises ``ClipError`` where none has."""
    roles = set(composer.spec.roles)
    readable = [i for i, clip in enumerate(clips) if roles & set(clip.roles)]
    if not readable:
        composer.fit(clips[0])
    return readable


def _check_length(upload: Upload) -> None:
    if len(upload.piece.spans()) > MAX_CLIPS:
        raise ControlError(
            text("limit_reconstruct", n=len(upload.piece.bars), limit=BARS_PER_CLIP * MAX_CLIPS)
        )


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
        check_range("steps", self.steps, MIN_STEPS, MAX_STEPS)
        check_choice("key", self.key, KEY_CHOICES)
        check_choice("path", self.path, PATHS)


def interpolate(
    composer: Composer, request: MorphRequest, check: Check | None = None
) -> tuple[Clip, ...]:
    """The steps of a morph as clips.

    Raises:
        ClipError: if the model can read no note of one of the clips.
    """
    return tuple(
        composer.interpolate(
            request.a.clip(request.clip_a),
            request.b.clip(request.clip_b),
            steps=request.steps,
            key=cast("KeyChoice", request.key),
            path=cast("LatentPath", request.path),
            check=check,
        )
    )


@lendable
def morphing(
    composer: Composer,
    recorder: Recorder,
    request: MorphRequest,
    *,
    focus: Callable[[], int],
    check: Check,
) -> Iterator[list[Take | None]]:
    """The steps of a morph as takes, growing: both ends first, then what is nearest ``focus``.

    Args:
        composer: the model.
        recorder: makes the takes.
        request: what is asked.
        focus: tells the step that is looked at, counted from 1; asked anew for every step.
        check: called often; may raise to stop.
    """
    clips = interpolate(composer, request, check)
    n = len(clips)
    costs = [-float(value) for value in composer.elbo(clips)] if all(c.notes for c in clips) else []
    takes: list[Take | None] = [None] * n
    waiting = set(range(n))
    while waiting:
        check()
        at = focus() - 1
        # The first end, the other end, then outwards from where the visitor is.
        step = min(waiting, key=lambda i: (i not in (0, n - 1), abs(i - at), i))
        waiting.remove(step)
        takes[step] = recorder.take(
            [clips[step]],
            title=step_title(step + 1, n, (request.a.title, request.b.title)),
            name=f"morph-step{step + 1}",
            more_facts=(text("fact_cost", value=round(costs[step])),) if costs else (),
            beside=(clips[0], clips[-1]),
            parameters=_morph_parameters(request) | {"step": step + 1},
        )
        yield list(takes)


def step_title(step: int, n_steps: int, titles: Sequence[str]) -> str:
    """What a step of a morph is called; both ends are the model's own rendering."""
    a, b = titles
    if step in (1, n_steps):
        return text("step_end", title=a if step == 1 else b)
    share = round(100 * (step - 1) / (n_steps - 1))
    return text("step_between", share=share, a=a, b=b)


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


def naive_fade(recorder: Recorder, clips: Sequence[Clip]) -> Take:
    """For comparison: the notes of the first clip fading out while those of the last fade in."""
    n = len(clips)
    faded = [crossfade(clips[0], clips[-1], i / (n - 1)) for i in range(n)]
    return recorder.take(faded, title=text("fade_title"), name="fade", remark=text("fade_remark"))


def _morph_parameters(request: MorphRequest) -> dict[str, Any]:
    return {
        "a": request.a.clip_title(request.clip_a),
        "b": request.b.clip_title(request.clip_b),
        "steps": request.steps,
        "key": request.key,
        # Not "path": clients of the API take every value with that key for a file.
        "latent_path": request.path,
    }


@lendable
def morph_all(
    composer: Composer, recorder: Recorder, request: MorphRequest
) -> tuple[Take, dict[str, Any]]:
    """The whole morph with its parameters and what each step is like, as plain values."""
    clips = interpolate(composer, request)
    parameters = _morph_parameters(request)
    return morph_whole(recorder, clips, parameters), information(composer, parameters, clips)


# -- Map -----------------------------------------------------------------------------------------


def map_label(atlas: Atlas, index: int) -> str:
    """Title and bars of a clip of the map."""
    first = int(atlas.shard.first_bar[index]) + 1
    last = first + BARS_PER_CLIP - 1
    return text("clip_title", title=atlas.info(index).title, first=first, last=last)


@lendable
def map_clip(
    composer: Composer, atlas: Atlas, recorder: Recorder, index: int
) -> tuple[Take, Take, dict[str, Any]]:
    """Clip ``index`` of the map: as it is, reconstructed, and as plain values.

    Raises:
        ControlError: if it is not on the map.
    """
    clip = atlas.clip(index)
    label = map_label(atlas, index)
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
    return original, reconstruction, information(composer, parameters, [clip, made])


@lendable
def place(
    composer: Composer, atlas: Atlas, recorder: Recorder, upload: Upload, index: int = 0
) -> tuple[Take, Placement]:
    """A clip that is not on the map: as a take, and where it lies.

    Raises:
        ClipError: if the model can read none of its notes.
        CorpusError: if the map was encoded by another model, or without latent vectors.
    """
    if atlas.checkpoint != composer.checkpoint.hash:
        raise CorpusError(text("map_stale"))
    clip = upload.clip(index)
    z = composer.encode([clip]).posterior.mode()[0].cpu().numpy()
    take = recorder.take(
        [clip],
        title=text("placed", title=upload.clip_title(index)),
        name="placed",
        remark=text("placed_remark", mood=mood_name(clip)),
    )
    return take, atlas.place(z)


# -- Shared --------------------------------------------------------------------------------------


def information(
    composer: Composer, parameters: dict[str, Any], clips: Sequence[Clip]
) -> dict[str, Any]:
    """Checkpoint, parameters and what ``clips`` are like, as plain values."""
    return {
        "checkpoint": composer.checkpoint.hash,
        "parameters": parameters,
        "clips": [summary(clip) for clip in clips],
    }


def _check_clips(n: int, clips_each: int) -> None:
    total = n * clips_each
    if total > MAX_CLIPS:
        raise ControlError(
            text(
                "limit_clips",
                n=n,
                bars=BARS_PER_CLIP * clips_each,
                total=BARS_PER_CLIP * total,
                limit=BARS_PER_CLIP * MAX_CLIPS,
            )
        )


def check_range(
    name: str, value: float | None, low: float, high: float, *, optional: bool = False
) -> None:
    """Raise ``ControlError`` unless ``low`` <= ``value`` <= ``high``, or it may be missing."""
    if value is None and optional:
        return
    if value is None or not low <= value <= high:
        shown = text("nothing") if value is None else value
        raise ControlError(text("limit", name=name, value=shown, low=low, high=high))


def check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    """Raise ``ControlError`` unless ``value`` is one of ``choices`` or None."""
    if value is not None and value not in choices:
        raise ControlError(text("limit_choice", name=name, value=value, choices=", ".join(choices)))
