"""Bach's four-part chorales, as they come with music21.

Some 400 chorales by Johann Sebastian Bach as MusicXML. This module knows which files they are and
which part is which voice; ``music21_scores`` knows scores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.chorale_split import split_of_chorale
from musicgen_vae.corpus.sources.music21_scores import (
    LICENCE,
    corpus_folder,
    piece_of_parts,
)
from musicgen_vae.corpus.sources.scores import music21_module, parse_score
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Piece, Role

CHORALES = "Bach chorales (music21 corpus)"

_VOICES = {
    "Soprano": Role.MELODY,
    "Alto": Role.HARMONY,
    "Tenor": Role.HARMONY,
    "Bass": Role.BASS,
}
_NOT_CHORALES = ("bwv846",)
_CHORALE_QPM = 80.0
_CHOIR = 52
"""General MIDI program."""


def list_chorales() -> tuple[str, ...]:
    """File names without suffix, such as "bwv269", in order.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    paths = corpus_folder("bach").iterdir()
    names = sorted(path.stem for path in paths if path.suffix in (".mxl", ".xml"))
    return tuple(name for name in names if name not in _NOT_CHORALES)


def read_chorales(names: Collection[str] | None = None) -> Iterator[SourcePiece | Failure]:
    """Bach's four-part chorales: soprano as melody, alto and tenor as harmony, bass as bass.

    Instruments that play along are left out. The three Humdrum files repeat chorales that are also
    there as MusicXML, and their headers reserve all rights; they are not read.

    Args:
        names: of ``list_chorales``; all if None.

    Raises:
        CorpusError: if music21 or its corpus is not there.
    """
    for name in list_chorales():
        if names is None or name in names:
            yield read_chorale(name)


def read_chorale(name: str) -> SourcePiece | Failure:
    """One of ``list_chorales``; a ``Failure`` says why it cannot be used."""
    folder = corpus_folder("bach")
    path = folder / f"{name}.mxl"
    path = path if path.is_file() else folder / f"{name}.xml"
    number = name.removeprefix("bwv")
    titles = _chorale_titles()
    first_line = titles.get(number, "")
    title = f"{first_line} (BWV {number})" if first_line else f"Chorale BWV {number}"
    try:
        score = parse_score(path)
        piece = _chorale(score, title)
    except CorpusError as error:
        return Failure(source=CHORALES, song=name, reason=str(error))
    return SourcePiece(
        piece=piece,
        source=CHORALES,
        song=name,
        licence=LICENCE.format(_chorale_encoder(score)),
        style="chorale",
        split=split_of_chorale(number, titles),
        labels={"composer": "Johann Sebastian Bach"},
    )


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
    # Their key signatures are those of old modes: a chorale in G minor may have one flat.
    return piece_of_parts(
        [(role, parts[voice]) for voice, role in _VOICES.items()],
        title=title,
        tempo_qpm=_CHORALE_QPM,
        program=_CHOIR,
    )
