"""The scores that come with music21: Bach's chorales and Ryan's Mammoth Collection.

music21 (Cuthbert and Ariza, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music
Data", 2010) brings some 400 four-part chorales by Johann Sebastian Bach as MusicXML and the 1,059
fiddle tunes of "Ryan's Mammoth Collection" (Boston, 1883) as ABC. It is needed here alone, so it
is a dependency of development and imported when a reader runs.

Repeats are not played: all music stands once, without first endings where there are second ones.
Fermatas and grace notes are passed over. A bar that a repeat sign cuts in two is put together
again; a pickup stands at the end of its bar, the last bar is filled up, and any other bar of odd
length keeps the length that it has. Two bars of 2/4 make one of 4/4; n/2 is read as 2n/4.

This module knows scores as music21 parses them; it does not know clips, tokens or shards.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Bar, Key, Meter, Mode, Note, Piece, Role
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import Track, assign_roles

CHORALES = "Bach chorales (music21 corpus)"
TUNES = "Ryan's Mammoth Collection (music21 corpus)"

_VOICES = {
    "Soprano": Role.MELODY,
    "Alto": Role.HARMONY,
    "Tenor": Role.HARMONY,
    "Bass": Role.BASS,
}
_LICENCE = (
    "music in the public domain; encoding by {}, distributed with music21 (public domain or used "
    "by permission)"
)
_NOT_CHORALES = ("bwv846",)
_CHORALE_QPM = 80.0
_CHOIR = 52
"""General MIDI program, as are those below."""

_DANCES = {
    "slip jig": (108.0, 73),
    "clog": (76.0, 21),
    "hornpipe": (80.0, 21),
    "strathspey": (66.0, 40),
    "fling": (72.0, 40),
    "slide": (120.0, 73),
    "jig": (112.0, 73),
    "reel": (104.0, 40),
}
"""Pulses a minute at which a dance is usually played, and an instrument that plays it: violin,
accordion or flute. Where a file says two things, such as reel and clog, the earlier is meant."""
_ANY_DANCE = (96.0, 40)
_PULSES = {"9/8": 3, "12/8": 4, "3/4": 3}
"""Pulses in a bar; two in any other meter."""
_MINSTREL = re.compile(r"coon|wood ?pile|walk ?around|essence ?of", re.IGNORECASE)
"""Tunes of minstrel shows, which mocked Black Americans, with titles that do so too."""
_SMALL_WORDS = frozenset("a and at in o' of on or the to".split())
_MAX_ODD_BARS = 0.25
_HALF_BAR = Meter(numerator=2)


def read_chorales(names: Collection[str] | None = None) -> Iterator[SourcePiece | Failure]:
    """Bach's four-part chorales: soprano as melody, alto and tenor as harmony, bass as bass.

    Instruments that play along are left out. The three Humdrum files repeat chorales that are also
    there as MusicXML, and their headers reserve all rights; they are not read.

    Args:
        names: file names without suffix, such as "bwv269"; all if None.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    folder = _corpus_folder("bach")
    titles = _chorale_titles()
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".mxl", ".xml")):
        if path.stem in _NOT_CHORALES or (names is not None and path.stem not in names):
            continue
        number = path.stem.removeprefix("bwv")
        first_line = titles.get(number, "")
        title = f"{first_line} (BWV {number})" if first_line else f"Chorale BWV {number}"
        try:
            score = _parse(path)
            piece = _chorale(score, title)
        except CorpusError as error:
            yield Failure(source=CHORALES, song=path.stem, reason=str(error))
            continue
        yield SourcePiece(
            piece=piece,
            source=CHORALES,
            song=path.stem,
            licence=_LICENCE.format(_chorale_encoder(score)),
            style="chorale",
            split=_split(first_line or path.stem),  # all settings of a hymn fall in one split
            labels={"composer": "Johann Sebastian Bach"},
        )


def read_ryans_mammoth(names: Collection[str] | None = None) -> Iterator[SourcePiece | Failure]:
    """The tunes of Ryan's Mammoth Collection, all melody, at a dancer's tempo.

    Args:
        names: file names without suffix, such as "DevilsDreamReel"; all if None.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    for path in sorted(_corpus_folder("ryansMammoth").glob("*.abc")):
        if names is not None and path.stem not in names:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        dance = _dance(text)
        title = _tune_title(_field(text, "T"), dance)
        try:
            if _MINSTREL.search(path.stem):
                raise CorpusError("a minstrel tune, whose title is not fit to be shown")
            piece = _tune(text, title, dance)
        except CorpusError as error:
            yield Failure(source=TUNES, song=path.stem, reason=str(error))
            continue
        yield SourcePiece(
            piece=piece,
            source=TUNES,
            song=path.stem,
            licence=_LICENCE.format(_tune_encoder(text)),
            style="dance",
            split=_split(title.lower()),  # some tunes are there twice
            labels={"dance": dance} if dance else {},
        )


def _corpus_folder(name: str) -> Path:
    folder = Path(str(_module("music21").__file__)).parent / "corpus" / name
    if not folder.is_dir():
        raise CorpusError(f"this music21 came without its corpus ({folder}): install it again")
    return folder


def _module(name: str) -> Any:
    """A module of music21, without the warnings of its import; raises ``CorpusError``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module(name)
        except ImportError as error:
            raise CorpusError("music21 is not installed: run pip install music21") from error


def _parse(source: Path | str) -> Any:
    """A file, or the text of an ABC tune, as a music21 score; raises ``CorpusError``."""
    converter = _module("music21.converter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(source, Path):
                return converter.parseFile(source, forceSource=True, storePickle=False)
            return converter.parseData(source, format="abc")
        except Exception as error:  # another project's parser: anything may go wrong in it
            raise CorpusError(f"music21 cannot parse it: {error}") from error


def _split(song: str) -> str:
    """One in ten songs for validation and one for testing, the same ones every time."""
    number = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % 10
    return {0: "validation", 1: "test"}.get(number, "train")


# --- chorales -------------------------------------------------------------------------------


def _chorale_titles() -> dict[str, str]:
    """First line of each chorale by its BWV number, as far as music21 lists them."""
    chorales = _module("music21.corpus.chorales")
    by_number: Mapping[Any, Mapping[str, Any]] = {
        **chorales.ChoraleList().byBWV,
        **chorales.ChoraleListRKBWV().byBWV,
    }
    # One first line begins with a letter too many in music21's table (BWV 2.6).
    return {
        str(number): str(entry["title"]).replace("AAch ", "Ach ")
        for number, entry in by_number.items()
    }


def _chorale_encoder(score: Any) -> str:
    credits = " ".join(str(box.content) for box in score.getElementsByClass("TextBox"))
    return "Margaret Greentree" if "Greentree" in credits else "an unnamed encoder"


def _chorale(score: Any, title: str) -> Piece:
    parts: dict[str, Any] = {}
    for part in score.parts:
        voice = next((v for v in _VOICES if (part.partName or "").startswith(v)), "")
        parts.setdefault(voice, part)
    if not parts.keys() >= _VOICES.keys():
        raise CorpusError("it does not have the four parts of a choir")
    marks = parts["Soprano"].recurse().getElementsByClass("MetronomeMark")
    # Their key signatures are those of old modes: a chorale in G minor may have one flat.
    return _piece(
        [(role, parts[voice]) for voice, role in _VOICES.items()],
        title=title,
        tempo_qpm=next((float(mark.getQuarterBPM()) for mark in marks), _CHORALE_QPM),
        program=_CHOIR,
    )


# --- tunes ----------------------------------------------------------------------------------


def _field(text: str, name: str) -> str:
    """The first field ``name`` of an ABC tune; empty if there is none."""
    found = re.search(rf"(?m)^{name}:(.*)$", text)
    return found[1].strip() if found else ""


def _dance(text: str) -> str:
    """The dance that an ABC tune's rhythm or title names; empty if they name none."""
    after_name = re.split(r" --|- +", _field(text, "T"))[-1]
    words = f"{_field(text, 'R')} {after_name}".lower().replace("slipjig", "slip jig")
    return next((dance for dance in _DANCES if dance in words), "")


def _tune_title(raw: str, dance: str) -> str:
    """A title as one would write it: "COSMOPOLITE -- REEL., THE" is "The Cosmopolite Reel"."""
    raw = re.sub(r"^T:|(?<=at):+", "", raw.strip()).strip()  # damage done by some mail program
    article = re.search(r"[.,]+ *the$|^the ", raw, re.IGNORECASE)
    name = re.split(r" *--| *- +(?=[A-Za-z]+\.?$)", raw)[0]
    name = re.sub(r"^the |,? *the$|[\"]", "", name, flags=re.IGNORECASE).strip(" .,-")
    if sum(map(str.isupper, name)) > sum(map(str.islower, name)):
        name = re.sub(r"[A-Za-z][A-Za-z']*", lambda word: word[0].capitalize(), name)
        name = re.sub(r"\bMc([a-z])", lambda word: "Mc" + word[1].upper(), name)
    first, *others = name.split()
    words = [first, *(w.lower() if w.lower() in _SMALL_WORDS else w for w in others)]
    if dance and dance.split()[-1] not in name.lower():
        words.append(dance.title())
    return " ".join(["The", *words] if article else words)


def _tune_encoder(text: str) -> str:
    """Who typed an ABC tune in, without the address that follows the name."""
    for field in (_field(text, "Z"), _field(text, "N"), _field(text, "S")):
        name = r"[A-Z][a-z]*\.?(?=[\s,<]|$)"
        found = re.match(rf"(?:Contributed)?[ \d]*(?:by)? *({name}(?: +{name})+)", field)
        if found:
            return found[1].rstrip(".")
    return "an unnamed encoder"


def _tune(text: str, title: str, dance: str) -> Piece:
    # Fingerings and bowings stand in quotation marks; music21 loses notes beside some of them.
    score = _parse(re.sub(r'"[^"\n]*"', "", text))
    signatures = score.recurse().getElementsByClass("TimeSignature")
    if not score.parts or not signatures:
        raise CorpusError("it has no notes or no meter")
    quarters = float(signatures[0].barDuration.quarterLength)
    pulses_a_minute, program = _DANCES.get(dance, _ANY_DANCE)
    return _piece(
        [(Role.MELODY, score.parts[0])],
        title=title,
        tempo_qpm=pulses_a_minute * quarters / _PULSES.get(signatures[0].ratioString, 2),
        program=program,
        key=_stated_key(score),
    )


def _stated_key(score: Any) -> Key | None:
    """The first key of an ABC tune if it is major or minor, not Dorian or the like."""
    for signature in score.recurse().getElementsByClass("Key"):
        if signature.mode in ("major", "minor"):
            return Key(tonic=signature.tonic.pitchClass, mode=Mode(signature.mode))
        break
    return None


# --- scores ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """A measure as written: its place in its part, its length and the meter it stands in."""

    index: int
    steps: int
    meter: Meter

    @property
    def is_short(self) -> bool:
        return self.steps < self.meter.steps


def _piece(
    parts: Sequence[tuple[Role, Any]],
    *,
    title: str,
    tempo_qpm: float,
    program: int,
    key: Key | None = None,
) -> Piece:
    """Parts of a score as a piece, in the key that its notes suggest if none is given.

    Raises:
        CorpusError: if its bars cannot be made out.
    """
    try:
        measures = _measures([part for _, part in parts])
        meters, starts = _lay_bars(measures)
    except ClipError as error:
        raise CorpusError(str(error)) from error
    tracks = []
    off_grid: list[bool] = []
    for role, part in parts:
        in_part = []
        for onset, length, pitch in _notes(part, starts):
            off_grid.append(onset.denominator != 1)
            in_part.append(
                Note(
                    start=floor(onset + Fraction(1, 2)),
                    role=role,
                    pitch=pitch,
                    duration=max(1, floor(length + Fraction(1, 2))),
                )
            )
        tracks.append(Track(notes=tuple(in_part), name=role.label, program=program))
    if not off_grid:
        raise CorpusError("it has no notes")
    bars: list[Bar] = []
    for meter in meters:
        start = bars[-1].end if bars else 0
        bars.append(Bar(start=start, meter=meter, tempo_qpm=tempo_qpm))
    notes, programs = assign_roles(tracks)
    return Piece(
        bars=tuple(bars),
        notes=notes,
        key=key or estimate_key(notes),
        programs=programs,
        title=title,
        off_grid=sum(off_grid) / len(off_grid),
    )


def _measures(parts: Sequence[Any]) -> list[_Measure]:
    """The measures that are played, as long as the longest part makes them."""
    columns = [list(part.getElementsByClass("Measure")) for part in parts]
    if len({len(column) for column in columns}) != 1:
        raise CorpusError("its parts differ in their number of measures")
    first = columns[0]
    skipped = _first_endings(parts[0], first)
    result: list[_Measure] = []
    meter: Meter | None = None
    for index, measure in enumerate(first):
        meter = _meter(first, index, meter)
        length = max(Fraction(column[index].highestTime) for column in columns)
        steps = STEPS_PER_BEAT * length
        if steps == 0 or index in skipped:
            continue
        if steps.denominator != 1:
            raise CorpusError(f"measure {measure.number} lasts {length} quarter notes")
        result.append(_Measure(index=index, steps=int(steps), meter=meter))
    return result


def _meter(measures: Sequence[Any], index: int, before: Meter | None) -> Meter:
    """The meter of a measure, in quarter notes if it is written in longer ones.

    Some files state a meter of its own for a measure that is merely cut short by a repeat sign;
    that one does not count.
    """
    signature = measures[index].timeSignature
    if signature is None:
        if before is None:
            raise CorpusError("it has no meter")
        return before
    is_last = index + 1 == len(measures)
    lasts_one_measure = is_last or measures[index + 1].timeSignature is not None
    steps = STEPS_PER_BEAT * Fraction(signature.barDuration.quarterLength)
    if before is not None and steps < before.steps and lasts_one_measure:
        return before
    factor = max(1, 4 // signature.denominator)
    return Meter(numerator=signature.numerator * factor, denominator=signature.denominator * factor)


def _first_endings(part: Any, measures: Sequence[Any]) -> set[int]:
    """Indices of the measures under a bracket 1 that are directly followed by a bracket 2."""
    index = {id(measure): i for i, measure in enumerate(measures)}
    spans = {}
    for bracket in part.recurse().getElementsByClass("RepeatBracket"):
        places = [index[id(m)] for m in bracket.getSpannedElements() if id(m) in index]
        if places:
            spans[min(places)] = (str(bracket.number), max(places))
    skipped: set[int] = set()
    for start, (number, end) in spans.items():
        if number.startswith("1") and spans.get(end + 1, ("", 0))[0].startswith("2"):
            skipped.update(range(start, end + 1))
    return skipped


def _lay_bars(measures: Sequence[_Measure]) -> tuple[list[Meter], dict[int, int]]:
    """The meter of every bar, and the step at which each measure (by its index) starts.

    Raises:
        CorpusError: if too many bars have not the length that their meter says.
    """
    meters: list[Meter] = []
    starts: dict[int, int] = {}
    at = n_odd = 0
    groups = list(_bars_of(measures))
    for i, group in enumerate(groups):
        meter = group[0].meter
        steps = sum(measure.steps for measure in group)
        if i == 0 and steps < meter.steps:
            meter = Meter() if meter == _HALF_BAR else meter
            at = meter.steps - steps
        for measure in group:
            starts[measure.index] = at
            at += measure.steps
        if i in (0, len(groups) - 1) and steps < meter.steps:
            meters.append(meter)
        elif steps % meter.steps == 0:
            meters += [meter] * (steps // meter.steps)
        else:
            meters.append(_meter_of(steps))
            n_odd += 1
    if n_odd > _MAX_ODD_BARS * len(meters):
        raise CorpusError(f"{n_odd} of {len(meters)} bars are not as long as the meter says")
    return _pair(meters), starts


def _bars_of(measures: Sequence[_Measure]) -> Iterator[Sequence[_Measure]]:
    """Measures by bars: short ones that fill one bar together, or else one at a time."""
    i = 0
    while i < len(measures):
        stop, steps = i + 1, measures[i].steps
        if i > 0:  # what follows a pickup is not the rest of its bar
            while stop < len(measures) and steps < measures[i].meter.steps:
                steps += measures[stop].steps
                stop += 1
        if steps != measures[i].meter.steps:
            stop = i + 1
        yield measures[i:stop]
        i = stop


def _pair(meters: Iterable[Meter]) -> list[Meter]:
    """Bars of 2/4 two by two as 4/4; one left over at the end of the piece is filled up."""
    result: list[Meter] = []
    for meter, run in groupby(meters):
        n = len(tuple(run))
        if meter == _HALF_BAR:
            result += [Meter()] * (n // 2) + [meter] * (n % 2)
        else:
            result += [meter] * n
    if result and result[-1] == _HALF_BAR:
        result[-1] = Meter()
    return result


def _meter_of(steps: int) -> Meter:
    """The meter, counted in notes as long as possible, whose bar has ``steps``."""
    for denominator in (4, 8, 16):
        numerator, rest = divmod(steps * denominator, 4 * STEPS_PER_BEAT)
        if rest == 0:
            return Meter(numerator=numerator, denominator=denominator)
    raise CorpusError(f"a bar lasts {Fraction(steps, STEPS_PER_BEAT)} quarter notes")


def _notes(part: Any, starts: Mapping[int, int]) -> Iterator[tuple[Fraction, Fraction, int]]:
    """(start, length, MIDI pitch) of a part's notes, in steps, tied ones as one."""
    tied: dict[int, tuple[Fraction, Fraction]] = {}
    for index, measure in enumerate(part.getElementsByClass("Measure")):
        if index not in starts:
            continue
        for element in measure.flatten().notes:
            if element.duration.isGrace or "ChordSymbol" in element.classes:
                continue
            start = starts[index] + STEPS_PER_BEAT * Fraction(element.offset)
            length = STEPS_PER_BEAT * Fraction(element.quarterLength)
            for note in element.notes if element.isChord else (element,):
                pitch = int(note.pitch.midi)
                begun, so_far = tied.pop(pitch, (start, Fraction(0)))
                if begun + so_far != start:  # the other end of that tie is not played
                    yield begun, so_far, pitch
                    begun, so_far = start, Fraction(0)
                if note.tie is not None and note.tie.type in ("start", "continue"):
                    tied[pitch] = (begun, so_far + length)
                else:
                    yield begun, so_far + length, pitch
    for pitch, (begun, so_far) in tied.items():
        yield begun, so_far, pitch
