"""A small corpus of made-up songs, built as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicgen_vae.corpus.build import build_corpus
from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.music.clip import Bar, Key, Meter, Note, Piece, Role, tidy

TINY = ModelConfig(
    d_model=32, n_heads=2, d_ff=64, n_encoder_layers=1, n_decoder_layers=1, n_queries=2, d_query=8,
    d_note=128, d_bar=128, dropout=0.0,
)  # fmt: skip
_SCALE = (0, 2, 4, 5, 7, 9, 11)


def song(seed: int, *, meter: str = "4/4", n_bars: int = 8) -> Piece:
    """A melody over broken chords."""
    rng = np.random.default_rng(seed)
    steps = Meter.parse(meter).steps
    notes = []
    for bar in range(n_bars):
        root = int(rng.choice([0, 3, 4, 5]))
        for step in range(0, steps, 6):
            degree = (root + 2 * (step // 6 % 3)) % 7
            notes.append(
                Note(start=bar * steps + step, role=Role.HARMONY, pitch=48 + _SCALE[degree],
                     duration=6, velocity=3)
            )  # fmt: skip
            if rng.random() < 0.6:
                pitch = 72 + _SCALE[int(rng.integers(7))]
                notes.append(
                    Note(start=bar * steps + step, role=Role.MELODY, pitch=pitch, duration=6,
                         velocity=5)
                )  # fmt: skip
    bars = tuple(
        Bar(start=i * steps, meter=Meter.parse(meter), tempo_qpm=90.0 + seed) for i in range(n_bars)
    )
    return Piece(bars=bars, notes=tidy(notes), key=Key(), title=f"song {seed}")


def build(folder: Path, n_songs: int = 9) -> Path:
    """A built corpus: two thirds for training, the rest for validation and test."""
    splits = ("train", "train", "validation", "train", "train", "test")
    build_corpus(
        (
            SourcePiece(
                piece=song(i, meter="3/4" if i % 4 == 3 else "4/4"),
                source="made up",
                song=str(i),
                licence="CC0",
                style="pop",
                split=splits[i % len(splits)],
            )
            for i in range(n_songs)
        ),
        folder,
    )
    return folder
