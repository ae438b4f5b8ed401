"""Where music changes key.

A hidden Markov model over bars: the state is one of 12 diatonic scales, a bar's notes are drawn
from the scale's usual ones, and a scale lasts unless many notes speak against it. A key and its
relative share a scale and are not told apart here; ``music.key`` does that.

This module knows how often each pitch class is struck in each bar, and nothing of notes or files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.corpus.sources.barlines import best_path

_USAGE = (0.182, 0.001, 0.134, 0.001, 0.176, 0.074, 0.003, 0.166, 0.006, 0.157, 0.003, 0.097)
"""Share of each pitch class above C in songs of POP909 that keep one key, moved to white keys."""
_NOTE_WEIGHT = 0.5
"""Notes of one bar mostly belong to the same two or three chords: each counts for half."""
_HINT_GAIN = 0.5
"""Gain in nats of each bar whose scale is the one that was hinted at."""
_CHANGE_COST = 30.0
"""Price in nats of a change in pop songs: more than a borrowed chord or two are worth."""


def find_scales(
    struck: NDArray[np.float64], hints: Sequence[int | None], *, change_cost: float = _CHANGE_COST
) -> tuple[int, ...]:
    """The scale of each bar as the pitch class (0 to 11) of its major tonic.

    Args:
        struck: at how many beats of each bar each pitch class is struck, shape (n_bars, 12).
        hints: for each bar the scale that somebody else found, if any.
        change_cost: price in nats of a change of scale.
    """
    usage = np.log(_USAGE)
    fit = _NOTE_WEIGHT * np.stack([struck @ np.roll(usage, tonic) for tonic in range(12)], axis=1)
    for bar, hint in enumerate(hints):
        if hint is not None:
            fit[bar, hint] += _HINT_GAIN
    return tuple(best_path(fit, change_cost * (np.eye(12) - 1)))
