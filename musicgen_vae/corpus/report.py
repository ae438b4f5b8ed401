"""The page about the corpus, ``docs/data.md``, from what a build found.

This module knows where each source comes from and how to write tables; it does not read music.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.build import SYNTHETIC
from musicgen_vae.corpus.shards import SPLITS, PieceInfo
from musicgen_vae.markdown import table

_BEGIN, _END = "<!-- counts: written by the build -->", "<!-- end of counts -->"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a source comes from.

    Attributes:
        what: what it is, in a line.
        address: where it can be downloaded.
        version: commit or package that was read.
    """

    what: str
    address: str
    version: str


ORIGINS = {
    "pop909": Origin(
        what="Chinese pop songs, melody and piano (Wang et al., ISMIR 2020), bars and chords "
        "compared with POP909-CL",
        address="github.com/music-x-lab/POP909-Dataset, "
        "github.com/AndyWeasley2004/POP909-CL-Dataset",
        version="d83e6edb, be909439",
    ),
    "OpenScore Lieder": Origin(
        what="songs for voice and piano, 19th century",
        address="github.com/OpenScore/Lieder",
        version="bca12245",
    ),
    "OpenScore String Quartets": Origin(
        what="string quartets, 18th to early 20th century",
        address="github.com/OpenScore/StringQuartets",
        version="2c723a5b",
    ),
    "OpenEWLD": Origin(
        what="lead sheets of old popular songs (Simonetta, 2018)",
        address="github.com/00sapo/OpenEWLD",
        version="ec03cbd8",
    ),
    "freedoom": Origin(
        what="rock and metal of a computer game, for full bands",
        address="github.com/freedoom/freedoom",
        version="d14dbbee",
    ),
    "groove": Origin(
        what="drummers' performances (Gillick et al., ICML 2019)",
        address="magenta.tensorflow.org/datasets/groove",
        version="1.0.0",
    ),
    "openhymnal": Origin(
        what="hymns in four parts",
        address="openhymnal.org",
        version="d35811b2 of a mirror",
    ),
    "Bach chorales (music21 corpus)": Origin(
        what="chorales in four parts", address="pypi.org/project/music21", version="music21"
    ),
    "Ryan's Mammoth Collection (music21 corpus)": Origin(
        what="fiddle tunes, Boston 1883", address="pypi.org/project/music21", version="music21"
    ),
    "Aird's Airs (music21 corpus)": Origin(
        what="Scottish and other airs, Glasgow 1782 to 1803",
        address="pypi.org/project/music21",
        version="music21",
    ),
    "O'Neill's Music of Ireland (music21 corpus)": Origin(
        what="Irish tunes, Chicago 1903", address="pypi.org/project/music21", version="music21"
    ),
    "RISM incipits": Origin(
        what="openings of works in Plaine & Easie code", address="rism.online", version="as given"
    ),
    "folder": Origin(what="MIDI files of one's own", address="", version=""),
}


def corpus_tables(pieces: Sequence[PieceInfo], report: Mapping[str, Any]) -> str:
    """Tables of sources, styles and what was left out, in Markdown."""
    by_source, by_style = report["clips_by_source"], report["clips_by_style"]
    n_pieces = Counter(piece.source for piece in pieces if SYNTHETIC not in piece.labels)
    n_arranged = Counter(piece.source for piece in pieces if SYNTHETIC in piece.labels)
    failed = Counter(failure["source"] for failure in report["pieces_left_out"])
    licences: dict[str, Counter[str]] = defaultdict(Counter)
    labels: dict[str, set[str]] = defaultdict(set)
    for piece in pieces:
        licences[piece.source][piece.licence] += 1
        labels[piece.source].update(set(piece.labels) - {SYNTHETIC})
    rows = []
    for source in sorted(set(n_pieces) | set(failed)):
        origin = ORIGINS.get(source, ORIGINS["folder"])
        counts = by_source.get(source, dict.fromkeys(SPLITS, 0))
        rows.append(
            (
                source,
                origin.what,
                origin.address,
                origin.version,
                _most_common(licences[source]),
                ", ".join(sorted(labels[source])),
                n_pieces[source],
                n_arranged[source],
                failed[source],
                *(counts[split] for split in SPLITS),
            )
        )
    heads = (
        "source", "what", "address", "version", "licence", "labels", "pieces", "arranged for bands",
        "left out", *SPLITS,
    )  # fmt: skip
    lines = ["### Sources", "", "Clips are counted at a stride of four bars.", ""]
    lines += table(heads, rows)

    synthetic = report["synthetic_clips_by_style"]
    lines += ["", "### Styles", ""]
    lines += table(
        ("style", *SPLITS, "of the training clips arranged by MMA"),
        [
            (style, *(counts[s] for s in SPLITS), synthetic.get(style, {}).get("train", 0))
            for style, counts in by_style.items()
        ],
    )
    clips, windows = report["clips"], report["windows"]
    lines += [
        "",
        f"In all {clips['train']:,} clips for training ({windows['train']:,} windows that start at "
        f"any bar), {clips['validation']:,} for validation, {clips['test']:,} for testing. "
        f"{report['training_clips_with_all_roles']:,} training clips have all four roles. "
        f"{report['moved_to_another_split']:,} pieces changed their split to stand with a near "
        "duplicate.",
        "",
        "### Left out",
        "",
    ]
    lines += table(("windows", "why"), [(n, why) for why, n in report["windows_left_out"].items()])
    reasons: Counter[tuple[str, str]] = Counter(
        (failure["source"], _kind(failure["reason"])) for failure in report["pieces_left_out"]
    )
    lines += [""]
    lines += table(
        ("source", "pieces", "why"),
        [(source, n, why) for (source, why), n in sorted(reasons.items())],
    )
    return "\n".join(lines) + "\n"


def write_tables(path: Path, tables: str) -> None:
    """Put the tables into a page between its two marks, or write them as a page of their own."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if begin and end:
        tables = f"{before}{begin}\n\n{tables}\n{end}{after}"
    path.write_text(tables, encoding="utf-8")


def _most_common(counts: Counter[str]) -> str:
    """The most frequent text, and how many others there are."""
    if not counts:
        return ""
    (text, _), *others = counts.most_common()
    return f"{text}; {len(others)} more such" if others else text


def _kind(reason: str) -> str:
    """A reason without what is particular to the single case."""
    return re.sub(r"[\d./]*\d", "N", reason)[:70]
