"""Fits ``musicgen_vae/music/emotion.json`` to EMOPIA and prints how well it agrees with people.

    python -m scripts.fit_emotion EMOPIA_1.0

EMOPIA (Hung et al., ISMIR 2021, zenodo.org/record/5090631) has 1,078 performed piano clips with a
quadrant that a listener chose. It is licensed CC BY-NC-SA 4.0: only the fourteen numbers of each
regression are kept of it. Cross-validation is by song: clips of a song never stand on both sides.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musicgen_vae.audio.renderer import seconds_at
from musicgen_vae.music.clip import N_VELOCITIES, Piece
from musicgen_vae.music.emotion import (
    FEATURES,
    LOUDNESS,
    EmotionModel,
    FloatArray,
    Regression,
    features_of_notes,
    literature_model,
)
from musicgen_vae.music.midi import read_midi

OUT = Path(__file__).parents[1] / "musicgen_vae" / "music" / "emotion.json"
_N_FOLDS = 10
Labels = NDArray[np.bool_]


def piece_features(piece: Piece) -> FloatArray:
    """Features of a whole performed piece, on its own clock."""
    notes = piece.notes
    return features_of_notes(
        seconds_at(piece, [note.start for note in notes]),
        seconds_at(piece, [note.end for note in notes]),
        np.array([note.pitch for note in notes], dtype=np.float64),
        np.array([(note.velocity or 0) / (N_VELOCITIES - 1) for note in notes]),
    )


def fit(features: FloatArray, label: Labels, columns: list[int]) -> Regression:
    """A regression on some columns of standardised features, shape (n, 7)."""
    model = LogisticRegression(max_iter=1000).fit(features[:, columns], label)
    weights = np.zeros(len(FEATURES))
    weights[columns] = model.coef_[0]
    return Regression(
        intercept=round(float(model.intercept_[0]), 4),
        weights=tuple(round(float(w), 4) for w in weights),
    )


def main() -> None:
    """Read, fit, write and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("emopia", type=Path, help="the folder that holds midis/ and label.csv")
    folder: Path = parser.parse_args().emopia
    with (folder / "label.csv").open(encoding="utf-8") as file:
        quadrant_of = {row["ID"]: int(row["4Q"]) for row in csv.DictReader(file)}
    names = sorted(name for name in quadrant_of if (folder / "midis" / f"{name}.mid").is_file())
    pieces = [read_midi((folder / "midis" / f"{name}.mid").read_bytes()) for name in names]
    features = np.array([piece_features(piece) for piece in pieces])
    quadrant = np.array([quadrant_of[name] for name in names])
    song = np.array(["_".join(name.split("_")[1:-1]) for name in names])
    labels = {"valence": np.isin(quadrant, (1, 4)), "arousal": quadrant <= 2}

    mean, std = features.mean(axis=0), features.std(axis=0)
    standardised = (features - mean) / std
    every = list(range(len(FEATURES)))
    quiet = [i for i in every if i != LOUDNESS]
    regressions = {}
    for suffix, columns in (("", every), ("_quiet", quiet)):
        guess = {}
        for name, label in labels.items():
            pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            guess[name] = cross_val_predict(
                pipeline, features[:, columns], label, groups=song, cv=GroupKFold(_N_FOLDS)
            )
            regressions[name + suffix] = fit(standardised, label, columns)
        report(f"fitted{suffix}, {_N_FOLDS}-fold by song", guess, labels, quadrant)
    model = EmotionModel(
        mean=tuple(round(float(x), 4) for x in mean),
        std=tuple(round(float(x), 4) for x in std),
        **regressions,
    )
    OUT.write_text(json.dumps(model.to_dict(), indent=1) + "\n", encoding="utf-8")

    literature = [literature_model().estimate(row) for row in features]
    signs = {
        "valence": np.array([emotion.valence >= 0 for emotion in literature]),
        "arousal": np.array([emotion.arousal >= 0 for emotion in literature]),
    }
    report("equal signs of the literature", signs, labels, quadrant)
    for name, regression in regressions.items():
        weights = dict(zip(FEATURES, regression.weights, strict=True))
        print(f"{name}: " + ", ".join(f"{k} {v:+.2f}" for k, v in weights.items()))


def report(
    name: str,
    guess: dict[str, Labels],
    labels: dict[str, Labels],
    quadrant: NDArray[np.int64],
) -> None:
    """One line: share of clips whose arousal, valence and quadrant agree with the listener's."""
    valence, arousal = guess["valence"], guess["arousal"]
    guessed = np.where(arousal, np.where(valence, 1, 2), np.where(valence, 4, 3))
    agree = {key: float((guess[key] == label).mean()) for key, label in labels.items()}
    print(
        f"{name}: arousal {agree['arousal']:.3f}, valence {agree['valence']:.3f}, "
        f"quadrant {float((guessed == quadrant).mean()):.3f} of {len(quadrant)} clips"
    )


if __name__ == "__main__":
    main()
