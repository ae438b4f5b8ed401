"""Chooses the clips of the map from the music21 corpus: ``python -m scripts.make_map``.

Needs ``pip install music21``; takes about two minutes. What the shipped model makes of the clips is
added by ``python -m musicgen_vae assets``.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from musicgen_vae.corpus.demo_set import demo_clips
from musicgen_vae.corpus.shards import PieceInfo
from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.corpus.sources.chorales import read_chorales
from musicgen_vae.corpus.sources.tunes import RYAN, read_book
from musicgen_vae.generation.atlas import ATLAS_FOLDER, save_clips


def main() -> None:
    """Read, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1200, help="how many clips (default 1200)")
    parser.add_argument("--out", type=Path, default=ATLAS_FOLDER)
    arguments = parser.parse_args()
    read = chain(read_chorales(), read_book(RYAN))
    pieces = [item for item in read if isinstance(item, SourcePiece)]
    chosen = demo_clips(pieces, n=arguments.n)
    infos = [
        PieceInfo(
            title=c.title,
            source=c.source,
            song=c.song,
            licence=c.licence,
            style=c.style,
            labels=dict(c.labels),
        )
        for c in chosen
    ]
    distinct = [info for i, info in enumerate(infos) if info not in infos[:i]]
    clips = [
        (demo.clip, distinct.index(info), demo.first_bar)
        for demo, info in zip(chosen, infos, strict=True)
    ]
    save_clips(arguments.out, clips, distinct)
    print(f"{len(clips)} clips of {len(distinct)} pieces in {arguments.out}")


if __name__ == "__main__":
    main()
