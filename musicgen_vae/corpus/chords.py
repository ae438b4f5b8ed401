"""Chords as a source states them: when, root, quality and bass.

Text is read as Harte and others write it ("Symbolic Representation of Musical Chords", 2005):
"Bb:min7/b3". This module knows names of chords; it does not know which notes play them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from musicgen_vae.errors import CorpusError

QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "hdim7": (0, 3, 6, 10),
    "aug7": (0, 4, 8, 10),
    "7sus4": (0, 5, 7, 10),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "min9": (0, 3, 7, 10, 2),
    "7b9": (0, 4, 7, 10, 1),
}
"""Semitones above the root, by the name of the quality."""

_SPELLINGS = {"sus4(b7)": "7sus4", "": "maj"}
_STEPS = (0, 2, 4, 5, 7, 9, 11)
_LETTERS = dict(zip("CDEFGAB", _STEPS, strict=True))
_CHORD = re.compile(r"([A-G])([#b]*)(?::([^/]*))?(?:/([#b]*)(\d{1,2}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chord:
    """A chord that sounds until the next one.

    Attributes:
        start: step, counted from the start of its piece.
        root: pitch class, 0 to 11.
        quality: one of ``QUALITIES``, or empty where no chord sounds.
        bass: pitch class of the lowest note, 0 to 11; the root if None.

    Raises:
        CorpusError: if a value is none of these.
    """

    start: int
    root: int = 0
    quality: str = ""
    bass: int | None = None

    def __post_init__(self) -> None:
        if self.quality and self.quality not in QUALITIES:
            names = ", ".join(QUALITIES)
            raise CorpusError(f"chord quality {self.quality!r} is not one of {names}")
        if not 0 <= self.root < 12 or not 0 <= (self.bass or 0) < 12:
            raise CorpusError(f"{self} has a pitch class outside 0 to 11")


def parse_chord(text: str, start: int) -> Chord:
    """The chord written as "F#:maj7/5"; "N" is none.

    Args:
        text: with a degree of the scale after the stroke, if its bass is not the root.
        start: step at which it starts.

    Raises:
        CorpusError: if it is not written so, or of a quality not listed above.
    """
    text = text.strip()
    if text == "N":
        return Chord(start=start)
    found = _CHORD.fullmatch(text)
    if not found:
        raise CorpusError(f"chord {text!r} is not written like F#:maj7/5")
    letter, sign, quality, bass_sign, degree = found.groups("")
    root = (_LETTERS[letter] + _alteration(sign)) % 12
    bass = None
    if degree:
        bass = root + _STEPS[(int(degree) - 1) % 7] + _alteration(bass_sign)
        quality_of_seventh = QUALITIES.get(_SPELLINGS.get(quality, quality), ())
        # Some write a minor seventh in the bass as plain 7: what the chord has is meant.
        if degree == "7" and not bass_sign and 10 in quality_of_seventh:
            bass -= 1
        bass %= 12
    return Chord(start=start, root=root, quality=_SPELLINGS.get(quality, quality), bass=bass)


def _alteration(signs: str) -> int:
    """Semitones up or down."""
    return signs.count("#") - signs.count("b")
