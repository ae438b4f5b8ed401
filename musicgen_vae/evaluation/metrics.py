"""Metrics on clips: note F1 and intervals over songs. Pure functions on clips and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import Clip


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Counts behind precision and recall.

    Attributes:
        true: notes of the original.
        made: notes of the copy.
        hit: notes of the copy that match one of the original.
    """

    true: int
    made: int
    hit: int

    def __add__(self, other: Hits) -> Hits:
        return Hits(
            true=self.true + other.true, made=self.made + other.made, hit=self.hit + other.hit
        )

    @property
    def f1(self) -> float:
        """2 x hit / (true + made), 0 to 1; 1 where there is nothing to find and nothing made."""
        total = self.true + self.made
        return 2 * self.hit / total if total else 1.0


def note_hits(original: Clip, copy: Clip, *, with_duration: bool = False) -> Hits:
    """Notes that agree in role, exact start step and pitch, and with ``with_duration`` in that too.

    A clip holds at most one note of a role at a step and pitch, so matching is counting. Drum
    hits count one by one; a held note counts at step 0.
    """

    def identities(clip: Clip) -> set[tuple[int, ...]]:
        return {
            (n.role, n.start, n.pitch, n.duration) if with_duration else (n.role, n.start, n.pitch)
            for n in clip.notes
        }

    true, made = identities(original), identities(copy)
    return Hits(true=len(true), made=len(made), hit=len(true & made))


def micro_f1(hits: Sequence[Hits]) -> float:
    """F1 of all counts together."""
    return sum(hits, Hits(true=0, made=0, hit=0)).f1


def song_interval(
    hits: Sequence[Hits], songs: Sequence[str], *, n_draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the micro F1 by drawing whole songs with replacement (bootstrap).

    Args:
        hits: of each clip.
        songs: the song each clip comes from.
        n_draws: how many times to draw.
        seed: of the draws.
    """
    return ratio_interval(
        np.array([2.0 * hit.hit for hit in hits]),
        np.array([float(hit.true + hit.made) for hit in hits]),
        songs,
        n_draws=n_draws,
        seed=seed,
    )


def ratio_interval(
    part: NDArray[np.float64],
    whole: NDArray[np.float64],
    songs: Sequence[str],
    *,
    n_draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of sum(part) / sum(whole) by drawing whole songs with replacement.

    Args:
        part: of each clip; clips with a value that is not finite are left out.
        whole: of each clip; ones give the interval of a mean.
        songs: the song each clip comes from.
        n_draws: how many times to draw.
        seed: of the draws.
    """
    names = sorted(set(songs))
    index = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), 2))
    for one, all_of_it, song in zip(part, whole, songs, strict=True):
        if np.isfinite(one) and np.isfinite(all_of_it):
            counts[index[song]] += (one, all_of_it)
    draws = np.random.default_rng(seed).integers(0, len(names), (n_draws, len(names)))
    totals = counts[draws].sum(axis=1)
    totals = totals[totals[:, 1] > 0]
    if not len(totals):
        return float("nan"), float("nan")
    values = totals[:, 0] / totals[:, 1]
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Rank correlation, -1 to 1, of the pairs in which both are finite; NaN if one is constant."""
    from scipy.stats import rankdata

    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def middle_95(draws: Sequence[float]) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of the finite draws; NaN where there is none."""
    finite = [draw for draw in draws if np.isfinite(draw)]
    if not finite:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def mean_with_interval(
    values: Sequence[float] | NDArray[np.float64], songs: Sequence[str]
) -> dict[str, float]:
    """Mean of the finite values and its 95 % interval over songs: ``mean``, ``low``, ``high``."""
    array = np.asarray(values, dtype=np.float64)
    low, high = ratio_interval(array, np.ones(len(array)), songs)
    finite = array[np.isfinite(array)]
    return {"mean": float(finite.mean()) if len(finite) else float("nan"), "low": low, "high": high}
