"""Freedoom: the music of a free first-person shooter, about a hundred tunes for rock bands.

Freedoom (https://freedoom.github.io) replaces the data of the game Doom by free ones. Its music is
written for General MIDI: drums, bass, guitars, synthesizers. ``music.midi`` reads the files; this
module knows which of them are music, what they are called and who wrote them. The game's licence
(BSD, three clauses) covers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.midi import read_midi

SOURCE = "freedoom"
LICENCE = "BSD-3-Clause"
STYLE = "game rock"
_NOT_MUSIC = ("dummy",)
_CREDIT = re.compile(r'^\s*(E\dM\d|MAP\d\d|DM\d\d)\s*:\s*"(?P<title>.+)" by (?P<composer>.+?)\s*$')
"""A line of CREDITS-MUSIC that names a level, such as: E1M1: "Steel and Brass" by J.Astartes"""


def list_songs(freedoom_dir: Path) -> tuple[str, ...]:
    """Names of the files without suffix, such as "d_e1m1", in order.

    Raises:
        CorpusError: if there are none.
    """
    songs = sorted(path.stem for path in (freedoom_dir / "musics").glob("*.mid"))
    if not songs:
        raise CorpusError(f"{freedoom_dir / 'musics'} has no .mid files: give Freedoom's folder")
    return tuple(song for song in songs if song not in _NOT_MUSIC)


def read_freedoom(freedoom_dir: Path) -> Iterator[SourcePiece | Failure]:
    """Every tune, in the order of the files' names.

    Args:
        freedoom_dir: with the folder ``musics`` and, for titles and composers, ``CREDITS-MUSIC``.

    Raises:
        CorpusError: if there is no music in it.
    """
    for song in list_songs(freedoom_dir):
        yield read_song(freedoom_dir, song)


def read_song(freedoom_dir: Path, song: str) -> SourcePiece | Failure:
    """One tune; a ``Failure`` says why it cannot be used."""
    title, labels = _credit(freedoom_dir, song)
    try:
        piece = read_midi((freedoom_dir / "musics" / f"{song}.mid").read_bytes(), title=title)
    except (InputError, OSError) as error:
        return Failure(source=SOURCE, song=song, reason=str(error))
    return SourcePiece(
        piece=piece if piece.title else replace(piece, title=song.removeprefix("d_")),
        source=SOURCE,
        song=song,
        licence=LICENCE,
        style=STYLE,
        split=split_of(f"{SOURCE}/{title or song}"),  # a tune that is there twice has one title
        labels=labels,
    )


def _credit(freedoom_dir: Path, song: str) -> tuple[str, Mapping[str, str]]:
    """Title and composer of a level's tune; empty where the credits do not name it."""
    path = freedoom_dir / "CREDITS-MUSIC"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        found = _CREDIT.match(line)
        if found and f"d_{found[1].lower()}" == song:
            return found["title"], {"composer": found["composer"]}
    return "", {}
