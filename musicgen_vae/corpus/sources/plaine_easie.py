"""Plaine & Easie Code: a melody in one line of type.

Libraries note the beginnings of works in it (Brook and Gould, "Notating Music with Ordinary
Typewriter Characters (A Plaine and Easie Code System for Musicke)", 1964; kept up by IAML and
RISM). Read here are: octaves, durations, dots, accidentals, key signatures, rests, ties, triplets
and other groups, grace notes (dropped), bar lines, repeated figures and bars, rhythms that repeat,
and changes of clef, key and meter. Chords, mensural notation and unmeasured rhythm are refused. As
elsewhere in the corpus, repeat signs are not played.

This module knows the code; it does not know catalogues, nor the grid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from musicgen_vae.errors import CorpusError

_LENGTHS = {
    "0": Fraction(16), "9": Fraction(8), "1": Fraction(4), "2": Fraction(2), "4": Fraction(1),
    "8": Fraction(1, 2), "6": Fraction(1, 4), "3": Fraction(1, 8), "5": Fraction(1, 16),
    "7": Fraction(1, 32),
}  # fmt: skip
"""Quarter notes by the digit that stands for them."""
_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ALTERATIONS = {"": 0, "n": 0, "x": 1, "xx": 2, "b": -1, "bb": -2}
_METERS = {"c": (4, 4), "c/": (2, 2)}
_TRIPLET = Fraction(2, 3)
_TOKEN = re.compile(
    r"""
      (?P<change> [%$@] \S* )
    | (?P<bar> :?/+:? )
    | (?P<graces> qq .*? r )
    | (?P<grace> [gq] [',0-9.]* (?:xx|bb|x|b|n)? [A-G] )
    | \( (?P<group> [^()]* ) \)
    | (?P<octave> '+ | ,+ )
    | (?P<rhythm> (?: [0-9] \.* )+ )
    | = (?P<empty_bars> \d* )
    | (?P<rest> - )
    | (?P<note> (?:xx|bb|x|b|n)? [A-G] )
    | (?P<tie> \+ )
    | (?P<figure> ! )
    | (?P<again> f )
    | (?P<same_bar> i )
    | (?P<mark> [t{}?*\s] )
    """,
    re.VERBOSE,
)
"""Marks are beams, trills and remarks of the cataloguer, which change no note."""


@dataclass(frozen=True, kw_only=True)
class Tone:
    """A note of a melody; times in quarter notes from the start of its bar.

    Attributes:
        start: from its bar line, 0 or more.
        length: more than 0.
        pitch: MIDI pitch.
        tied: it goes on in the next note of that pitch.
    """

    start: Fraction
    length: Fraction
    pitch: int
    tied: bool = False


@dataclass(frozen=True, kw_only=True)
class CodedBar:
    """What stands between two bar lines.

    Attributes:
        meter: numerator and denominator in force.
        length: of its notes and rests together, in quarter notes.
        tones: in order.
    """

    meter: tuple[int, int]
    length: Fraction
    tones: tuple[Tone, ...]


def read_plaine_easie(code: str, *, key: str = "", meter: str) -> tuple[CodedBar, ...]:
    """The bars of a melody; empty ones between two bar lines are left out.

    Args:
        code: such as "4'C8DE/2F".
        key: signature, such as "xFC" or "bBE"; empty for none.
        meter: such as "3/4", "c" or "c/".

    Raises:
        CorpusError: if it holds what is not read here, or makes no sense.
    """
    reader = _Reader(signature=_signature(key), meter=_meter(meter))
    reader.read(code)
    reader.close_bar()
    return tuple(reader.bars)


def _signature(text: str) -> dict[str, int]:
    """Alteration of each letter that a key signature names."""
    found = re.fullmatch(r"n|(?:([xb])([A-G\[\]]*))?", text.strip())
    if found is None:
        raise CorpusError(f"key signature {text!r} is not written like xFC or bBE")
    return {letter: _ALTERATIONS[found[1]] for letter in found[2] or "" if letter in _CLASSES}


def _meter(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if found is not None and int(found[1]) and int(found[2]):
        return int(found[1]), int(found[2])
    if text.strip() in _METERS:
        return _METERS[text.strip()]
    raise CorpusError(f"time signature {text!r} is not a modern one")


@dataclass(kw_only=True)
class _Reader:
    """Reads code from left to right; octave, rhythm and accidentals hold until changed.

    Attributes:
        signature: alteration of each letter that the key signature names.
        meter: numerator and denominator.
        bars: those that are complete.
    """

    signature: dict[str, int]
    meter: tuple[int, int]
    bars: list[CodedBar] = field(default_factory=list)
    _tones: list[Tone] = field(default_factory=list)
    _at: Fraction = Fraction(0)
    _octave: int = 4
    _rhythm: tuple[Fraction, ...] = ()
    _n_played: int = 0
    _accidentals: dict[tuple[str, int], int] = field(default_factory=dict)
    _place: tuple[str, int] = ("C", 4)
    _figure: tuple[int, Fraction] | None = None
    _repeated: tuple[tuple[Tone, ...], Fraction] = ((), Fraction(0))

    def read(self, code: str) -> None:
        at = 0
        while at < len(code):
            found = _TOKEN.match(code, at)
            if found is None:
                raise CorpusError(f"{code[at : at + 12]!r} in it is not read here")
            self._act(str(found.lastgroup), found[str(found.lastgroup)])
            at = found.end()

    def close_bar(self) -> None:
        """End the bar; an accidental goes on only with a note that is tied over."""
        kept = {}
        if self._tones and self._tones[-1].tied and self._place in self._accidentals:
            kept = {self._place: self._accidentals[self._place]}
        if self._at:
            bar = CodedBar(meter=self.meter, length=self._at, tones=tuple(self._tones))
            self.bars.append(bar)
        self._tones, self._at, self._accidentals, self._figure = [], Fraction(0), kept, None

    def _act(self, kind: str, text: str) -> None:
        if kind == "note":
            self._play(text[-1], text[:-1])
        elif kind == "rest":
            self._at += self._next_length()
        elif kind == "octave":
            self._set_octave(text)
        elif kind == "rhythm":
            self._rhythm = tuple(_length(*found) for found in re.findall(r"([0-9])(\.*)", text))
            self._n_played = 0
        elif kind in ("grace", "graces"):
            for octave in re.findall(r"'+|,+", text):
                self._set_octave(octave)
        elif kind == "bar":
            self.close_bar()
        elif kind == "group":
            self._group(text)
        elif kind == "tie" and self._tones:
            self._tones[-1] = replace(self._tones[-1], tied=True)
        elif kind == "empty_bars":
            self._rest_bars(int(text or 1))
        elif kind == "change":
            self._change(text[0], text[1:])
        elif kind == "same_bar" and self.bars:
            self._repeat(self.bars[-1].tones, self.bars[-1].length)
        elif kind == "figure":
            self._mark_figure()
        elif kind == "again":
            self._repeat(*self._repeated)

    def _play(self, letter: str, accidental: str) -> None:
        self._place = (letter, self._octave)
        if accidental:
            self._accidentals[self._place] = _ALTERATIONS[accidental]
        altered = self._accidentals.get(self._place, self.signature.get(letter, 0))
        pitch = 12 * (self._octave + 1) + _CLASSES[letter] + altered
        if not 0 <= pitch < 128:
            raise CorpusError(f"a note {letter} in it lies out of every instrument's range")
        length = self._next_length()
        self._tones.append(Tone(start=self._at, length=length, pitch=pitch))
        self._at += length

    def _next_length(self) -> Fraction:
        if not self._rhythm:
            raise CorpusError("a note in it has no duration")
        length = self._rhythm[self._n_played % len(self._rhythm)]
        self._n_played += 1
        return length

    def _set_octave(self, marks: str) -> None:
        self._octave = 3 + len(marks) if marks[0] == "'" else 4 - len(marks)

    def _group(self, text: str) -> None:
        """One note with a fermata, a triplet, or as many notes as ``;n`` says in a given time."""
        content, _, count = text.partition(";")
        total = self._rhythm[0] if count and self._rhythm else None
        first, start = len(self._tones), self._at
        self.read(content)
        n_members = sum(found.lastgroup in ("note", "rest") for found in _TOKEN.finditer(content))
        length = self._at - start
        if not length or (n_members < 2 and not count):
            return
        factor = total / length if total else _TRIPLET
        self._tones[first:] = [
            replace(tone, start=start + (tone.start - start) * factor, length=tone.length * factor)
            for tone in self._tones[first:]
        ]
        self._at = start + length * factor

    def _rest_bars(self, n_bars: int) -> None:
        for number in range(n_bars):
            self._at += Fraction(4 * self.meter[0], self.meter[1])
            if number < n_bars - 1:
                self.close_bar()

    def _change(self, kind: str, text: str) -> None:
        if kind == "@":
            self.meter = _meter(text)
        elif kind == "$":
            self.signature = _signature(text)

    def _mark_figure(self) -> None:
        """Begin a figure, or end it and keep it for repetition."""
        if self._figure is None:
            self._figure = (len(self._tones), self._at)
            return
        first, start = self._figure
        tones = tuple(replace(tone, start=tone.start - start) for tone in self._tones[first:])
        self._repeated, self._figure = (tones, self._at - start), None

    def _repeat(self, tones: tuple[Tone, ...], length: Fraction) -> None:
        self._tones += [replace(tone, start=self._at + tone.start) for tone in tones]
        self._at += length


def _length(digit: str, dots: str) -> Fraction:
    """Quarter notes of a duration with its dots."""
    return _LENGTHS[digit] * (2 - Fraction(1, 2 ** len(dots)))
