"""How much two sets of clips have in common, by the overlapping area of their features' densities.

Yang and Lerch, "On the evaluation of generative models in music" (Neural Computing and Applications
2020): densities by Gaussian kernels; 1 where they are the same, 0 where they are apart. Both sets
take the larger of their two bandwidths by Scott's rule: with one of its own, a set that is nearly
constant would have a spike in place of a density and overlap with nothing. This module knows
arrays, not clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_N_BINS = 400
_TAIL = 4.0


def overlapping_area(a: FloatArray, b: FloatArray) -> float:
    """The area under both densities, 0 to 1; values that are not finite are left out.

    Where one side has no finite value the area is 0, where neither has, 1.

    Args:
        a: shape (n,).
        b: shape (m,).
    """
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    if low == high:
        return 1.0
    scott = [float(x.std() * len(x) ** -0.2) for x in (a, b)]
    bandwidth = max((high - low) / _N_BINS, *scott)
    tail = _TAIL * bandwidth
    grid = np.linspace(low - tail, high + tail, _N_BINS + 1)
    first, second = (_density(x, bandwidth, grid) for x in (a, b))
    return float(np.minimum(first, second).sum())


def _density(values: FloatArray, bandwidth: float, grid: FloatArray) -> FloatArray:
    """Mass of the smoothed values in each bin of ``grid``, summing to 1; (n bins,)."""
    counts, _ = np.histogram(values, grid)
    step = grid[1] - grid[0]
    reach = np.arange(-len(counts) + 1, len(counts)) * step
    kernel = np.exp(-0.5 * (reach / bandwidth) ** 2)
    mass = np.convolve(counts, kernel)[len(counts) - 1 : 2 * len(counts) - 1]
    total: FloatArray = mass / mass.sum()
    return total


def value_overlaps(made: FloatArray, real: FloatArray, names: Sequence[str]) -> dict[str, float]:
    """The overlapping area of each column's values in two tables, (n, F) and (m, F)."""
    return {
        name: overlapping_area(made[:, column], real[:, column])
        for column, name in enumerate(names)
    }


def distance_overlaps(
    made: Mapping[str, FloatArray], real: Mapping[str, FloatArray]
) -> dict[str, float]:
    """For each feature, overlap of the distances within ``real`` with those from it to ``made``.

    Yang and Lerch's measure for features that are themselves distributions: Euclidean distances,
    each pair once.

    Args:
        made: feature to table, shape (n, size).
        real: feature to table, shape (m, size), m >= 2.
    """
    result = {}
    for name, table in real.items():
        among = _distances(table, table)[np.triu_indices(len(table), 1)]
        result[name] = overlapping_area(among, _distances(made[name], table).ravel())
    return result


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    out: FloatArray = np.sqrt(np.maximum(square, 0.0))
    return out


def mean_overlap(overlaps: Mapping[str, float]) -> float:
    """Mean over the features, 0 to 1."""
    return float(np.mean(list(overlaps.values())))


def overlap_ratio_interval(
    made: FloatArray,
    training: FloatArray,
    test: FloatArray,
    songs: Sequence[str],
    *,
    n_draws: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of overlap(made, test) / overlap(training, test), drawing test songs anew.

    Args:
        made: shape (n, F).
        training: shape (n, F).
        test: shape (m, F).
        songs: of each test clip.
        n_draws: how many times to draw.
        seed: of the draws.
    """
    names = sorted(set(songs))
    rows = {name: np.flatnonzero(np.array(songs) == name) for name in names}
    rng = np.random.default_rng(seed)
    ratios = []
    columns = [str(i) for i in range(test.shape[1])]
    for _ in range(n_draws):
        chosen = rng.integers(0, len(names), len(names))
        drawn = test[np.concatenate([rows[names[i]] for i in chosen])]
        ratios.append(
            mean_overlap(value_overlaps(made, drawn, columns))
            / mean_overlap(value_overlaps(training, drawn, columns))
        )
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)
