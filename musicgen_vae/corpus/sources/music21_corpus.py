"""The scores that come with music21: Bach's chorales and Ryan's Mammoth Collection.

music21 brings some 400 four-part chorales by Johann Sebastian Bach as MusicXML and the 1,059
fiddle tunes of "Ryan's Mammoth Collection" (Boston, 1883) as ABC.

This module knows which files these are, and their titles, voices and dances; ``scores`` knows how
bars and notes come out of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.chorale_split import split_of_chorale
from musicgen_vae.corpus.sources.scores import (
    assemble,
    lay_out,
    music21_module,
    parse_score,
    read_part,
)
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Mode, Piece, Role

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
            score = parse_score(path)
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
            split=split_of_chorale(number, titles),
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
    folder = Path(str(music21_module("music21").__file__)).parent / "corpus" / name
    if not folder.is_dir():
        raise CorpusError(f"this music21 came without its corpus ({folder}): install it again")
    return folder


def _split(song: str) -> str:
    """One in ten songs for validation and one for testing, the same ones every time."""
    number = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % 10
    return {0: "validation", 1: "test"}.get(number, "train")


# --- chorales -------------------------------------------------------------------------------


def _chorale_titles() -> dict[str, str]:
    """First line of each chorale by its BWV number, as far as music21 lists them."""
    chorales = music21_module("music21.corpus.chorales")
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
    layout = lay_out([parts[voice] for voice in _VOICES], tempo_qpm=_CHORALE_QPM)
    voices = {voice: read_part([parts[voice]], layout) for voice in _VOICES}
    # Their key signatures are those of old modes: a chorale in G minor may have one flat.
    return assemble(
        [(role, _CHOIR, voices[voice].notes) for voice, role in _VOICES.items()],
        layout,
        n_off_grid=sum(len(voice.off_grid) for voice in voices.values()),
        title=title,
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
    # Fingerings and bowings stand in quotation marks; music21 loses notes beside some of them. The
    # few tempos that are given count in units of all sorts.
    score = parse_score(re.sub(r'"[^"\n]*"|(?m:^Q:.*\n)', "", text))
    signatures = score.recurse().getElementsByClass("TimeSignature")
    if not score.parts or not signatures:
        raise CorpusError("it has no notes or no meter")
    quarters = float(signatures[0].barDuration.quarterLength)
    pulses_a_minute, program = _DANCES.get(dance, _ANY_DANCE)
    layout = lay_out(
        score.parts[:1],
        tempo_qpm=pulses_a_minute * quarters / _PULSES.get(signatures[0].ratioString, 2),
    )
    tune = read_part(score.parts[:1], layout)
    return assemble(
        [(Role.MELODY, program, tune.notes)],
        layout,
        n_off_grid=len(tune.off_grid),
        title=title,
        key=_stated_key(score),
    )


def _stated_key(score: Any) -> Key | None:
    """The first key of an ABC tune if it is major or minor, not Dorian or the like."""
    for signature in score.recurse().getElementsByClass("Key"):
        if signature.mode in ("major", "minor"):
            return Key(tonic=signature.tonic.pitchClass, mode=Mode(signature.mode))
        break
    return None
