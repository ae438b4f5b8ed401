"""Stops on a way between two clips: as much changes from each to the next."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.trajectory import (
    FloatArray,
    bar_shares,
    even_morph,
    even_shares,
    even_steps,
    frames_between,
    n_stops,
    trajectory,
)
from musicgen_vae.music.clip import Clip, Meter, Role


def test_an_even_way_is_left_as_it_is() -> None:
    points = [i / 8 for i in range(9)]
    # Each step adds a note of nine and takes one away.
    outlines = torch.stack([torch.arange(17.0) - i for i in range(9)])
    outlines = ((outlines >= 0) & (outlines < 9)).float()
    torch.testing.assert_close(even_shares(points, outlines, 5), [0.0, 0.25, 0.5, 0.75, 1.0])


def test_steps_crowd_where_much_changes() -> None:
    points = [i / 16 for i in range(17)]
    leap = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    outlines = torch.lerp(leap[:1], leap[1:], torch.tensor([[0.0]] * 8 + [[0.5]] + [[1.0]] * 8))
    shares = even_shares(points, outlines, 5)
    assert shares == pytest.approx([0.0, 7.5 / 16, 0.5, 8.5 / 16, 1.0], abs=1e-3)


def test_where_nothing_changes_steps_are_even() -> None:
    shares = even_shares([0.0, 0.5, 1.0], torch.zeros(3, 2, 5), 4)
    assert shares == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])


@given(st.integers(2, 20), st.integers(2, 12), st.integers(0, 999))
def test_stops_rise_from_end_to_end(n: int, steps: int, seed: int) -> None:
    outlines = torch.rand(n, 3, 4, generator=torch.Generator().manual_seed(seed))
    shares = even_shares([i / (n - 1) for i in range(n)], outlines, steps)
    assert len(shares) == steps
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert (np.diff(shares) > 0).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(1, 4))
def test_bars_move_one_after_another_and_arrive_together(shares: list[float], n_bars: int) -> None:
    of_bars = bar_shares(torch.tensor(sorted([0.0, *shares, 1.0])), n_bars)
    assert of_bars.shape == (len(shares) + 2, 4)
    assert of_bars[0].tolist() == [0.0] * 4
    assert of_bars[-1].tolist() == [1.0] * 4
    assert (of_bars.diff(dim=0) >= 0).all()  # none turns back
    assert (of_bars[:, :n_bars].diff(dim=1) >= 0).all()  # and later bars are never behind


def test_half_way_the_bars_are_half_way_on_average() -> None:
    for n_bars in (1, 2, 3, 4):
        of_bars = bar_shares(torch.tensor([0.5]), n_bars)[0, :n_bars]
        assert of_bars.mean() == pytest.approx(0.5)
    (half,) = bar_shares(torch.tensor([0.5]))
    assert 0 < half[0] < half[1] < 0.5 < half[2] < half[3] < 1


def test_z_goes_from_a_to_b_whether_a_role_is_kept_or_not(
    tiny_composer: Composer, tune: Clip, other: Clip
) -> None:
    ends = other, tune
    encoded = tiny_composer.encode(ends)
    middle = torch.zeros_like(encoded.prior.mu[0])
    for path in ("line", "circle"):
        go = partial(trajectory, tiny_composer.model, ends, encoded, middle, stops=5, path=path)
        free, kept = go(), go(keep=Role.MELODY)
        assert torch.equal(free.z, kept.z)
        assert not torch.equal(free.control, kept.control)
        assert free.noise_level[0] == free.noise_level[-1] == 0 < free.noise_level[2]
        z = go(key="switch").z[[0, -1]]
        torch.testing.assert_close(z, encoded.posterior.mode(), atol=1e-4, rtol=1e-4)


def on_a_line(*places: float) -> FloatArray:
    """Distances of clips that lie on a line."""
    return np.abs(np.subtract.outer(places, places))


def choose(distances: FloatArray, steps: int) -> list[int]:
    return even_steps(distances, np.ones((steps, len(distances)), dtype=np.bool_))


def test_even_steps_are_chosen_on_a_line() -> None:
    way = on_a_line(0, 0.01, 0.02, 0.25, 0.3, 0.5, 0.74, 0.75, 0.99, 1)
    assert choose(way, 5) == [0, 3, 5, 7, 9]
    assert choose(way, len(way)) == list(range(len(way)))
    assert choose(way, 2) == [0, 9]


def test_steps_that_turn_back_are_passed_over() -> None:
    assert choose(on_a_line(0, 0.2, 0.5, 0.3, 0.8, 1), 5) in ([0, 1, 2, 4, 5], [0, 1, 3, 4, 5])


def test_a_step_is_only_what_it_may_be() -> None:
    way, fits = on_a_line(0, 0.1, 0.2, 0.5, 1), np.ones((3, 5), dtype=np.bool_)
    fits[1, 3] = False
    assert even_steps(way, fits) == [0, 2, 4]


def test_a_morph_has_the_frames_of_its_steps(tune: Clip, other: Clip) -> None:
    three = replace(other, meter=Meter(numerator=5), notes=())
    for steps in (2, 3, 5, 8):
        stops = frames_between(tune, three, n_stops(steps), "switch")
        z = torch.arange(float(len(stops)))[:, None, None]
        frames = frames_between(tune, three, steps, "switch")
        morph = even_morph(z, stops, frames)
        assert morph.clips == frames
        assert morph.z.diff(dim=0).min() > 0


@given(st.integers(2, 12), st.integers(0, 999))
def test_any_distances_give_a_rising_choice(steps: int, seed: int) -> None:
    n = n_stops(steps)
    points = np.random.default_rng(seed).random((n, 3))
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    for distances in (apart, np.zeros((n, n))):
        chosen = choose(distances, steps)
        assert len(chosen) == steps
        assert chosen[0] == 0 and chosen[-1] == n - 1
        assert (np.diff(chosen) > 0).all()
