"""Valence and arousal move as listeners say they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen_vae.music.clip import Clip, Key, Mode, Note, Role, tidy
from musicgen_vae.music.emotion import (
    FEATURES,
    LOUDNESS,
    Emotion,
    EmotionModel,
    estimate_emotion,
    features_of,
    features_of_notes,
    literature_model,
    reasons,
    shipped_model,
)
from musicgen_vae.music.key import majorness

MODELS = [shipped_model(), literature_model()]
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)


def clip(
    *, triad: tuple[int, ...] = MAJOR, velocity: int | None = 3, tempo_qpm: float = 90.0,
    duration: int = 6, each: int = 6,
) -> Clip:  # fmt: skip
    """Broken triads over a held root."""
    notes = [
        Note(start=start, role=Role.MELODY, pitch=72 + triad[start // each % 3],
             duration=duration, velocity=velocity)
        for start in range(0, 192, each)
    ]  # fmt: skip
    notes += [
        Note(start=bar * 48, role=Role.BASS, pitch=48, duration=48, velocity=velocity)
        for bar in range(4)
    ]
    return Clip(notes=tidy(notes), key=Key(tonic=0, mode=Mode.MAJOR), tempo_qpm=tempo_qpm)


def emotion(one: Clip, model: EmotionModel) -> Emotion:
    estimated = estimate_emotion(one, model)
    assert estimated is not None
    return estimated


@pytest.mark.parametrize("model", MODELS)
def test_what_excites_and_what_pleases(model: EmotionModel) -> None:
    plain = emotion(clip(), model)
    assert emotion(clip(velocity=7), model).arousal > plain.arousal
    assert emotion(clip(tempo_qpm=160), model).arousal > plain.arousal
    assert emotion(clip(velocity=None, tempo_qpm=160), model).arousal > emotion(
        clip(velocity=None), model
    ).arousal  # fmt: skip
    assert emotion(clip(triad=MINOR), model).valence < plain.valence


def test_quadrants() -> None:
    made = [Emotion(valence=v, arousal=a).quadrant for v, a in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    assert made == ["Q1", "Q2", "Q3", "Q4"]


def test_features_are_what_they_say() -> None:
    start = np.array([0.0, 1.0, 2.0, 3.0])
    features = dict(
        zip(
            FEATURES,
            features_of_notes(
                start, start + 0.5, np.array([60.0, 64, 67, 72]), np.array([0.5, np.nan, 1, np.nan])
            ),
            strict=True,
        )
    )
    assert features["note_rate"] == pytest.approx(np.log(4 / 3.5))
    assert features["loudness"] == 0.75
    assert features["register"] == 65.75
    assert features["dissonance"] == 0.0  # nothing sounds together
    assert features["articulation"] == 0.5
    assert features["polyphony"] == pytest.approx(0.0)


def test_intervals_sound_rough_by_their_overlap() -> None:
    def dissonance(pitches: tuple[float, ...]) -> float:
        start = np.zeros(len(pitches))
        made = features_of_notes(start, start + 1, np.array(pitches), start + np.nan)
        return float(made[FEATURES.index("dissonance")])

    assert dissonance((60, 61)) == 1.0
    assert dissonance((60, 67)) == 0.0
    assert dissonance((60, 72)) == 0.0
    assert dissonance((60, 64, 67)) < dissonance((60, 63, 66))


def test_what_sounds_together_is_counted_in_pairs() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 60):
        start, pitch = rng.integers(0, 40, n) / 4, rng.integers(30, 90, n).astype(np.float64)
        end = start + rng.integers(1, 12, n) / 4
        overlap, weight = 0.0, 0.0
        for i in range(n):
            for j in range(i):
                both = max(0.0, min(end[i], end[j]) - max(start[i], start[j]))
                overlap += both
                pair = features_of_notes(np.zeros(2), np.ones(2), pitch[[i, j]], np.full(2, np.nan))
                weight += both * pair[FEATURES.index("dissonance")]
        made = features_of_notes(start, end, pitch, np.full(n, np.nan))
        expected = weight / overlap if overlap else 0.0
        assert made[FEATURES.index("dissonance")] == pytest.approx(expected)


def test_transposition_changes_the_register_only() -> None:
    one, other = clip(), replace(clip(), key=Key(tonic=5, mode=Mode.MAJOR))
    a, b = features_of(one), features_of(other)
    assert a is not None and b is not None
    changed = [name for name, x, y in zip(FEATURES, a, b, strict=True) if abs(x - y) > 1e-9]
    assert changed == ["register"]
    assert majorness(np.array([1.0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0])) > 0
    assert majorness(np.array([1.0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])) < 0


def test_unknown_loudness_has_a_variant_of_its_own() -> None:
    for regression in (shipped_model().valence_quiet, shipped_model().arousal_quiet):
        assert regression.weights[LOUDNESS] == 0.0
    features = features_of(clip(velocity=None))
    assert features is not None
    assert np.isnan(features[LOUDNESS])


def test_silence_and_drums_have_no_emotion() -> None:
    drums = Clip(notes=(Note(start=0, role=Role.DRUMS, pitch=36, duration=3),))
    assert estimate_emotion(drums) is None
    assert estimate_emotion(Clip()) is None
    assert reasons(drums) == ()


def test_reasons_name_what_is_unusual() -> None:
    assert "loud" in reasons(clip(velocity=7))
    assert "soft" in reasons(clip(velocity=0))


def test_models_survive_as_plain_numbers() -> None:
    for model in MODELS:
        assert EmotionModel.from_dict(model.to_dict()) == model
