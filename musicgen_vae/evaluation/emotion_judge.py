"""A second opinion on valence and arousal, from a model without the regression's features.

The labels that training uses come from ``music.emotion``: a logistic regression on seven summary
features. Asking it again whether samples are as excited as asked would only show that those seven
numbers can be steered. The judge is gradient boosting on raw histograms of the notes in real time
(``note_bag``): melodic and simultaneous intervals, onset distances, lengths, pitches, voices,
loudness; none of the seven summaries. It can learn from

- people: clips with a quadrant that a listener chose (EMOPIA). Features and labels are then
  independent of the regression;
- the corpus: training clips labelled by the regression. Then only the features are independent, and
  what is shown is less: that the estimate can be heard from other properties too.

Reports say which it was and how well the judge does on clips that it has not seen.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.evaluation.metrics import middle_95, spearman
from musicgen_vae.music.clip import N_VELOCITIES, STEPS_PER_BEAT, Clip, Note, Piece, Role
from musicgen_vae.music.emotion import estimate_emotion
from musicgen_vae.music.midi import read_midi

FloatArray = NDArray[np.float64]
NAMES = ("valence", "arousal")
_TIMES_S = (0.0, 0.06, 0.12, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.5, np.inf)
_WINDOW_S = 9.6
"""Pieces with a listener's label are cut to what four bars last at 100 quarter notes a minute."""
_MIN_NOTES = 8
_N_FOLDS = 5
_N_DRAWS = 200


def note_bag(
    start_s: FloatArray, end_s: FloatArray, pitch: NDArray[np.int64], velocity: FloatArray
) -> FloatArray:
    """Histograms of pitched notes as shares, shape (105,).

    Steps between successive onsets' highest notes (-12 to 12), intervals of notes struck together
    modulo the octave, onset distances and lengths in seconds (10 bins each) and pitches by half
    octaves (22), all three cumulative, notes struck together (1 to 6), pitch classes from the most
    frequent one upwards, and classes of loudness (8, cumulative), NaN where no note's is known.

    Args:
        start_s: onsets in seconds, shape (n,), n >= 1.
        end_s: note-offs in seconds, shape (n,).
        pitch: MIDI pitch, shape (n,).
        velocity: class 0 to 7, NaN where unknown, shape (n,).
    """
    known = velocity[~np.isnan(velocity)].astype(np.int64)
    loud = np.bincount(known, minlength=N_VELOCITIES)
    order = np.lexsort((pitch, start_s))
    start_s, end_s, pitch = start_s[order], end_s[order], pitch[order]
    onsets, first, count = np.unique(np.round(start_s, 3), return_index=True, return_counts=True)
    top = pitch[first + count - 1]
    together = np.concatenate(
        [(pitch[i + 1 : i + n] - pitch[i]) % 12 for i, n in zip(first, count, strict=True)]
    )
    classes = np.bincount(pitch % 12, minlength=12)
    return np.concatenate(
        [
            _share(np.bincount(np.diff(top).clip(-12, 12) + 12, minlength=25)),
            _share(np.bincount(together, minlength=12)),
            _share(np.histogram(np.diff(onsets), _TIMES_S)[0]).cumsum(),
            _share(np.histogram(end_s - start_s, _TIMES_S)[0]).cumsum(),
            _share(np.bincount(pitch // 6, minlength=22)).cumsum(),
            _share(np.bincount(count.clip(1, 6) - 1, minlength=6)),
            _share(np.roll(classes, -int(classes.argmax()))),
            _share(loud).cumsum() if loud.any() else np.full(N_VELOCITIES, np.nan),
        ]
    )


def clip_bag(clip: Clip) -> FloatArray | None:
    """``note_bag`` of a clip at its own tempo and pitch; None for fewer than 8 pitched notes."""
    notes = [note for note in clip.notes if note.role is not Role.DRUMS]
    if len(notes) < _MIN_NOTES:
        return None
    step_s = 60.0 / (clip.tempo_qpm * STEPS_PER_BEAT)
    start = np.array([note.start for note in notes]) * step_s
    length = np.array([note.duration for note in notes]) * step_s
    pitch = np.clip([note.pitch + clip.key.shift for note in notes], 0, 127)
    return note_bag(start, start + length, pitch.astype(np.int64), _velocities(notes))


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Fitted models of valence and arousal.

    Attributes:
        models: name to a scikit-learn estimator on ``note_bag``.
        taught_by: ``people`` or ``regression``.
        agreement: name to how well it does on songs that it has not seen: AUC (people) or
            Spearman correlation (regression).
        n: clips it learnt from.
    """

    models: Mapping[str, Any]
    taught_by: str
    agreement: Mapping[str, float]
    n: int

    def judge(self, clips: Sequence[Clip]) -> dict[str, FloatArray]:
        """A number for each clip that rises with valence or arousal; NaN with too few notes."""
        bags = [clip_bag(clip) for clip in clips]
        known = [i for i, bag in enumerate(bags) if bag is not None]
        result = {}
        for name, model in self.models.items():
            values = np.full(len(clips), np.nan)
            if known:
                values[known] = _score(model, np.array([bags[i] for i in known]))
            result[name] = values
        return result


def judge_taught_by_regression(clips: Sequence[Clip], songs: Sequence[str]) -> Judge:
    """A judge that learns the regression's estimates of corpus clips."""
    bags, labels, groups = [], [], []
    for clip, song in zip(clips, songs, strict=True):
        bag, emotion = clip_bag(clip), estimate_emotion(clip)
        if bag is not None and emotion is not None:
            bags.append(bag)
            labels.append((emotion.valence, emotion.arousal))
            groups.append(song)
    return _fit(np.array(bags), np.array(labels), groups, "regression")


def judge_taught_by_people(folder: Path) -> Judge:
    """A judge that learns the listeners' quadrants of EMOPIA.

    It hears every window twice, once without loudness, so that it can judge music without.

    Args:
        folder: holds ``midis/`` and ``label.csv`` (Hung et al., ISMIR 2021, CC BY-NC-SA 4.0).

    Raises:
        CorpusError: if there is no such data.
    """
    try:
        with (folder / "label.csv").open(encoding="utf-8") as file:
            quadrants = {row["ID"]: int(row["4Q"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise CorpusError(f"no EMOPIA data (midis/ and label.csv) in {folder}") from error
    bags, labels, groups = [], [], []
    for name, quadrant in sorted(quadrants.items()):
        path = folder / "midis" / f"{name}.mid"
        try:
            piece: Piece = read_midi(path.read_bytes())
        except (OSError, InputError):
            continue
        start = _seconds(piece, [note.start for note in piece.notes])
        end = _seconds(piece, [note.end for note in piece.notes])
        pitch = np.array([note.pitch for note in piece.notes], dtype=np.int64)
        velocity = _velocities(piece.notes)
        unknown = np.full_like(velocity, np.nan)
        for begin in np.arange(0.0, max(start.max(), 0.1), _WINDOW_S):
            here = (start >= begin) & (start < begin + _WINDOW_S)
            if here.sum() >= _MIN_NOTES:
                for heard in (velocity, unknown):
                    bags.append(note_bag(start[here], end[here], pitch[here], heard[here]))
                    labels.append((quadrant in (1, 4), quadrant in (1, 2)))
                    groups.append("_".join(name.split("_")[1:-1]))
    if not bags:
        raise CorpusError(f"no EMOPIA data (midis/ and label.csv) in {folder}")
    return _fit(np.array(bags), np.array(labels), groups, "people")


def _fit(bags: FloatArray, labels: NDArray[Any], songs: Sequence[str], taught_by: str) -> Judge:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold

    people = taught_by == "people"
    kind = HistGradientBoostingClassifier if people else HistGradientBoostingRegressor
    models, agreement = {}, {}
    groups = np.unique(list(songs), return_inverse=True)[1]
    for column, name in enumerate(NAMES):
        label = labels[:, column]
        guess = np.empty(len(label))
        for learn, check in GroupKFold(min(_N_FOLDS, len(set(songs)))).split(bags, label, groups):
            model = kind(max_iter=150, learning_rate=0.08, random_state=0)
            guess[check] = _score(model.fit(bags[learn], label[learn]), bags[check])
        agreement[name] = float(roc_auc_score(label, guess)) if people else spearman(label, guess)
        models[name] = kind(max_iter=150, learning_rate=0.08, random_state=0).fit(bags, label)
    return Judge(models=models, taught_by=taught_by, agreement=agreement, n=len(bags))


def _velocities(notes: Sequence[Note]) -> FloatArray:
    """Classes of loudness, NaN where unknown."""
    known = [np.nan if note.velocity is None else note.velocity for note in notes]
    return np.array(known, dtype=np.float64)


def _seconds(piece: Piece, steps: Sequence[int]) -> FloatArray:
    """When ``steps`` fall, each bar at its own tempo; what rings past the end is cut there."""
    lines = [0, *(bar.end for bar in piece.bars)]
    lengths = [bar.meter.steps * 60.0 / (bar.tempo_qpm * STEPS_PER_BEAT) for bar in piece.bars]
    return np.asarray(np.interp(steps, lines, np.concatenate([[0.0], np.cumsum(lengths)])))


def _score(model: Any, bags: FloatArray) -> FloatArray:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(bags)[:, 1], dtype=np.float64)
    return np.asarray(model.predict(bags), dtype=np.float64)


def _share(counts: NDArray[Any]) -> FloatArray:
    share: FloatArray = counts / max(1, counts.sum())
    return share


def emotion_figures(
    asked: NDArray[np.int64], styles: Sequence[str], judged: FloatArray
) -> dict[str, float]:
    """How far what was asked is heard: Spearman within each style, weighed by its clips.

    Classes of emotion count within a style, so styles are not compared with each other.

    Args:
        asked: class 0 to 7 of each clip, shape (n,).
        styles: asked of each clip.
        judged: from ``Judge.judge``, shape (n,).

    Returns:
        ``clips``, ``spearman``, and its 95 % interval over clips as ``low`` and ``high``.
    """
    of_style = [np.flatnonzero(np.array(styles) == style) for style in sorted(set(styles))]
    of_style = [rows for rows in of_style if len(rows) >= 8]

    def mean(groups: Sequence[NDArray[np.int64]]) -> float:
        weights = [len(rows) for rows in groups]
        values = [spearman(asked[rows].astype(np.float64), judged[rows]) for rows in groups]
        usable = [(v, w) for v, w in zip(values, weights, strict=True) if np.isfinite(v)]
        total = sum(w for _, w in usable)
        return sum(v * w for v, w in usable) / total if total else float("nan")

    rng = np.random.default_rng(0)
    draws = [
        mean([rows[rng.integers(0, len(rows), len(rows))] for rows in of_style])
        for _ in range(_N_DRAWS)
    ]
    low, high = middle_95(draws)
    return {
        "clips": float(sum(len(rows) for rows in of_style)),
        "spearman": mean(of_style),
        "low": low,
        "high": high,
    }
