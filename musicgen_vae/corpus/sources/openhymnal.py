"""The Open Hymnal Project: some 300 hymns for four-part choir, typed in as ABC.

(B. J. Dumont and others, http://openhymnal.org.) Every file states its copyright; only hymns that
are in the public domain as a whole are read. The melody is the soprano or whatever is on top, the
bass the lowest voice, and all between is harmony. Repeats are not played and ornaments passed over.

This module knows the ABC that these files use: one line of music for each voice, named in brackets,
with notes, chords, ties, tuplets and accidentals. It does not know the rest of ABC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from pathlib import Path

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.clip import (
    MAX_STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Bar,
    Key,
    Meter,
    Mode,
    Note,
    Piece,
    Role,
)
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import Track, assign_roles

SOURCE = "openhymnal"
LICENCE = "public domain"
STYLE = "hymn"
_USUAL_QPM = 100.0
_CHOIR = 52
"""General MIDI program."""
_MAX_ODD = 0.35
"""Share of bar lines that may stand where the meter does not put them: a phrase often ends within a
bar. Where a bar is too long or short, all that follow are out of place."""

_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_SHARPS = "FCGDAEB"
"""Letters in the order in which sharps are added; flats are added from the end."""
_TONICS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7}
_TONICS |= {"F": -1, "Bb": -2, "Eb": -3, "Ab": -4, "Db": -5, "Gb": -6, "Cb": -7}
"""Sharps, or flats below zero, of each major key."""

_TOKEN = re.compile(
    r"""![^!]*! | "[^"]*" | \{[^}]*\}                      # ornaments, texts and grace notes
    | \[ (?P<field>[A-Za-z]) : (?P<value>[^\]]*) \]
    | (?P<ending> (?:\||\[) \s* \d )
    | (?P<bar> :? \|+ [\]:]? | ::)
    | (?P<overlay> &)
    | \( (?P<tuplet>\d) (?: :(?P<into>\d?) (?: :(?P<count>\d?) )? )?
    | (?: (?P<rest>[zx]) | (?P<note>[_^=]*[A-Ga-g][,']*) | \[ (?P<chord>[^\]|]*) \] )
      (?P<length>\d*/*\d*) \s* (?P<tie>-?)
    """,
    re.VERBOSE,
)
_PITCH = re.compile(r"([_^=]*)([A-Ga-g])([,']*)(\d*/*\d*)(-?)")


def list_songs(hymnal_dir: Path) -> tuple[str, ...]:
    """Paths of the files below ``Complete`` without suffix, in order.

    Raises:
        CorpusError: if there are none.
    """
    folder = hymnal_dir / "Complete"
    songs = sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.abc"))
    if not songs:
        raise CorpusError(f"{folder} has no .abc files: give the Open Hymnal's folder")
    return tuple(songs)


def read_openhymnal(hymnal_dir: Path) -> Iterator[SourcePiece | Failure]:
    """Every hymn, in the order of the files' paths.

    Args:
        hymnal_dir: with the folder ``Complete``.

    Raises:
        CorpusError: if there are no hymns in it.
    """
    for song in list_songs(hymnal_dir):
        yield read_song(hymnal_dir, song)


def read_song(hymnal_dir: Path, song: str) -> SourcePiece | Failure:
    """One hymn; a ``Failure`` says why it cannot be used."""
    try:
        path = hymnal_dir / "Complete" / f"{song}.abc"
        text = path.read_text(encoding="utf-8", errors="replace")
        _check_copyright(text)
        piece = _piece(text)
    except (CorpusError, ClipError, OSError) as error:
        return Failure(source=SOURCE, song=song, reason=str(error))
    composer = re.search(r"(?m)^%OHCOMPOSER +(.+?) *$", text)
    return SourcePiece(
        piece=piece,
        source=SOURCE,
        song=song,
        licence=LICENCE,
        style=STYLE,
        split=split_of(f"{SOURCE}/{song}"),
        labels={"composer": composer[1]} if composer else {},
    )


def _check_copyright(text: str) -> None:
    """Raise ``CorpusError`` unless the header places all of the hymn in the public domain."""
    said = " ".join(re.findall(r"(?m)^C:(.*)$", text))
    if not re.search(r"copyright:.*public domain", said, re.IGNORECASE):
        raise CorpusError("its header does not say that it is in the public domain")
    if re.search(r"copyright \d{4}|freely (reproduced|used)|CPDL", said, re.IGNORECASE):
        raise CorpusError("its header reserves some rights")


def _field(text: str, name: str) -> str:
    """The first field of that name, without its comment; empty if there is none."""
    found = re.search(rf"(?m)^{name}:([^%\n]*)", text)
    return found[1].strip() if found else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sung:
    """A note of a voice: start and length in steps, MIDI pitch."""

    start: Fraction
    length: Fraction
    pitch: int


def _piece(text: str) -> Piece:
    """The hymn on the grid.

    Raises:
        CorpusError: if it is not in the ABC that this module knows, or its bars do not add up.
        ClipError: if its meter does not fit the grid.
    """
    meter = _meter(_field(text, "M"))
    sharps, mode = _key(_field(text, "K"))
    unit = 4 * STEPS_PER_BEAT * Fraction(_field(text, "L") or "1/8")
    voices: dict[str, _Voice] = {}
    for line in text.splitlines():
        found = re.match(r"\[V: *([^\]\s]+)[^\]]*\](.*)", line)
        if found:
            voice = voices.setdefault(found[1], _Voice(unit=unit, sharps=sharps))
            voice.read(re.sub(r"%.*", "", found[2]))
    names = [name for name in _staves(text) if name in voices and voices[name].notes]
    if len(names) < 2:
        raise CorpusError("it has fewer than two voices")
    lengths = {name: voices[name].length for name in names}
    if len(set(lengths.values())) > 1:
        raise CorpusError(f"its voices differ in length: {_said(lengths)} beats")
    top = voices[names[0]]
    pickup = _pickup(top.lines, meter)
    lead = Fraction(meter.steps - pickup) if pickup else Fraction(0)
    if meter.steps == 2 * STEPS_PER_BEAT:  # two of them make one bar
        lead += meter.steps if pickup else 0
        meter = Meter()
    tracks = [
        Track(
            name=role.label,
            program=_CHOIR,
            notes=tuple(_on_grid(note, lead, role) for note in notes),
        )
        for role, notes in _roles([voices[name].notes for name in names]).items()
    ]
    end = max(note.start for track in tracks for note in track.notes) + 1
    tempo = re.search(r"\[?Q: *(\d+)/(\d+) *= *(\d+)", text)
    qpm = _USUAL_QPM
    if tempo:
        qpm = float(4 * Fraction(int(tempo[1]), int(tempo[2])) * int(tempo[3]))
    notes, programs = assign_roles(tracks)
    mode_of_notes = estimate_key(notes)
    tonic = (7 * sharps + (9 if mode is Mode.MINOR else 0)) % 12
    stated = Key(tonic=tonic, mode=mode)
    return Piece(
        bars=tuple(
            Bar(start=start, meter=meter, tempo_qpm=qpm) for start in range(0, end, meter.steps)
        ),
        notes=notes,
        # The signature knows the scale; the notes know better which of its two keys is meant.
        key=mode_of_notes if mode_of_notes.shift == stated.shift else stated,
        programs=programs,
        title=_field(text, "T"),
    )


def _meter(text: str) -> Meter:
    """The meter, counted in quarter notes if it is written in longer ones."""
    text = {"C": "4/4", "C|": "2/2"}.get(text, text)
    numerator, _, denominator = text.partition("/")
    if not (numerator.isdigit() and denominator.isdigit()):
        raise CorpusError("it has no meter")
    beats, unit = int(numerator), int(denominator)
    if unit in (1, 2):
        beats, unit = beats * 4 // unit, 4
    if 4 * STEPS_PER_BEAT * beats > MAX_STEPS_PER_BAR * unit and beats % 2 == 0:
        beats //= 2
    return Meter(numerator=beats, denominator=unit)


def _key(text: str) -> tuple[int, Mode]:
    """Sharps (flats below zero) of the signature, and whether it is called minor."""
    found = re.match(r"([A-G][#b]?) *(m(?:in(?:or)?)?)?(?:$|[ ,])", text)
    if not found or found[1] not in _TONICS:
        raise CorpusError(f"key {text!r} is not major or minor")
    if found[2]:
        return _TONICS[found[1]] - 3, Mode.MINOR
    return _TONICS[found[1]], Mode.MAJOR


def _staves(text: str) -> list[str]:
    """Names of the voices from the top of the score to the bottom."""
    found = re.search(r"(?m)^%%(?:staves|score)(.*)$", text)
    return re.findall(r"\w+", found[1]) if found else []


class _Voice:
    """One voice, read line by line.

    Attributes:
        notes: in the order in which they end.
        lines: steps at which its bar lines stand.
    """

    def __init__(self, *, unit: Fraction, sharps: int) -> None:
        self.notes: list[_Sung] = []
        self.lines: list[Fraction] = []
        self._unit = unit
        altered = _SHARPS[:sharps] if sharps >= 0 else _SHARPS[sharps:]
        self._signature = dict.fromkeys(altered, 1 if sharps > 0 else -1)
        self._at = self._bar = Fraction(0)
        self._signs: dict[tuple[str, int], int] = {}
        self._tied: dict[tuple[str, int], _Sung] = {}
        self._tuplet, self._in_tuplet = Fraction(1), 0

    @property
    def length(self) -> Fraction:
        """Steps up to its end."""
        return self._at

    def read(self, line: str) -> None:
        """Read on; raises ``CorpusError`` for what this module does not know."""
        for token in _TOKEN.finditer(line):
            if token["field"] == "M":
                raise CorpusError("its meter changes")
            if token["ending"]:
                raise CorpusError("it has first and second endings")
            if token["bar"]:
                self._signs.clear()
                self._bar = self._at
                self.lines.append(self._at)
            elif token["overlay"]:
                self._at = self._bar
            elif token["tuplet"]:
                n = int(token["tuplet"])
                into = int(token["into"] or {2: 3, 3: 2, 4: 3, 6: 2}.get(n, n))
                self._tuplet, self._in_tuplet = Fraction(into, n), int(token["count"] or n)
            elif token["rest"] or token["note"] or token["chord"]:
                self._sound(token)

    def _sound(self, token: re.Match[str]) -> None:
        """A rest, note or chord; a chord lasts as long as its first note."""
        length = self._unit * _length(token["length"])
        if self._in_tuplet:
            self._in_tuplet -= 1
            length *= self._tuplet
        lasts: Fraction | None = None
        tied: dict[tuple[str, int], _Sung] = {}
        for sign, letter, marks, own, own_tie in _PITCH.findall(
            token["chord"] or token["note"] or ""
        ):
            own_length = length * _length(own)
            lasts = own_length if lasts is None else lasts
            place = (letter.upper(), letter.islower() + marks.count("'") - marks.count(","))
            begun = None if sign else self._tied.pop(place, None)
            if begun:
                note = replace(begun, length=begun.length + own_length)
            else:
                note = _Sung(start=self._at, length=own_length, pitch=self._pitch(sign, *place))
            if token["tie"] or own_tie:
                tied[place] = note
            else:
                self.notes.append(note)
        self.notes.extend(self._tied.values())  # ties that lead nowhere
        self._tied = tied
        self._at += length if lasts is None else lasts

    def _pitch(self, sign: str, letter: str, octave: int) -> int:
        if sign:
            self._signs[letter, octave] = sign.count("^") - sign.count("_")
        altered = self._signs.get((letter, octave), self._signature.get(letter, 0))
        return 60 + _STEPS[letter] + altered + 12 * octave


def _length(text: str) -> Fraction:
    """The factor that ABC writes after a note: "", "3", "/", "//", "3/2" or "/4"."""
    numerator, slashes, denominator = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    below = int(denominator or 2) ** (1 if denominator else len(slashes)) if slashes else 1
    return Fraction(int(numerator or 1), below)


def _said(lengths: Mapping[str, Fraction]) -> str:
    return ", ".join(f"{name} {float(v) / STEPS_PER_BEAT:g}" for name, v in lengths.items())


def _pickup(lines: Sequence[Fraction], meter: Meter) -> int:
    """Steps before the first full bar, 0 if it begins with one.

    Raises:
        CorpusError: if bar lines do not keep to the meter.
    """
    first = next((line for line in lines if line), Fraction(0))
    pickup = first if first < meter.steps else Fraction(0)
    odd = sum((line - pickup) % meter.steps != 0 for line in lines if line)
    if odd > _MAX_ODD * len(lines) or pickup.denominator != 1:
        raise CorpusError(f"{odd} of {len(lines)} bar lines do not keep to the meter")
    return int(pickup)


def _roles(voices: Sequence[Sequence[_Sung]]) -> dict[Role, list[_Sung]]:
    """The top of the first voice is melody, the bottom of the last is bass, the rest harmony."""
    top, bottom = _edge(voices[0], 1), _edge(voices[-1], -1)
    between = [note for voice in voices for note in voice if note not in top and note not in bottom]
    return {Role.MELODY: top, Role.HARMONY: between, Role.BASS: bottom}


def _edge(voice: Sequence[_Sung], sign: int) -> list[_Sung]:
    """The highest (sign 1) or lowest (-1) of the notes that start together."""
    best: dict[Fraction, _Sung] = {}
    for note in voice:
        other = best.get(note.start)
        if other is None or sign * note.pitch > sign * other.pitch:
            best[note.start] = note
    return [best[start] for start in sorted(best)]


def _on_grid(note: _Sung, lead: Fraction, role: Role) -> Note:
    return Note(
        start=floor(lead + note.start + Fraction(1, 2)),
        role=role,
        pitch=note.pitch,
        duration=max(1, floor(note.length + Fraction(1, 2))),
    )
