"""Where the beats of a performance are, from its onsets alone.

For music that was played freely, so that the file's own ticks say nothing about its beats. Two
passes of dynamic programming: one finds how long a beat lasts as the music goes on, by local
autocorrelation of the onsets; the other lays beats on strong onsets at about that distance (D. P.
W. Ellis, "Beat Tracking by Dynamic Programming", 2007).

This module knows times in seconds and how strong an onset is. It does not know meters: a bar is
four beats, and which beat is the first of its bar is a guess from where the strong low notes are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import STEPS_PER_BEAT

Floats = NDArray[np.float64]

BEATS_PER_BAR = 4
MIN_ONSETS = 16
"""With fewer different onsets than this there is nothing to find a beat in."""

_FPS = 50
"""Frames a second of the onset curve: 20 ms, about what the ear takes as together."""
_WINDOW_S, _HOP_S = 6.0, 2.0
_SLOWEST_QPM, _FASTEST_QPM = 50.0, 190.0
_USUAL_QPM, _USUAL_OCTAVES = 88.0, 0.8
"""Centre and spread of a log-normal prior over tempo: people tap along near two beats a second."""
_TEMPO_INERTIA = 20.0
"""Cost of a change of tempo by an octave from one window to the next, squared."""
_TIGHTNESS = 20.0
"""Cost of a beat an octave too long or short, squared, in units of a usual onset's strength."""


def estimate_beats(times: Floats, weights: Floats) -> Floats:
    """Beat times that enclose all onsets, evenly continued before the first and after the last.

    Args:
        times: onsets in seconds, 0 or more, in any order; shape (N,).
        weights: how strong each onset is, above 0; shape (N,).

    Returns:
        Increasing times in seconds, shape (M,), M >= 2; the first is at most the first onset and
        the last is after the last onset. Empty if there are fewer than ``MIN_ONSETS`` onsets that
        are 20 ms apart or more.
    """
    first, last = float(times.min(initial=np.inf)), float(times.max(initial=0.0))
    frames = np.round((times - first) * _FPS).astype(int) if len(times) else np.zeros(0, int)
    if len(np.unique(frames)) < MIN_ONSETS:
        return np.zeros(0)
    curve = _onset_curve(frames, weights)
    beats = first + _lay_beats(curve, _beat_lengths(curve)) / _FPS
    beats = _pull(beats, times, weights)
    return _enclose(beats, first, last)


def quantize(positions: Floats, triplet_odds: float = 0.5) -> NDArray[np.int_]:
    """Grid steps of performed onsets, each beat in sixteenths or in triplets, as fits it better.

    Args:
        positions: in beats, 0 or more; shape (N,).
        triplet_odds: a beat is in triplets if its onsets are then off by less than this times as
            much (squared) as in sixteenths. Sixteenths lie closer, so noise alone favours them:
            unless most of the music is in triplets, these must fit clearly better.

    Returns:
        Steps, 12 a beat, shape (N,).
    """
    positions = np.maximum(positions, 0)
    beat = np.floor(positions).astype(int)
    part = STEPS_PER_BEAT * (positions - beat)
    sixteenths, triplets = 3 * np.round(part / 3), 4 * np.round(part / 4)
    n_beats = int(beat.max(initial=0)) + 1
    cost_sixteenths = np.bincount(beat, (part - sixteenths) ** 2, minlength=n_beats)
    cost_triplets = np.bincount(beat, (part - triplets) ** 2, minlength=n_beats)
    by_three = (cost_triplets < triplet_odds * cost_sixteenths)[beat]
    steps = STEPS_PER_BEAT * beat + np.where(by_three, triplets, sixteenths)
    return np.asarray(steps, dtype=np.int_)


def first_downbeat(beats: Floats, times: Floats, weights: Floats) -> int:
    """Which of the first four beats most likely opens a bar: 0 to 3.

    Args:
        beats: increasing times in seconds, shape (M,).
        times: onsets in seconds, shape (N,).
        weights: how much each onset marks a bar, above 0; shape (N,).
    """
    middles = (beats[1:] + beats[:-1]) / 2
    nearest = np.searchsorted(middles, times)
    tolerance = np.diff(beats).mean() / 8
    close = np.abs(times - beats[nearest]) < tolerance
    strength = np.bincount(nearest[close], weights[close], minlength=len(beats))
    strength = np.sqrt(strength)  # many bars agreeing should count more than one loud bar
    return int(np.argmax([strength[i::BEATS_PER_BAR].mean() for i in range(BEATS_PER_BAR)]))


def _onset_curve(frames: NDArray[np.int_], weights: Floats) -> Floats:
    """Onset strength in each frame, smoothed over about 60 ms, with standard deviation 1."""
    strength = np.sqrt(np.bincount(frames, weights))
    curve = np.convolve(strength, [0.25, 0.75, 1.0, 0.75, 0.25], "same")
    return np.asarray(curve / curve.std(), dtype=np.float64)


def _beat_lengths(curve: Floats) -> Floats:
    """The beat's length in frames around every frame, shape of ``curve``."""
    lags = np.arange(round(60 / _FASTEST_QPM * _FPS), round(60 / _SLOWEST_QPM * _FPS) + 1)
    size, hop = int(_WINDOW_S * _FPS), int(_HOP_S * _FPS)
    centres = np.arange(0, len(curve), hop)
    padded = np.pad(curve - curve.mean(), (size // 2, size // 2 + 4 * int(lags[-1])))
    scores = np.zeros((len(centres), len(lags)))
    for row, centre in enumerate(centres):
        window = padded[centre : centre + size]
        for multiple, share in ((1, 1.0), (2, 0.5), (4, 0.5)):
            for column, lag in enumerate(lags):
                later = padded[centre + multiple * lag : centre + multiple * lag + size]
                scores[row, column] += share * float(window @ later)
    scores /= np.abs(scores).max(axis=1, keepdims=True) + 1e-9
    octaves = np.log2(60 * _FPS / lags / _USUAL_QPM)
    scores = scores - 0.5 * (octaves / _USUAL_OCTAVES) ** 2
    change = np.log2(lags[:, None] / lags[None, :]) ** 2
    path = _best_path(scores, -_TEMPO_INERTIA * change)
    return np.asarray(np.interp(np.arange(len(curve)), centres, lags[path]), dtype=np.float64)


def _best_path(scores: Floats, transition: Floats) -> NDArray[np.int_]:
    """Viterbi: the columns, one a row, with the largest sum of scores and transitions."""
    best, back = scores[0], []
    for row in scores[1:]:
        options = best[None, :] + transition
        back.append(options.argmax(axis=1))
        best = options.max(axis=1) + row
    path = [int(best.argmax())]
    for choice in reversed(back):
        path.append(int(choice[path[-1]]))
    return np.array(path[::-1])


def _lay_beats(curve: Floats, lengths: Floats) -> Floats:
    """Frames of the beats, increasing."""
    total, back = curve.copy(), np.full(len(curve), -1, dtype=np.int_)
    offsets = np.arange(int(2 * lengths.max()) + 1, 0, -1)
    for frame in range(int(lengths.min()), len(curve)):
        length = lengths[frame]
        near = offsets[(offsets >= length / 2) & (offsets <= min(2 * length, frame))]
        if not len(near):
            continue
        options = total[frame - near] - _TIGHTNESS * np.log2(near / length) ** 2
        best = int(options.argmax())
        if options[best] > 0:
            total[frame] += options[best]
            back[frame] = frame - near[best]
    tail = max(0, len(curve) - int(lengths[-1]) - 1)
    beats = [tail + int(total[tail:].argmax())]
    while back[beats[-1]] >= 0:
        beats.append(int(back[beats[-1]]))
    return np.array(beats[::-1], dtype=np.float64)


def _pull(beats: Floats, times: Floats, weights: Floats) -> Floats:
    """Each beat moved to the mean of the onsets within 50 ms, if there are any."""
    order = np.argsort(times)
    times, weights = times[order], weights[order]
    result = beats.copy()
    lows, highs = np.searchsorted(times, beats - 0.05), np.searchsorted(times, beats + 0.05)
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if high > low:
            result[i] = times[low:high] @ weights[low:high] / weights[low:high].sum()
    return np.asarray(result, dtype=np.float64)


def _enclose(beats: Floats, first: float, last: float) -> Floats:
    """Beats continued at the length of the outermost ones until they enclose all onsets."""
    lengths = np.diff(beats) if len(beats) > 1 else np.array([60 / _USUAL_QPM])
    before, after = float(np.median(lengths[:4])), float(np.median(lengths[-4:]))
    n_before = max(0, int(np.ceil((beats[0] - first) / before)))
    n_after = max(1, int(np.floor((last - beats[-1]) / after)) + 1)
    head = beats[0] - before * np.arange(n_before, 0, -1)
    tail = beats[-1] + after * np.arange(1, n_after + 1)
    return np.asarray(np.concatenate([head, beats, tail]), dtype=np.float64)
