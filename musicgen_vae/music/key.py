"""Which key a piece is in, from its notes alone.

Pitch classes are counted by how long they sound and the count is correlated with what is usual in
each of the 24 keys (Krumhansl 1990; the profiles are those that Albrecht and Shanahan, "The Use of
Large Corpora to Train a New Type of Key-Finding Algorithm", 2013, counted in scores). A key and its
relative share most of their notes, so what the bass does, and where it comes to rest, also counts.

This module knows pitches and durations; it does not know key signatures, and it finds one key for
all the notes: pieces that modulate get the key they spend most of their time in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import STEPS_PER_BEAT, Key, Mode, Note, Role

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
_PROFILES = {Mode.MAJOR: np.array(_MAJOR), Mode.MINOR: np.array(_MINOR)}
"""Share of each pitch class above the tonic in music in that mode."""


def _unit_profiles(mode: Mode) -> NDArray[np.float64]:
    """The mode's profile on each tonic, shape (12, 12), rows of mean 0 and length 1."""
    rows = np.stack([np.roll(_PROFILES[mode], tonic) for tonic in range(12)])
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


_UNIT_MAJOR, _UNIT_MINOR = _unit_profiles(Mode.MAJOR), _unit_profiles(Mode.MINOR)

_BASS_WEIGHT = 0.2
"""What a bass that never left the tonic would add to a key's correlation."""
_FINAL_WEIGHT = 0.1
"""What a piece ending on the tonic in the bass adds to a key's correlation."""


def estimate_key(notes: Iterable[Note]) -> Key:
    """The key that suits ``notes`` best.

    Args:
        notes: at absolute pitch, in any order; drums are ignored.

    Returns:
        The key; C major if there is no pitched note.
    """
    return rank_keys(notes, n=1)[0]


def rank_keys(notes: Iterable[Note], n: int = 3) -> tuple[Key, ...]:
    """The ``n`` best keys that differ in ``Key.shift``, best first.

    A key and its relative have the same shift, so only the better of the two is listed.

    Args:
        notes: at absolute pitch, in any order; drums are ignored.
        n: how many, 1 to 12.

    Returns:
        ``n`` keys; without a pitched note C major first, then its neighbours by fifths.
    """
    scores = _scores([note for note in notes if note.role is not Role.DRUMS])
    frames: dict[int, list[Key]] = {}
    for key in sorted(scores, key=lambda key: (-scores[key], key.mode.value)):
        frames.setdefault(key.shift, []).append(key)
    # Relatives share a scale, so together they tell better which scale it is than the best of the
    # 24 does. Where nothing else decides, few accidentals are likelier than many.
    order = sorted(
        frames, key=lambda shift: (-sum(scores[k] for k in frames[shift]), _accidentals(shift))
    )
    return tuple(frames[shift][0] for shift in order[:n])


def majorness(profile: NDArray[np.float64]) -> float:
    """How much better a pitch-class profile, shape (12,), fits its best major key than a minor one.

    A difference of two correlations, -2 to 2, whatever the tonic.
    """
    x = profile - profile.mean()
    norm = float(np.sqrt(x @ x))
    if not norm:
        return 0.0
    return float((_UNIT_MAJOR @ x).max() - (_UNIT_MINOR @ x).max()) / norm


def _accidentals(shift: int) -> int:
    """Sharps or flats (0 to 6) in the key signature of C major moved by ``shift`` semitones."""
    return abs((shift * 7 + 6) % 12 - 6)


def _scores(notes: Sequence[Note]) -> dict[Key, float]:
    """How well each of the 24 keys suits the notes; 0 for all if there are none."""
    sounding, bass = np.zeros(12), np.zeros(12)
    for note in notes:
        sounding[note.pitch % 12] += note.duration
    sounding = np.sqrt(sounding)  # so that one long drone does not decide alone
    lowest = _bass_line(notes)
    for note in lowest:
        bass[note.pitch % 12] += min(note.duration, 4 * STEPS_PER_BEAT)
    if lowest:
        bass /= bass.sum()
    result = {}
    for mode, profile in _PROFILES.items():
        for tonic in range(12):
            score = _correlation(sounding, np.roll(profile, tonic))
            score += _BASS_WEIGHT * float(bass[tonic])
            if lowest and lowest[-1].pitch % 12 == tonic:
                score += _FINAL_WEIGHT
            result[Key(tonic=tonic, mode=mode)] = score
    return result


def _bass_line(notes: Sequence[Note]) -> list[Note]:
    """The lowest of the notes that start together, wherever nothing lower sounds on."""
    lowest: dict[int, Note] = {}
    for note in notes:
        other = lowest.get(note.start)
        if other is None or note.pitch < other.pitch:
            lowest[note.start] = note
    line: list[Note] = []
    for start in sorted(lowest):
        note = lowest[start]
        if not (line and line[-1].end > start and line[-1].pitch < note.pitch):
            line.append(note)
    return line


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Pearson's r, 0 if either does not vary."""
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else 0.0
