"""Features of clips in the literature's definitions: what overlap and classifiers compare.

After Yang and Lerch, "On the evaluation of generative models in music" (Neural Computing and
Applications 2020), and MusPy (Dong et al., ISMIR 2020). Drums count only where a feature says so.
Pitches are relative to C major / A minor, as clips hold them. Velocity, tempo and meter are left
out: velocities are unknown in half of the sources, and tempo and meter are asked, not written. This
module knows clips; it does not know models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.attributes import beat_steps, measure, repetition
from musicgen_vae.music.clip import DURATIONS, STEPS_PER_BEAT, Clip, Role

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SCALARS = (
    "pitch_count",
    "note_count",
    "pitch_range",
    "pitch_interval",
    "onset_interval",
    "pitch_entropy",
    "pitch_class_entropy",
    "scale_consistency",
    "polyphony",
    "polyphony_rate",
    "empty_beat_rate",
    "groove_consistency",
    "note_length",
    "register",
    "syncopation",
    "repetition",
    "drum_hits",
    "in_key",
)
"""Names of the numbers that ``scalars`` gives for a clip."""
HISTOGRAMS = (
    "pitch_classes",
    "pitch_class_transitions",
    "note_lengths",
    "note_length_transitions",
)
"""Names of the distributions that ``histograms`` gives for a clip."""
_DIATONIC = (0, 2, 4, 5, 7, 9, 11)
_SCALES = np.array(
    [np.roll(np.isin(np.arange(12), _DIATONIC), root) for root in range(12)], dtype=np.float64
)
_DURATION_INDEX = {steps: index for index, steps in enumerate(DURATIONS)}


@dataclass(frozen=True, kw_only=True)
class NoteColumns:
    """A clip's notes as parallel arrays, in the order of onset, role and pitch; shape (n,) each."""

    start: IntArray
    role: IntArray
    pitch: IntArray
    duration: IntArray

    @classmethod
    def of(cls, clip: Clip, *, pitched: bool) -> NoteColumns:
        """The notes of ``clip``, drums left out where ``pitched``."""
        table = np.array(
            [
                (note.start, note.role, note.pitch, note.duration)
                for note in clip.notes
                if not (pitched and note.role is Role.DRUMS)
            ],
            dtype=np.int64,
        ).reshape(-1, 4)
        start, role, pitch, duration = table.T
        return cls(start=start, role=role, pitch=pitch, duration=duration)

    def __len__(self) -> int:
        return len(self.start)


def scalars(clip: Clip) -> FloatArray:
    """The values of ``SCALARS``, shape (18,); NaN where a clip has none.

    - ``pitch_count``, ``note_count``: different pitches; notes in each bar;
    - ``pitch_range``: semitones from the lowest to the highest pitch;
    - ``pitch_interval``: mean absolute step in semitones from note to note, in order of onset;
    - ``onset_interval``: mean time between different onsets, in quarter notes;
    - ``pitch_entropy``, ``pitch_class_entropy``: of the histograms of notes, in bits;
    - ``scale_consistency``: largest share of notes in one major or natural minor scale;
    - ``polyphony``: pitches sounding, over the steps where any does;
    - ``polyphony_rate``: share of steps where two or more sound;
    - ``empty_beat_rate``: share of beats in which nothing sounds, drums included;
    - ``groove_consistency``: mean likeness (1 - Hamming distance / steps) of the onsets of
      successive bars, drums included;
    - ``note_length``: mean, in quarter notes; ``register``: mean pitch;
    - ``syncopation``, ``repetition``: as in ``music.attributes``, over the clip;
    - ``drum_hits``: in each bar; ``in_key``: share of notes in the key's diatonic scale.
    """
    notes, every = NoteColumns.of(clip, pitched=True), NoteColumns.of(clip, pitched=False)
    bar_steps, n_steps = clip.meter.steps, clip.n_steps
    struck = np.zeros(n_steps, dtype=np.bool_)
    struck[every.start] = True
    bars = struck.reshape(clip.n_bars, bar_steps)
    same = (bars[1:] == bars[:-1]).mean() if clip.n_bars > 1 else np.nan
    beat = beat_steps(clip.meter)
    sounding = _sounding(every, n_steps) > 0
    beats = [sounding[i : i + beat].any() for i in range(0, n_steps, beat)]
    result = dict.fromkeys(SCALARS, np.nan)
    result["note_count"] = len(notes) / clip.n_bars
    result["drum_hits"] = (len(every) - len(notes)) / clip.n_bars
    result["empty_beat_rate"] = 1.0 - float(np.mean(beats))
    result["groove_consistency"] = float(same)
    result["repetition"] = repetition(every.start, every.role, every.pitch, bar_steps, clip.n_bars)
    if len(notes):
        # Voices doubled at the unison are one pitch sounding.
        roll = _roll(notes, n_steps)
        voices = roll.sum(axis=1)
        onsets = np.unique(notes.start)
        classes = np.bincount(notes.pitch % 12, minlength=12).astype(np.float64)
        syncopation = measure(clip).syncopation
        result |= {
            "pitch_count": float(len(np.unique(notes.pitch))),
            "pitch_range": float(notes.pitch.max() - notes.pitch.min()),
            "pitch_entropy": _entropy(np.bincount(notes.pitch).astype(np.float64)),
            "pitch_class_entropy": _entropy(classes),
            "scale_consistency": float((_SCALES @ classes).max() / len(notes)),
            "polyphony": float(voices.sum() / (voices > 0).sum()),
            "polyphony_rate": float((voices >= 2).mean()),
            "note_length": float(notes.duration.mean() / STEPS_PER_BEAT),
            "register": float(notes.pitch.mean()),
            "in_key": float(np.isin(notes.pitch % 12, _DIATONIC).mean()),
            "pitch_interval": _mean(np.abs(np.diff(notes.pitch))),
            "onset_interval": _mean(np.diff(onsets) / STEPS_PER_BEAT),
            "syncopation": _mean(syncopation[np.isfinite(syncopation)]),
        }
    return np.array([result[name] for name in SCALARS])


def histograms(clip: Clip) -> dict[str, FloatArray]:
    """The distributions of ``HISTOGRAMS``, each summing to 1, or to 0 where there is nothing.

    ``pitch_classes`` (12,) and ``note_lengths`` (19,) count notes; the transitions (144,), (361,)
    count pairs of notes that follow each other in order of onset.
    """
    notes = NoteColumns.of(clip, pitched=True)
    classes = notes.pitch % 12
    lengths = np.array([_DURATION_INDEX[d] for d in notes.duration.tolist()], dtype=np.int64)
    n = len(DURATIONS)
    return {
        "pitch_classes": _share(np.bincount(classes, minlength=12)),
        "pitch_class_transitions": _share(
            np.bincount(classes[:-1] * 12 + classes[1:], minlength=144)
        ),
        "note_lengths": _share(np.bincount(lengths, minlength=n)),
        "note_length_transitions": _share(
            np.bincount(lengths[:-1] * n + lengths[1:], minlength=n * n)
        ),
    }


def scalar_table(clips: Sequence[Clip]) -> FloatArray:
    """``scalars`` of each clip, shape (n, 18)."""
    return np.array([scalars(clip) for clip in clips]).reshape(len(clips), len(SCALARS))


def histogram_tables(clips: Sequence[Clip]) -> dict[str, FloatArray]:
    """``histograms`` of each clip, each of shape (n, size)."""
    rows = [histograms(clip) for clip in clips]
    return {name: np.array([row[name] for row in rows]) for name in HISTOGRAMS}


def texture_table(clips: Sequence[Clip]) -> FloatArray:
    """Everything a classifier may see of each clip: scalars, histograms, rhythm; (n, size).

    Rhythm is the share of onsets of each role on each sixteenth and triplet of a beat.
    """
    return np.array([_texture(clip) for clip in clips])


def _texture(clip: Clip) -> FloatArray:
    shapes = histograms(clip)
    notes = NoteColumns.of(clip, pitched=False)
    place = notes.start % STEPS_PER_BEAT
    rhythm = [
        _share(np.bincount(place[notes.role == role], minlength=STEPS_PER_BEAT)) for role in Role
    ]
    drums = notes.pitch[notes.role == Role.DRUMS]
    kit = np.bincount(drums, minlength=128)[35:52] / clip.n_bars
    intervals = np.diff(notes.pitch[notes.role == Role.MELODY]).clip(-12, 12) + 12
    return np.concatenate(
        [
            scalars(clip),
            shapes["pitch_classes"],
            shapes["note_lengths"],
            *rhythm,
            kit,
            _share(np.bincount(intervals, minlength=25)),
        ]
    )


def in_key_share(clips: Sequence[Clip]) -> float:
    """Share of all pitched notes that lie in their key's diatonic scale, 0 to 1; NaN without."""
    pitches = np.array(
        [n.pitch for clip in clips for n in clip.notes if n.role is not Role.DRUMS], dtype=np.int64
    )
    return float(np.isin(pitches % 12, _DIATONIC).mean()) if len(pitches) else float("nan")


def _sounding(notes: NoteColumns, n_steps: int) -> IntArray:
    change = np.zeros(n_steps + 1, dtype=np.int64)
    np.add.at(change, notes.start, 1)
    np.add.at(change, np.minimum(notes.start + notes.duration, n_steps), -1)
    return np.cumsum(change)[:-1]


def _roll(notes: NoteColumns, n_steps: int) -> NDArray[np.bool_]:
    roll = np.zeros((n_steps, 128), dtype=np.bool_)
    for start, duration, pitch in zip(notes.start, notes.duration, notes.pitch, strict=True):
        roll[start : start + duration, pitch] = True
    return roll


def _entropy(counts: FloatArray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def _share(counts: NDArray[np.int64]) -> FloatArray:
    share: FloatArray = counts / max(1, counts.sum())
    return share


def _mean(values: NDArray[np.floating | np.integer]) -> float:
    return float(values.mean()) if len(values) else float("nan")
