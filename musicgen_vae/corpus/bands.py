"""Which songs are arranged for a band, and in which manner: melodies of POP909 and lead sheets.

Every song is arranged once or twice, in grooves chosen by a hash of its name, so that all grooves
get about as many songs. This module knows which songs have chords; ``arrange`` plays them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from musicgen_vae.corpus.arrange import arrange_song, grooves_for
from musicgen_vae.corpus.chords import QUALITIES, Chord
from musicgen_vae.corpus.sources import Failure, SourcePiece, openewld, pop909
from musicgen_vae.corpus.sources.lead_sheets import ChordSymbol


def arrange_pop909(
    pop909_dir: Path, pop909_cl_dir: Path, song: str
) -> tuple[SourcePiece | Failure, ...]:
    """One song of POP909 with one band; nothing where the song itself cannot be read."""
    found = pop909.read_with_chords(pop909_dir, pop909_cl_dir, song)
    if isinstance(found, Failure):
        return ()
    item, chords = found
    return tuple(_arrange(item, chords, 1))


def arrange_openewld(entry: openewld.Entry) -> tuple[SourcePiece | Failure, ...]:
    """One lead sheet with two bands; nothing where the sheet itself cannot be read."""
    found = openewld.read_with_chords(entry)
    if isinstance(found, Failure):
        return ()
    item, symbols = found
    return tuple(_arrange(item, [chord_of(symbol) for symbol in symbols], 2))


def chord_of(symbol: ChordSymbol) -> Chord:
    """A chord symbol by the nearest quality that a band can play.

    The quality shares most semitones with the symbol and adds fewest; none where the symbol has
    fewer than two pitch classes.
    """
    wanted = {(pitch_class - symbol.root) % 12 for pitch_class in symbol.pitch_classes}
    if len(wanted) < 2:
        return Chord(start=symbol.start)

    def fit(name: str) -> tuple[int, int]:
        tones = set(QUALITIES[name])
        return len(tones & wanted) - len(tones - wanted), -len(tones)

    return Chord(
        start=symbol.start, root=symbol.root, quality=max(QUALITIES, key=fit), bass=symbol.bass
    )


def _arrange(item: SourcePiece, chords: Sequence[Chord], n: int) -> Iterator[SourcePiece | Failure]:
    grooves = grooves_for(item.piece)
    digest = hashlib.sha256(f"{item.source}/{item.song}".encode()).digest()
    place, seed = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    for i in range(min(n, len(grooves))):
        groove = grooves[(place + i * (len(grooves) // 2 + 1)) % len(grooves)]
        yield arrange_song(item, chords, groove, seed=seed + i)
