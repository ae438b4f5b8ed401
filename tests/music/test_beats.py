"""Beats: found in steady, drifting and uneven playing, and never outside the music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from musicgen_vae.music.beats import MIN_ONSETS, estimate_beats, first_downbeat, quantize

Floats = NDArray[np.float64]


def playing(
    length_s: float, *, drift: float = 0.0, jitter_s: float = 0.0, n_beats: int = 64
) -> tuple[Floats, Floats, Floats]:
    """Beats, and the times and weights of onsets on them (strong) and between them (weak)."""
    rng = np.random.default_rng(0)
    lengths = length_s * (1 + drift * np.sin(np.arange(n_beats) / 8))
    beats = 1 + np.concatenate([[0], np.cumsum(lengths)])
    times = np.concatenate([beats[:-1], beats[:-1] + lengths / 2])
    weights = np.concatenate([np.full(n_beats, 1.0), np.full(n_beats, 0.3)])
    return beats, times + rng.normal(0, jitter_s, len(times)), weights


@pytest.mark.parametrize("length_s", [0.5, 0.6, 0.8])
@pytest.mark.parametrize("drift", [0.0, 0.12])
def test_beats_are_found(length_s: float, drift: float) -> None:
    beats, times, weights = playing(length_s, drift=drift, jitter_s=0.008)
    found = estimate_beats(times, weights)
    inner = found[(found > beats[2]) & (found < beats[-3])]
    errors = np.abs(inner[:, None] - beats).min(axis=1)
    assert (errors < 0.05).mean() > 0.95
    assert len(inner) == pytest.approx(len(beats) - 5, abs=3)


def test_too_few_onsets_give_no_beats() -> None:
    times = np.arange(MIN_ONSETS - 1) / 2
    assert len(estimate_beats(times, np.ones_like(times))) == 0
    assert len(estimate_beats(np.zeros(100), np.ones(100))) == 0
    assert len(estimate_beats(np.zeros(0), np.zeros(0))) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 60, allow_nan=False), st.floats(0.01, 2)), min_size=1, max_size=80
    )
)
def test_beats_increase_and_enclose_the_onsets(made: list[tuple[float, float]]) -> None:
    times, weights = np.array(made).T
    beats = estimate_beats(times, weights)
    if len(beats):
        assert (np.diff(beats) > 0).all()
        assert beats[0] <= times.min() + 1e-9
        assert beats[-1] > times.max()


def test_the_downbeat_is_where_the_weight_is() -> None:
    beats = np.arange(40) * 0.5
    for first in range(4):
        weights = np.where(np.arange(40) % 4 == first, 3.0, 1.0)
        assert first_downbeat(beats, beats, weights) == first


def test_quantizing_prefers_sixteenths_but_hears_triplets() -> None:
    straight = np.array([0.02, 0.24, 0.51, 0.77])
    triplet = 3 + np.array([0.01, 0.34, 0.66])
    assert quantize(straight).tolist() == [0, 3, 6, 9]
    assert quantize(triplet).tolist() == [36, 40, 44]
    assert quantize(np.array([0.97])).tolist() == [12]


@given(st.lists(st.floats(0, 500, allow_nan=False), max_size=30))
def test_quantizing_moves_nothing_far(positions: list[float]) -> None:
    at = np.array(positions, dtype=np.float64)
    assert (np.abs(quantize(at) - 12 * at) <= 2 + 1e-6).all()


def test_where_triplets_are_likely_they_may_fit_a_little_worse() -> None:
    between = np.array([0.0, 0.71])
    assert quantize(between).tolist() == [0, 9]
    assert quantize(between, triplet_odds=2.0).tolist() == [0, 8]
