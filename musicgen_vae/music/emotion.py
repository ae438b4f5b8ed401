"""Valence and arousal of a clip, estimated from seven features that one can name.

A logistic regression each, after the circumplex of Russell (1980): arousal is calm (-1) to excited
(+1), valence sad or tense (-1) to happy (+1); their signs make the quadrants Q1 (happy, excited),
Q2 (tense), Q3 (sad) and Q4 (calm, content). The shipped weights (``emotion.json``) were fitted to
the human labels of EMOPIA by ``scripts/fit_emotion.py``; ``LITERATURE`` has equal weights with the
signs on which music psychology agrees. Both come in a variant for music of unknown loudness.

It is an estimate of what listeners would say of a piano piece, and no more. This module knows notes
and the regression; it does not know data sets or the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import N_VELOCITIES, STEPS_PER_BEAT, Clip, Role
from musicgen_vae.music.key import majorness

FEATURES = (
    "note_rate",
    "loudness",
    "register",
    "mode",
    "dissonance",
    "articulation",
    "polyphony",
)
LOUDNESS = FEATURES.index("loudness")
ANY_STYLE = ""
"""Name, beside those of styles, of what holds for all of them together."""
QUADRANTS = ("Q1", "Q2", "Q3", "Q4")
_ROUGHNESS = np.array([0, 1, 0.6, 0.15, 0.1, 0.05, 0.7, 0, 0.1, 0.15, 0.4, 0.8])
"""Of each interval in semitones modulo the octave, after the rank order of Hutchinson and Knopoff,
"The significance of the acoustic component of consonance in Western triads" (1979)."""
_MAX_ARTICULATION = 3.0
_SHORTEST_S = 0.02

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Emotion:
    """Where a clip lies on the circumplex.

    Attributes:
        valence: -1 (negative) to 1 (positive).
        arousal: -1 (calm) to 1 (excited).
    """

    valence: float
    arousal: float

    @property
    def quadrant(self) -> str:
        """One of ``QUADRANTS``."""
        if self.arousal >= 0:
            return "Q1" if self.valence >= 0 else "Q2"
        return "Q4" if self.valence >= 0 else "Q3"


@dataclass(frozen=True, kw_only=True)
class Regression:
    """One logistic regression on standardised features; loudness may be left out.

    Attributes:
        intercept: log odds at average features.
        weights: log odds for each standard deviation of each of ``FEATURES``; loudness weighs 0 in
            the variant that does not know it.
    """

    intercept: float
    weights: tuple[float, ...]

    def score(self, standardised: FloatArray) -> float:
        """2 p - 1, from -1 to 1, for features of shape (7,)."""
        return float(np.tanh(0.5 * (self.intercept + np.dot(self.weights, standardised))))


@dataclass(frozen=True, kw_only=True)
class EmotionModel:
    """Valence and arousal, each with and without loudness.

    Attributes:
        mean, std: of each feature in the data that the weights were fitted to, shape (7,).
        valence, arousal: where loudness is known.
        valence_quiet, arousal_quiet: where it is not.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    valence: Regression
    arousal: Regression
    valence_quiet: Regression
    arousal_quiet: Regression

    def estimate(self, features: FloatArray) -> Emotion:
        """The emotion of features as ``features_of`` gives them, shape (7,)."""
        standardised = (features - np.array(self.mean)) / np.array(self.std)
        if np.isnan(standardised[LOUDNESS]):
            standardised[LOUDNESS] = 0.0
            valence, arousal = self.valence_quiet, self.arousal_quiet
        else:
            valence, arousal = self.valence, self.arousal
        return Emotion(valence=valence.score(standardised), arousal=arousal.score(standardised))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; ``from_dict`` is its exact inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EmotionModel:
        """The model that ``to_dict`` described."""
        regressions = {
            name: Regression(intercept=value["intercept"], weights=tuple(value["weights"]))
            for name, value in data.items()
            if name not in ("mean", "std")
        }
        return cls(mean=tuple(data["mean"]), std=tuple(data["std"]), **regressions)


@cache
def shipped_model() -> EmotionModel:
    """The model whose weights were fitted to EMOPIA."""
    text = files("musicgen_vae.music").joinpath("emotion.json").read_text(encoding="utf-8")
    return EmotionModel.from_dict(json.loads(text))


def literature_model() -> EmotionModel:
    """Equal weights with the signs of the literature, on the scale of the shipped model.

    Fast, loud, staccato and dense music excites; major mode, consonance, a higher register and,
    less surely, speed please (Gabrielsson and Lindstroem, "The role of structure in the musical
    expression of emotions", in Juslin and Sloboda (eds.), Handbook of Music and Emotion, 2010).
    """
    shipped = shipped_model()
    arousal = (1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 1.0)
    valence = (1.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0)

    def quiet(weights: Sequence[float]) -> Regression:
        known = tuple(0.0 if i == LOUDNESS else w for i, w in enumerate(weights))
        return Regression(intercept=0.0, weights=known)

    return EmotionModel(
        mean=shipped.mean,
        std=shipped.std,
        valence=Regression(intercept=0.0, weights=valence),
        arousal=Regression(intercept=0.0, weights=arousal),
        valence_quiet=quiet(valence),
        arousal_quiet=quiet(arousal),
    )


def features_of_notes(
    start_s: FloatArray, end_s: FloatArray, pitch: FloatArray, loudness: FloatArray
) -> FloatArray:
    """The values of ``FEATURES`` for pitched notes, shape (7,).

    - ``note_rate``: log of notes per second;
    - ``loudness``: mean, 0 to 1; NaN where no note's is known;
    - ``register``: mean MIDI pitch;
    - ``mode``: how much better the pitches fit a major key than a minor one, as a difference of
      correlations;
    - ``dissonance``: mean roughness (0 to 1) of the intervals that sound together;
    - ``articulation``: mean length of a note as a share of the time to the next onset, at most 3;
    - ``polyphony``: log of the mean number of notes sounding.

    Args:
        start_s: onsets in seconds, shape (n,), n >= 1.
        end_s: note-offs in seconds, shape (n,).
        pitch: MIDI pitch, shape (n,).
        loudness: 0 to 1, NaN where unknown, shape (n,).
    """
    length = np.maximum(end_s - start_s, _SHORTEST_S)
    onsets = np.unique(start_s)
    following = np.searchsorted(onsets, start_s, side="right")
    has_next = following < len(onsets)
    gap = onsets[np.minimum(following, len(onsets) - 1)] - start_s
    shares = np.minimum(length[has_next] / gap[has_next], _MAX_ARTICULATION)
    known = loudness[~np.isnan(loudness)]

    together = _together_s(start_s, end_s, pitch)
    sounding = together.sum()
    order = np.argsort(start_s)
    reached = np.maximum.accumulate(end_s[order])
    silence = np.maximum(start_s[order][1:] - reached[:-1], 0.0).sum()
    active = max(float(reached[-1] - start_s.min() - silence), _SHORTEST_S)
    profile = np.zeros(12)
    np.add.at(profile, pitch.astype(np.int64) % 12, np.sqrt(length))
    return np.array(
        [
            np.log(len(pitch) / max(float(end_s.max() - start_s.min()), 1.0)),
            known.mean() if len(known) else np.nan,
            pitch.mean(),
            majorness(profile),
            (together @ _ROUGHNESS) / sounding if sounding > 0 else 0.0,
            shares.mean() if len(shares) else 1.0,
            np.log(length.sum() / active),
        ]
    )


def _together_s(start_s: FloatArray, end_s: FloatArray, pitch: FloatArray) -> FloatArray:
    """Seconds in which two notes sound at once, over all pairs, by their interval modulo 12: (12,).

    Counted between one onset or end and the next, so that the memory grows with the notes and not
    with their pairs.
    """
    rank = (pitch - pitch.min()).astype(np.int64)
    times = np.unique(np.concatenate([start_s, end_s]))
    change = np.zeros((len(times), rank.max() + 1))
    np.add.at(change, (np.searchsorted(times, start_s), rank), 1.0)
    np.add.at(change, (np.searchsorted(times, end_s), rank), -1.0)
    sounding = change.cumsum(axis=0)[:-1]
    seconds = np.diff(times)
    pairs = (sounding * seconds[:, None]).T @ sounding
    # Of a pitch with itself, each pair is there twice and each note once with itself.
    unisons = (np.trace(pairs) - seconds @ sounding.sum(axis=1)) / 2
    result = np.zeros(12)
    result[0] = unisons
    for interval in range(1, len(pairs)):
        result[interval % 12] += np.trace(pairs, offset=interval)
    return result


def features_of(clip: Clip) -> FloatArray | None:
    """The values of ``FEATURES`` for a clip's pitched notes, shape (7,); None without any."""
    notes = [note for note in clip.notes if note.role is not Role.DRUMS]
    if not notes:
        return None
    step_s = 60.0 / (clip.tempo_qpm * STEPS_PER_BEAT)
    start = np.array([note.start for note in notes]) * step_s
    length = np.array([note.duration for note in notes]) * step_s
    loudness = [
        np.nan if note.velocity is None else note.velocity / (N_VELOCITIES - 1) for note in notes
    ]
    return features_of_notes(
        start,
        start + length,
        np.array([note.pitch + clip.key.shift for note in notes], dtype=np.float64),
        np.array(loudness, dtype=np.float64),
    )


def estimate_emotion(clip: Clip, model: EmotionModel | None = None) -> Emotion | None:
    """What listeners would probably say of a clip; None where no pitched note sounds."""
    features = features_of(clip)
    return None if features is None else (model or shipped_model()).estimate(features)


_WORDS = {
    "note_rate": ("slow", "fast"),
    "loudness": ("soft", "loud"),
    "register": ("low", "high"),
    "mode": ("minor", "major"),
    "dissonance": ("consonant", "dissonant"),
    "articulation": ("detached", "sustained"),
    "polyphony": ("thin", "dense"),
}


def reasons(clip: Clip, model: EmotionModel | None = None, n: int = 4) -> tuple[str, ...]:
    """The ``n`` most unusual features of a clip in words, such as ``("fast", "minor", "low")``."""
    features = features_of(clip)
    if features is None:
        return ()
    model = model or shipped_model()
    unusual = np.nan_to_num((features - np.array(model.mean)) / np.array(model.std))
    order = np.argsort(-np.abs(unusual), kind="stable")[:n]
    return tuple(_WORDS[FEATURES[i]][int(unusual[i] > 0)] for i in order if abs(unusual[i]) > 0.5)
