"""Chooses the clips of the map from a built corpus: ``python -m scripts.make_map``.

Only sources whose music and encoding may be shown are used: no song in copyright, no arrangement by
a program. What the shipped model makes of the clips is added by ``python -m musicgen_vae assets``.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from musicgen_vae.corpus.cache import read_items
from musicgen_vae.corpus.demo_set import demo_clips
from musicgen_vae.corpus.shards import PieceInfo
from musicgen_vae.corpus.sources import Failure, SourcePiece, openewld
from musicgen_vae.generation.atlas import ATLAS_FOLDER, save_clips

SHOWN = (
    "chorales", "freedoom", "groove", "lieder", "openewld", "openhymnal", "quartets",
    "ryansMammoth",
)  # fmt: skip
"""Sources, as the build's cache calls them. Of the encodings of Aird's and O'Neill's books too
little is known to ship them."""
_LAST_YEAR = 1929
"""Popular songs of later years may still be in copyright somewhere."""
_UNFIT = ("porno",)
"""Words in titles that do not belong in a class room."""


def may_be_shown(item: SourcePiece | Failure) -> bool:
    """Whether a piece is surely free and fit; of popular songs the year must be known."""
    if isinstance(item, Failure):
        return True
    if any(word in item.piece.title.lower() for word in _UNFIT):
        return False
    if item.source != openewld.SOURCE:
        return True
    year = item.labels.get("year", "")
    return year.isdigit() and int(year) <= _LAST_YEAR


def main() -> None:
    """Read, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="how many clips (default 2000)")
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="a built one")
    parser.add_argument("--out", type=Path, default=ATLAS_FOLDER)
    arguments = parser.parse_args()
    kept = [arguments.corpus / "cache" / f"{name}.jsonl.gz" for name in SHOWN]
    missing = [path.name for path in kept if not path.exists()]
    if missing:
        parser.error(f"the corpus was built without {', '.join(missing)}")
    items = filter(may_be_shown, chain.from_iterable(map(read_items, kept)))
    chosen = demo_clips(items, n=arguments.n)
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
