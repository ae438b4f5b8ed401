"""Chord symbols as chords that a band can play."""

from __future__ import annotations

import pytest

from musicgen_vae.corpus.bands import chord_of
from musicgen_vae.corpus.sources.lead_sheets import ChordSymbol


@pytest.mark.parametrize(
    ("pitch_classes", "quality"),
    [
        ((2, 6, 9), "maj"),
        ((2, 5, 9), "min"),
        ((2, 6, 9, 0), "7"),
        ((2, 6, 9, 0, 4), "9"),
        ((2, 6, 9, 0, 4, 7, 11), "9"),  # a thirteenth
        ((2, 6, 10), "aug"),
        ((2, 5, 8, 11), "dim7"),
        ((2, 9), "maj"),
        ((2,), ""),
    ],
)
def test_nearest_quality(pitch_classes: tuple[int, ...], quality: str) -> None:
    symbol = ChordSymbol(
        start=24, end=48, root=2, quality="as written", bass=9, pitch_classes=pitch_classes
    )
    chord = chord_of(symbol)
    assert chord.quality == quality
    assert chord.start == 24
    if quality:
        assert (chord.root, chord.bass) == (2, 9)
