"""How different two clips sound: which pitch classes sound when, and when something is struck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import STEPS_PER_BEAT, Clip, Role

FloatArray = NDArray[np.float64]


def clip_distances(clips: Sequence[Clip]) -> FloatArray:
    """Distance of each of n >= 1 clips from each other, 0 (equal) to 1 (nothing in common), (n, n).

    The mean of chroma and onset distance, each 1 - cosine similarity: of the sounding time of the
    12 pitch classes, relative to C, in each quarter note; and of the number of notes struck on each
    step, drums included. Where both clips have nothing to compare the distance is 0, where one has,
    1. Steps beyond a shorter clip count as silent.
    """
    n_steps = max(clip.n_steps for clip in clips)
    chroma = np.stack([_chroma(clip, n_steps) for clip in clips])
    onsets = np.stack([_onsets(clip, n_steps) for clip in clips])
    return 0.5 * (_cosine_distances(chroma) + _cosine_distances(onsets))


def _chroma(clip: Clip, n_steps: int) -> FloatArray:
    roll = np.zeros((n_steps, 12))
    for note in clip.notes:
        if note.role is not Role.DRUMS:
            roll[note.start : note.end, note.pitch % 12] += 1.0
    return np.add.reduceat(roll, range(0, n_steps, STEPS_PER_BEAT)).ravel()


def _onsets(clip: Clip, n_steps: int) -> FloatArray:
    struck = [note.start for note in clip.notes if not note.held]
    return np.bincount(np.array(struck, dtype=np.int64), minlength=n_steps).astype(np.float64)


def _cosine_distances(rows: FloatArray) -> FloatArray:
    norms = np.linalg.norm(rows, axis=1)
    scale = np.outer(norms, norms)
    silent = norms == 0.0
    one_silent: FloatArray = (silent[:, None] != silent[None]).astype(np.float64)
    apart = 1.0 - np.divide(rows @ rows.T, scale, out=np.ones_like(scale), where=scale > 0)
    return np.where(scale > 0, np.maximum(0.0, apart), one_silent)
