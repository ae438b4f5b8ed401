"""New music and variations: requests in, takes out.

Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from musicgen_vae.audio.mix import dressed
from musicgen_vae.errors import ControlError
from musicgen_vae.generation.defaults import LATENT_TEMPERATURE, TEMPERATURE
from musicgen_vae.generation.form import plan_form
from musicgen_vae.model.controls import METERS, Classes, Controls, ControlSpec
from musicgen_vae.music.attributes import N_CLASSES, ORDINAL
from musicgen_vae.music.clip import Clip, Key, Meter, Mode
from musicgen_vae.ui.limits import (
    MAX_SEED,
    Check,
    check_choice,
    check_clips,
    check_range,
    in_time,
)
from musicgen_vae.ui.mapping import map_label
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas
    from musicgen_vae.generation.composer import Composer

MAX_VARIATIONS = 8
MAX_TEMPERATURE = 2.0
MIN_TEMPO, MAX_TEMPO = 20, 300
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
ASKABLE_METERS = METERS[:-1]
PRIORS = ("flow", "gaussian")
MAX_GUIDANCE = 16.0
Levels = int | Classes | None
"""One level for all bars, one for each, or none asked."""


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
        guidance: of the flow, 0 to 16; None is the model's own default.
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
    temperature: float = TEMPERATURE
    creativity: float = LATENT_TEMPERATURE
    prior: str | None = None
    guidance: float | None = None
    seed: int = 0
    variations: int = 1

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, [mode.value for mode in Mode])
        check_choice("key", self.key, TONICS)
        check_choice("meter", self.meter or text("nothing"), ASKABLE_METERS)
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
        # A link may say that it leaves form or meter to the model, which has to be told them.
        letters = plan_form(self.form or "")
        check_clips(self.variations, len(letters))

    def controls(self, spec: ControlSpec) -> Controls:
        """The request as the model reads it.

        Raises:
            ControlError: if the model does not know its style.
        """
        check_choice("style", self.style, spec.styles)
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
def sampling(
    composer: Composer,
    recorder: Recorder,
    request: SampleRequest,
    atlas: Atlas | None = None,
    check: Check | None = None,
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


def writing(
    composer: Composer, request: SampleRequest, check: Check | None = None
) -> Iterator[tuple[int, list[Clip]]]:
    """New music: seed and clips of each variation, as soon as it is there.

    Raises:
        ControlError: if the form is not 1 to 16 letters, the style is unknown, or it takes too
            long.
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
        "check": in_time(check),
    }
    seeds = range(request.seed, request.seed + request.variations)
    letters = request.form.strip()
    if len(letters) == 1 and letters.isalpha():
        # The first one by itself, so that it can be heard while the others are written.
        made = (
            (seed, [clip])
            for some in (seeds[:1], seeds[1:])
            for seed, clip in zip(
                some, composer.sample(n=len(some), seed=some.start, **settings), strict=True
            )
        )
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
    check_clips(n, len(take.clips))
    check = in_time(check)
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
    ((seed, clips),) = writing(composer, request)
    take = sample_take(recorder, request, seed, clips)
    parameters = asdict(request)
    del parameters["variations"]
    return take, recorder.information(parameters, clips)


def _sample_title(request: SampleRequest, seed: int) -> str:
    form = request.form.strip().upper()
    return (
        text("take_seed", seed=seed) if len(form) == 1 else text("take_form", form=form, seed=seed)
    )
