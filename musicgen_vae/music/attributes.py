"""What a clip is like, in numbers: measured here for labels, plots, controls and evaluation alike.

Bar attributes are measured from the pitched notes of one bar:

- ``density``: notes struck per quarter note;
- ``polyphony``: mean number of notes sounding, over the steps on which any sounds;
- ``register``: mean relative pitch of the notes struck (or held over);
- ``syncopation``: share (0 to 1) of onset times that lie off the beat while the next beat is silent
  (after Longuet-Higgins and Lee, "The rhythmic interpretation of monophonic music", 1984);
- ``chord``: root and quality that fit the sounding pitch classes best;
- ``roles``: which roles strike notes, as a set of bits.

The first four become ordinal classes 0 to 7 by the quantiles of a corpus (``Edges``). This module
does not know how the model embeds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import BARS_PER_CLIP, STEPS_PER_BEAT, Clip, Meter, Role

N_CLASSES = 8
"""Ordinal classes of density, polyphony, register, syncopation and tempo."""
ORDINAL = ("density", "polyphony", "register", "syncopation")
CHORD_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
}
N_CHORDS = 12 * len(CHORD_QUALITIES)
"""Chord classes: 12 x index of the quality + root relative to C."""
N_ROLE_SETS = 1 << len(Role)
_PITCH_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class BarAttributes:
    """Attributes of the bars of one clip, each of shape (n_bars,).

    Attributes:
        density: notes per quarter note, >= 0.
        polyphony: sounding notes, >= 1; NaN in a silent bar.
        register: relative pitch 0 to 127; NaN in a silent bar.
        syncopation: 0 to 1; NaN in a bar without onsets.
        chord: class 0 to ``N_CHORDS`` - 1, or -1 for none.
        roles: bit i set where ``Role(i)`` strikes a note, 0 to 15.
    """

    density: FloatArray
    polyphony: FloatArray
    register: FloatArray
    syncopation: FloatArray
    chord: IntArray
    roles: IntArray


def beat_steps(meter: Meter) -> int:
    """Steps of one felt beat: a dotted quarter in 6/8, 9/8 and 12/8, else a quarter or the bar."""
    if meter.denominator == 8 and meter.numerator % 3 == 0 and meter.numerator > 3:
        return 18
    return min(STEPS_PER_BEAT, meter.steps)


def measure(clip: Clip) -> BarAttributes:
    """Attributes of each bar of ``clip``."""
    columns = np.array(
        [(n.start, n.role, n.pitch, n.duration, n.held) for n in clip.notes], dtype=np.int64
    ).reshape(-1, 5)
    start, role, pitch, duration, held = columns.T
    return measure_notes(
        start, role, pitch, duration, held.astype(bool), meter=clip.meter, n_bars=clip.n_bars
    )


def clip_repetition(clip: Clip) -> float:
    """``repetition`` of a clip's notes."""
    columns = np.array([(n.start, n.role, n.pitch) for n in clip.notes], dtype=np.int64)
    start, role, pitch = columns.reshape(-1, 3).T
    return repetition(start, role, pitch, clip.meter.steps, clip.n_bars)


def measure_notes(
    start: IntArray,
    role: IntArray,
    pitch: IntArray,
    duration: IntArray,
    held: NDArray[np.bool_],
    *,
    meter: Meter,
    n_bars: int = BARS_PER_CLIP,
) -> BarAttributes:
    """Attributes of each bar from parallel note arrays of shape (n_notes,), times in steps."""
    bar_steps = meter.steps
    beat = beat_steps(meter)
    n_steps = n_bars * bar_steps
    bar = start // bar_steps
    roles = np.zeros(n_bars, dtype=np.int64)
    np.bitwise_or.at(roles, bar[~held], 1 << role[~held])

    pitched = role != Role.DRUMS
    start, pitch, duration = start[pitched], pitch[pitched], duration[pitched]
    bar, held = bar[pitched], held[pitched]
    end = np.minimum(start + duration, n_steps)

    struck = np.bincount(bar[~held], minlength=n_bars).astype(np.float64)
    change = np.zeros(n_steps + 1)
    np.add.at(change, start, 1.0)
    np.add.at(change, end, -1.0)
    sounding = np.cumsum(change)[:-1].reshape(n_bars, bar_steps)
    active_steps = (sounding > 0).sum(axis=1)
    notes_in_bar = np.bincount(bar, minlength=n_bars)
    with np.errstate(invalid="ignore", divide="ignore"):
        polyphony = sounding.sum(axis=1) / np.where(active_steps, active_steps, np.nan)
        register = np.bincount(bar, weights=pitch, minlength=n_bars) / np.where(
            notes_in_bar, notes_in_bar, np.nan
        )
    return BarAttributes(
        density=struck * STEPS_PER_BEAT / bar_steps,
        polyphony=polyphony,
        register=register,
        syncopation=_syncopation(np.unique(start[~held]), bar_steps, beat, n_bars),
        chord=_chords(start, end, pitch, bar_steps, n_bars),
        roles=roles,
    )


def repetition(
    start: IntArray, role: IntArray, pitch: IntArray, bar_steps: int, n_bars: int = BARS_PER_CLIP
) -> float:
    """How much the bars after the first repeat an earlier one, 0 to 1; NaN where none has notes.

    The mean over those bars of their largest overlap with one before: notes of the same role, step
    and pitch, as a share of the notes of either (Jaccard index).

    Args:
        start: onsets in steps, shape (n,).
        role: shape (n,).
        pitch: shape (n,).
        bar_steps: steps in a bar.
        n_bars: bars in the clip.
    """
    bar = start // bar_steps
    code = (start % bar_steps) * 1024 + role * 128 + pitch
    bars = [frozenset(code[bar == index].tolist()) for index in range(n_bars)]
    overlaps = [
        max(len(later & before) / len(later | before) for before in bars[:index])
        for index, later in enumerate(bars)
        if index and later
    ]
    return sum(overlaps) / len(overlaps) if overlaps else float("nan")


def _syncopation(onsets: IntArray, bar_steps: int, beat: int, n_bars: int) -> FloatArray:
    """Share of distinct onset times of each bar that are off the beat before a silent beat."""
    in_bar = onsets % bar_steps
    next_beat = np.minimum((in_bar // beat + 1) * beat, bar_steps) - in_bar + onsets
    weak = (in_bar % beat != 0) & ~np.isin(next_beat, onsets)
    bar = onsets // bar_steps
    count = np.bincount(bar, minlength=n_bars).astype(np.float64)
    return np.bincount(bar, weights=weak, minlength=n_bars) / np.where(count, count, np.nan)


def _chord_templates() -> FloatArray:
    """Shape (N_CHORDS, 12): reward for chord tones (root most), penalty for other tones."""
    rows = []
    for tones in CHORD_QUALITIES.values():
        for root in range(12):
            row = np.full(12, -1.0)
            for tone in tones:
                row[(root + tone) % 12] = 1.0 if len(tones) == 3 else 0.9
            row[root] += 0.25
            rows.append(row)
    return np.array(rows)


_CHORD_TEMPLATES = _chord_templates()


def _chords(
    start: IntArray, end: IntArray, pitch: IntArray, bar_steps: int, n_bars: int
) -> IntArray:
    """Best fitting chord of each bar; -1 where fewer than two pitch classes sound.

    The lowest sounding note of the bar counts double: it is mostly the root.
    """
    result = np.full(n_bars, -1, dtype=np.int64)
    for bar in range(n_bars):
        low, high = bar * bar_steps, (bar + 1) * bar_steps
        overlap = np.minimum(end, high) - np.maximum(start, low)
        here = overlap > 0
        if not here.any():
            continue
        weights = np.sqrt(overlap[here])
        classes = pitch[here] % 12
        profile = np.bincount(classes, weights=weights, minlength=12)
        if np.count_nonzero(profile) < 2:
            continue
        profile[pitch[here].min() % 12] += profile.max() * 0.5
        result[bar] = int(np.argmax(_CHORD_TEMPLATES @ profile))
    return result


def chord_name(chord: int, shift: int = 0) -> str:
    """The chord's name, such as ``"Am"``, sounding ``shift`` semitones above the relative one."""
    if chord < 0:
        return "none"
    quality, root = divmod(chord, 12)
    return _PITCH_NAMES[(root + shift) % 12] + tuple(CHORD_QUALITIES)[quality]


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Inner edges of the ordinal classes of each attribute, from the quantiles of a corpus.

    Attributes:
        values: attribute name to ``N_CLASSES - 1`` increasing numbers, in the attribute's unit.
    """

    values: Mapping[str, tuple[float, ...]]

    @classmethod
    def fit(cls, samples: Mapping[str, FloatArray]) -> Edges:
        """Edges that split each attribute's finite samples into classes of about equal size.

        Where more than a class's share of the samples sits at the minimum (such as no syncopation
        at all), class 0 is that minimum and the others share the rest.
        """
        edges = {}
        for name, sample in samples.items():
            finite = sample[np.isfinite(sample)]
            if len(finite) == 0:  # such as the register of drums: any edges will do
                finite = np.arange(float(N_CLASSES))
            lowest = finite.min()
            at_lowest = np.mean(finite == lowest)
            if at_lowest > 1 / N_CLASSES:
                rest = finite[finite > lowest]
                if len(rest) == 0:
                    rest = lowest + np.arange(1.0, N_CLASSES)
                inner = np.quantile(rest, np.arange(1, N_CLASSES - 1) / (N_CLASSES - 1))
                inner = np.concatenate([[(lowest + rest.min()) / 2], inner])
            else:
                inner = np.quantile(finite, np.arange(1, N_CLASSES) / N_CLASSES)
            for i in range(1, len(inner)):
                inner[i] = max(inner[i], np.nextafter(inner[i - 1], np.inf))
            edges[name] = tuple(float(x) for x in inner)
        return cls(values=edges)

    def classify(self, name: str, value: FloatArray) -> IntArray:
        """Classes 0 to 7 of shape ``value.shape``; -1 where the value is NaN."""
        value = np.asarray(value, dtype=np.float64)
        classes = np.searchsorted(self.values[name], value, side="right")
        return np.where(np.isnan(value), -1, classes).astype(np.int64)

    def middle(self, name: str, index: int) -> float:
        """A typical value of class ``index`` (0 to 7), in the attribute's unit."""
        inner = self.values[name]
        padded = (2 * inner[0] - inner[1], *inner, 2 * inner[-1] - inner[-2])
        return (padded[index] + padded[index + 1]) / 2


def summary(clip: Clip) -> dict[str, object]:
    """Mean attributes of a clip as plain numbers and text, for people and JSON."""
    bars = measure(clip)

    def mean(values: FloatArray) -> float | None:
        finite = values[np.isfinite(values)]
        return round(float(finite.mean()), 3) if len(finite) else None

    return {
        "n_notes": len(clip.notes),
        "density": mean(bars.density),
        "polyphony": mean(bars.polyphony),
        "register": mean(bars.register),
        "syncopation": mean(bars.syncopation),
        "chords": [chord_name(int(c), clip.key.shift) for c in bars.chord],
        "roles": [role.label for role in clip.roles],
        "key": str(clip.key),
        "meter": str(clip.meter),
        "tempo_qpm": round(clip.tempo_qpm, 2),
    }


def pitch_class_profile(clips: Sequence[Clip]) -> FloatArray:
    """Share of sounding time of each absolute pitch class, shape (12,); zeros without notes."""
    profile = np.zeros(12)
    for clip in clips:
        for note in clip.notes:
            if note.role is not Role.DRUMS:
                profile[(note.pitch + clip.key.shift) % 12] += note.duration
    total = profile.sum()
    return profile / total if total else profile
