"""What the readers of music21's own corpus share: where it lies, its licence, its pieces.

music21 (Cuthbert and Ariza, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music
Data", 2010) brings scores with it. This module knows what all of them have in common; ``scores``
knows how bars and notes come out of a score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources.scores import assemble, lay_out, music21_module, read_part
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Piece, Role

LICENCE = (
    "music in the public domain; encoding by {}, distributed with music21 (public domain or used "
    "by permission)"
)


def corpus_folder(name: str) -> Path:
    """Where a part of the corpus lies; raises ``CorpusError`` if it is not there."""
    folder = Path(str(music21_module("music21").__file__)).parent / "corpus" / name
    if not folder.is_dir():
        raise CorpusError(f"this music21 came without its corpus ({folder}): install it again")
    return folder


def split_of_title(song: str) -> str:
    """One in ten songs for validation and one for testing, the same ones every time."""
    number = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % 10
    return {0: "validation", 1: "test"}.get(number, "train")


def piece_of_parts(
    parts: Sequence[tuple[Role, Any]],
    *,
    title: str,
    tempo_qpm: float,
    program: int,
    key: Key | None = None,
) -> Piece:
    """Parts of a score as a piece, in the key that its notes suggest if none is given.

    Args:
        parts: a role and a music21 part each.
        title: of the piece.
        tempo_qpm: quarter notes a minute where the score says nothing.
        program: General MIDI program (0 to 127) of all parts.
        key: if it is known for sure.

    Raises:
        CorpusError: if its bars cannot be made out or it has no notes.
    """
    layout = lay_out([part for _, part in parts], tempo_qpm=tempo_qpm)
    read = [(role, read_part([part], layout)) for role, part in parts]
    return assemble(
        [(role, program, part.notes) for role, part in read],
        layout,
        n_off_grid=sum(len(part.off_grid) for _, part in read),
        title=title,
        key=key,
    )
