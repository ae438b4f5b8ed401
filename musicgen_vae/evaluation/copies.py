"""Whether what was made stands in the training music: exact search over every window.

A copy is a clip of at least 12 pitched notes of which at least 90 % stand in one training window
with the same pitch (relative to the key) at the same step, whatever their role and length. This
module knows note positions; it does not know models.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from musicgen_vae.corpus.shards import Shard
from musicgen_vae.music.clip import BARS_PER_CLIP, MAX_STEPS_PER_BAR, Clip, Role
from musicgen_vae.music.tokens import STEP_BAR, STEP_HELD, Field

MIN_NOTES = 12
MIN_SHARE = 0.9
_N_PITCHES = 128
_N_CODES = BARS_PER_CLIP * MAX_STEPS_PER_BAR * _N_PITCHES
_WINDOWS_PER_PART = 20_000


class NoteIndex:
    """Which windows have a given pitch at a given step: an inverted index."""

    def __init__(self, shard: Shard, windows: NDArray[np.int64]) -> None:
        """Index the chosen windows of a shard (memory: about 5 bytes for each of their notes)."""
        self.n_windows = len(windows)
        self.parts: list[csc_matrix] = [
            _postings(shard, windows[begin : begin + _WINDOWS_PER_PART])
            for begin in range(0, len(windows), _WINDOWS_PER_PART)
        ]

    def nearest_share(self, clip: Clip) -> float:
        """The largest share of the clip's pitched notes that one window has, 0 to 1.

        NaN for a clip of fewer than ``MIN_NOTES``.
        """
        codes = note_codes(clip)
        if len(codes) < MIN_NOTES:
            return float("nan")
        best = 0
        for part in self.parts:
            found = np.concatenate(
                [part.indices[part.indptr[code] : part.indptr[code + 1]] for code in codes]
            )
            if len(found):
                best = max(best, int(np.bincount(found).max()))
        return best / len(codes)


def note_codes(clip: Clip) -> NDArray[np.int64]:
    """One number for each different (step, pitch) of the pitched notes, in order."""
    codes = {n.start * _N_PITCHES + n.pitch for n in clip.notes if n.role is not Role.DRUMS}
    return np.array(sorted(codes), dtype=np.int64)


def _postings(shard: Shard, windows: NDArray[np.int64]) -> csc_matrix:
    rows, codes = [], []
    for row, window in enumerate(windows.tolist()):
        tokens = shard.rows(window)
        step = tokens[:, Field.STEP].astype(np.int64)
        pitched = (step < STEP_BAR) & (tokens[:, Field.ROLE] < Role.DRUMS)
        step = np.where(step == STEP_HELD, 0, step)[pitched]
        bar_steps = 48 * int(shard.meter[window, 0]) // int(shard.meter[window, 1])
        start = tokens[pitched, Field.BAR].astype(np.int64) * bar_steps + step
        found = np.unique(start * _N_PITCHES + tokens[pitched, Field.PITCH])
        codes.append(found)
        rows.append(np.full(len(found), row))
    code, row_of = np.concatenate(codes), np.concatenate(rows)
    matrix = csr_matrix(
        (np.ones(len(code), dtype=np.bool_), (row_of, code)), shape=(len(windows), _N_CODES)
    )
    return matrix.tocsc()


def copy_figures(index: NoteIndex, clips: Sequence[Clip]) -> dict[str, float]:
    """Share of copies among the clips, and how near the nearest training windows are.

    Returns:
        ``share``: copies among clips of at least ``MIN_NOTES`` pitched notes; ``judged``: how many
        those are; ``nearest_median`` and ``nearest_high``: median and 95 % quantile of the
        nearest window's share of equal notes.
    """
    shares = np.array([index.nearest_share(clip) for clip in clips], dtype=np.float64)
    shares = shares[np.isfinite(shares)]
    if not len(shares):
        return {"judged": 0.0}
    return {
        "judged": float(len(shares)),
        "share": float((shares >= MIN_SHARE).mean()),
        "nearest_median": float(np.median(shares)),
        "nearest_high": float(np.quantile(shares, 0.95)),
    }
