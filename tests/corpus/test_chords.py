"""Chord symbols to pitch classes."""

from __future__ import annotations

import pytest

from musicgen_vae.corpus.chords import Chord, parse_chord
from musicgen_vae.errors import CorpusError


@pytest.mark.parametrize(
    ("text", "root", "quality", "bass"),
    [
        ("C:maj", 0, "maj", None),
        ("F#:maj7/5", 6, "maj7", 1),
        ("Bb:min/b3", 10, "min", 1),
        ("B:maj/3", 11, "maj", 3),
        ("Cb:min7/b7", 11, "min7", 9),
        ("C:maj7/7", 0, "maj7", 11),
        ("C:7/7", 0, "7", 10),  # the seventh that the chord has
        ("G:sus4(b7)", 7, "7sus4", None),
        ("E", 4, "maj", None),
        ("N", 0, "", None),
        ("A:9/9", 9, "9", 11),
    ],
)
def test_a_symbol_says_root_quality_and_bass(
    text: str, root: int, quality: str, bass: int | None
) -> None:
    assert parse_chord(f" {text}\n", 48) == Chord(start=48, root=root, quality=quality, bass=bass)


@pytest.mark.parametrize("text", ["", "H:maj", "C:major", "c:min", "C:maj/", "C:maj/x", "Cm"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="chord"):
        parse_chord(text, 0)


def test_pitch_classes_are_0_to_11() -> None:
    with pytest.raises(CorpusError, match="outside 0 to 11"):
        Chord(start=0, root=12, quality="maj")
