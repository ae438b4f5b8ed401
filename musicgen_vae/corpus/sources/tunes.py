"""Dance tunes and airs of three old books, as they come with music21 in ABC.

"Ryan's Mammoth Collection" (Boston, 1883): 1,059 fiddle tunes. James Aird, "A Selection of Scotch,
English, Irish and Foreign Airs" (Glasgow, 1782 to 1801): 1,180 airs for fife, violin or flute.
Francis O'Neill, "Music of Ireland" (Chicago, 1903): 1,850 airs, jigs, reels and hornpipes, some of
them typed in twice. Many tunes stand in more than one book; ``corpus.duplicates`` finds them.

This module knows the books and what their files say of a tune; ``music21_scores`` knows scores.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.music21_scores import (
    LICENCE,
    corpus_folder,
    piece_of_parts,
    split_of_title,
)
from musicgen_vae.corpus.sources.scores import parse_score
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Mode, Piece, Role

DANCE_STYLE, AIR_STYLE = "fiddle tune", "folk air"


@dataclass(frozen=True, kw_only=True)
class Book:
    """A book of tunes.

    Attributes:
        source: its name.
        folder: in music21's corpus.
        parts: (last number, dance) of successive parts of it, where its tunes are numbered and
            most do not say which dance they are.
    """

    source: str
    folder: str
    parts: tuple[tuple[int, str], ...] = ()


RYAN = Book(source="Ryan's Mammoth Collection (music21 corpus)", folder="ryansMammoth")
AIRD = Book(source="Aird's Airs (music21 corpus)", folder="airdsAirs")
ONEILL = Book(
    source="O'Neill's Music of Ireland (music21 corpus)",
    folder="oneills1850",
    parts=(
        (700, "air"),
        (1115, "jig"),
        (1175, "slip jig"),
        (1555, "reel"),
        (1780, "hornpipe"),
        (1800, ""),
        (1850, "march"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Tune:
    """A tune as it stands in a file.

    Attributes:
        book: where it is from.
        song: its file, and its number where a file has several.
        text: in ABC, from its field X on.
    """

    book: Book
    song: str
    text: str


_DANCES = {
    "slip jig": (108.0, 73),
    "clog": (76.0, 21),
    "hornpipe": (80.0, 21),
    "strathspey": (66.0, 40),
    "fling": (72.0, 40),
    "slide": (120.0, 73),
    "jig": (112.0, 73),
    "reel": (104.0, 40),
    "waltz": (132.0, 40),
    "march": (100.0, 73),
    "air": (66.0, 73),
}
"""Pulses a minute at which a dance is usually played, and an instrument that plays it: violin,
accordion or flute. Where a file says two things, such as reel and clog, the earlier is meant."""
_ANY_DANCE = (96.0, 40)
_PULSES = {"9/8": 3, "12/8": 4, "3/4": 3}
"""Pulses in a bar; two in any other meter."""
_MINSTREL = re.compile(r"coon|wood ?pile|walk ?around|essence ?of|negro", re.IGNORECASE)
"""Tunes of minstrel shows, which mocked Black Americans, with titles that do so too."""
_SMALL_WORDS = frozenset("a and at in o' of on or the to".split())
UNTITLED = "Untitled"


def list_tunes(book: Book) -> tuple[Tune, ...]:
    """The tunes of a book, in the order of its files.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    tunes: list[Tune] = []
    for path in sorted(corpus_folder(book.folder).glob("*.abc")):
        texts = [text for text in re.split(r"(?m)^(?=X:)", _text(path)) if text.startswith("X:")]
        seen: Counter[str] = Counter()
        for text in texts:
            number = _field(text, "X")
            seen[number] += 1
            again = f"-{seen[number]}" if seen[number] > 1 else ""
            song = f"{path.stem}/{number}{again}" if len(texts) > 1 else path.stem
            tunes.append(Tune(book=book, song=song, text=text))
    return tuple(tunes)


def read_book(book: Book, songs: Collection[str] | None = None) -> Iterator[SourcePiece | Failure]:
    """The tunes of a book, all melody, at their own tempo or a dancer's.

    Args:
        book: one of the three.
        songs: which ones, such as "DevilsDreamReel" of Ryan's; all if None.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    for tune in list_tunes(book):
        if songs is None or tune.song in songs:
            yield read_tune(tune)


def read_tune(tune: Tune) -> SourcePiece | Failure:
    """One tune; a ``Failure`` says why it cannot be used."""
    book = tune.book
    dance = _dance(tune.text) or _part(book, tune.text)
    title = _tune_title(_field(tune.text, "T"), "" if book.parts else dance)
    try:
        if _MINSTREL.search(f"{tune.song} {title}"):
            raise CorpusError("a minstrel tune, whose title is not fit to be shown")
        piece = _tune(tune.text, title, dance)
    except CorpusError as error:
        return Failure(source=book.source, song=tune.song, reason=str(error))
    return SourcePiece(
        piece=piece,
        source=book.source,
        song=tune.song,
        licence=LICENCE.format(_tune_encoder(tune.text)),
        style=AIR_STYLE if dance == "air" else DANCE_STYLE,
        split=split_of_title(title.lower()),  # some tunes are there twice
        labels={"dance": dance} if dance else {},
    )


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _part(book: Book, text: str) -> str:
    """The dance that a tune's number tells; empty if it tells none."""
    found = re.search(r"\d+", _field(text, "X"))
    number = int(found[0]) if found else 0
    return next((dance for last, dance in book.parts if number <= last), "")


def _field(text: str, name: str) -> str:
    """The first field ``name`` of an ABC tune; empty if there is none."""
    found = re.search(rf"(?m)^{name}:(.*)$", text)
    return found[1].strip() if found else ""


def _dance(text: str) -> str:
    """The dance that an ABC tune's rhythm or title names; empty if they name none."""
    after_name = re.split(r" --|- +", _field(text, "T"))[-1]
    words = f"{_field(text, 'R')} {after_name}".lower().replace("slipjig", "slip jig")
    return next((dance for dance in _DANCES if re.search(rf"\b{dance}s?\b", words)), "")


def _tune_title(raw: str, dance: str) -> str:
    """A title as one would write it: "COSMOPOLITE -- REEL., THE" is "The Cosmopolite Reel"."""
    raw = re.sub(r"^T:|(?<=at):+", "", raw.strip()).strip()  # damage done by some mail program
    article = re.search(r"[.,]+ *the$|^the ", raw, re.IGNORECASE)
    name = re.split(r" *--| *- +(?=[A-Za-z]+\.?$)", raw)[0]
    name = re.sub(r"^the |,? *the$|[\"]", "", name, flags=re.IGNORECASE).strip(" .,-")
    if sum(map(str.isupper, name)) > sum(map(str.islower, name)):
        name = re.sub(r"[A-Za-z][A-Za-z']*", lambda word: word[0].capitalize(), name)
        name = re.sub(r"\b(Mc|O')([a-z])", lambda word: word[1] + word[2].upper(), name)
    first, *others = name.split() or [UNTITLED]
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
    # Fingerings and bowings stand in quotation marks; music21 loses notes beside some of them. The
    # few tempos that are given count in units of all sorts.
    score = parse_score(re.sub(r'"[^"\n]*"|(?m:^Q:.*\n)', "", text))
    signatures = score.recurse().getElementsByClass("TimeSignature")
    if not score.parts or not signatures:
        raise CorpusError("it has no notes or no meter")
    quarters = float(signatures[0].barDuration.quarterLength)
    pulses_a_minute, program = _DANCES.get(dance, _ANY_DANCE)
    return piece_of_parts(
        [(Role.MELODY, score.parts[0])],
        title=title,
        tempo_qpm=_stated_tempo(text)
        or pulses_a_minute * quarters / _PULSES.get(signatures[0].ratioString, 2),
        program=program,
        key=_stated_key(score),
    )


def _stated_tempo(text: str) -> float | None:
    """Quarter notes a minute from a field such as "Q:3/8=120", if there is one."""
    found = re.match(r"(\d+)/(\d+) *= *(\d+)", _field(text, "Q"))
    return 4.0 * int(found[1]) / int(found[2]) * int(found[3]) if found else None


def _stated_key(score: Any) -> Key | None:
    """The first key of an ABC tune if it is major or minor, not Dorian or the like."""
    for signature in score.recurse().getElementsByClass("Key"):
        if signature.mode in ("major", "minor"):
            return Key(tonic=signature.tonic.pitchClass, mode=Mode(signature.mode))
        break
    return None
