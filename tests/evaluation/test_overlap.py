"""Identities of overlapping areas."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.evaluation.overlap import (
    distance_overlaps,
    mean_overlap,
    overlap_ratio_interval,
    overlapping_area,
    value_overlaps,
)

RNG = np.random.default_rng(0)


def test_the_same_is_one_and_apart_is_zero() -> None:
    a = RNG.normal(size=400)
    assert overlapping_area(a, a) == pytest.approx(1.0)
    assert overlapping_area(a, RNG.normal(size=4000)) > 0.9
    assert overlapping_area(a, a + 50) < 0.01
    assert overlapping_area(np.full(9, 3.0), np.full(5, 3.0)) == 1.0
    assert overlapping_area(np.zeros(50), np.ones(50)) < 0.01


def test_two_gaussians_by_the_book() -> None:
    # The area under both of N(0, 1) and N(1, 1) is 2 Phi(-1/2) = .617; kernels widen it a little.
    a, b = RNG.normal(size=20_000), RNG.normal(1.0, size=20_000)
    assert overlapping_area(a, b) == pytest.approx(0.617, abs=0.03)
    assert overlapping_area(a, b) == pytest.approx(overlapping_area(b, a))


def test_one_value_apart_costs_its_share() -> None:
    constant = np.zeros(100)
    nearly = constant.copy()
    nearly[:10] = 1.0
    assert overlapping_area(constant, nearly) == pytest.approx(0.9, abs=0.05)


def test_missing_values() -> None:
    a = np.array([1.0, 2.0, np.nan, 3.0])
    assert overlapping_area(a, a[[0, 1, 3]]) == pytest.approx(1.0)
    nothing = np.full(3, np.nan)
    assert overlapping_area(a, nothing) == 0.0
    assert overlapping_area(nothing, nothing) == 1.0


def test_tables_and_distances() -> None:
    table = RNG.normal(size=(150, 3))
    same = value_overlaps(table, table, ["a", "b", "c"])
    assert mean_overlap(same) == pytest.approx(1.0)
    shapes = RNG.dirichlet(np.ones(12), 150)
    other = RNG.dirichlet(np.ones(12), 150)
    narrow = RNG.dirichlet(50 * np.eye(12)[0] + 0.1, 150)
    near, far = (distance_overlaps({"x": made}, {"x": shapes})["x"] for made in (other, narrow))
    assert near > 0.9
    assert far < 0.6


def test_a_ratio_of_equals_is_about_one() -> None:
    made, training, test = (RNG.normal(size=(200, 4)) for _ in range(3))
    low, high = overlap_ratio_interval(made, training, test, ["a", "b", "c", "d"] * 50, n_draws=40)
    assert 0.9 < low <= high < 1.1
