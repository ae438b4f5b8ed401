"""Pieces that were read once, on disk, so that a build goes on where it was stopped.

A file holds the pieces of one source, one JSON line each, behind a fingerprint of the files they
were read from and of the code that read them; where either changed, the source is read again. This
module knows pieces; it does not know data sets.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.music.clip import Bar, Key, Meter, Note, Piece, Role

_PACKAGE = Path(__file__).resolve().parents[1]
_NAME = __name__.split(".")[0]


def fingerprint(source: str, reader: str, paths: Iterable[Path]) -> str:
    """What identifies a reading: names, sizes and times of the files, and the code that reads.

    Args:
        source: name of the data set.
        reader: module that reads it; what it imports from this package counts as well.
        paths: files, or folders of which every file counts.
    """
    digest = hashlib.sha256(source.encode())
    for code in sorted(code_of(reader)):
        digest.update(code.read_bytes())
    for root in paths:
        for path in sorted([root] if root.is_file() else root.rglob("*")):
            if path.is_file():
                stat = path.stat()
                digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def code_of(module: str) -> set[Path]:
    """Source files of a module of this package and of all that it imports from it."""
    found: set[Path] = set()
    names = [module]
    while names:
        path = _PACKAGE.joinpath(*names.pop().split(".")[1:])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(_NAME):
                # What is imported may be a name in the module or a module in the package.
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def save_items(path: Path, mark: str, items: Iterable[SourcePiece | Failure]) -> None:
    """Write what a source gave, behind ``mark``; a cut leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with (
        new.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, compresslevel=1) as f,
    ):
        f.write(json.dumps(mark).encode() + b"\n")
        for item in items:
            data = _failure_data(item) if isinstance(item, Failure) else _piece_data(item)
            f.write(json.dumps(data, ensure_ascii=False).encode() + b"\n")
    new.replace(path)


def load_items(path: Path, mark: str) -> Iterator[SourcePiece | Failure] | None:
    """What ``save_items`` wrote; None where there is nothing, or not behind this ``mark``."""
    try:
        with gzip.open(path) as file:
            if json.loads(file.readline()) != mark:
                return None
    except (OSError, ValueError, EOFError):
        return None
    return read_items(path)


def read_items(path: Path) -> Iterator[SourcePiece | Failure]:
    """What ``save_items`` wrote, behind whatever mark."""
    with gzip.open(path) as file:
        file.readline()
        for line in file:
            data = json.loads(line)
            yield Failure(**data) if "reason" in data else _source_piece(data)


def _failure_data(item: Failure) -> dict[str, Any]:
    return {"source": item.source, "song": item.song, "reason": item.reason}


def _piece_data(item: SourcePiece) -> dict[str, Any]:
    piece = item.piece
    return {
        "source": item.source,
        "song": item.song,
        "licence": item.licence,
        "style": item.style,
        "split": item.split,
        "labels": dict(item.labels),
        "title": piece.title,
        "key": str(piece.key),
        "programs": piece.programs,
        "beats_estimated": piece.beats_estimated,
        "off_grid": piece.off_grid,
        "bars": [(str(bar.meter), bar.tempo_qpm) for bar in piece.bars],
        "notes": [(n.start, n.role, n.pitch, n.duration, n.velocity) for n in piece.notes],
    }


def _source_piece(data: dict[str, Any]) -> SourcePiece:
    bars, start = [], 0
    for meter, tempo_qpm in data["bars"]:
        bar = Bar(start=start, meter=Meter.parse(meter), tempo_qpm=tempo_qpm)
        bars.append(bar)
        start = bar.end
    piece = Piece(
        bars=tuple(bars),
        notes=tuple(
            Note(start=start, role=Role(role), pitch=pitch, duration=duration, velocity=velocity)
            for start, role, pitch, duration, velocity in data["notes"]
        ),
        key=Key.parse(data["key"]),
        programs=tuple(data["programs"]),
        title=data["title"],
        beats_estimated=data["beats_estimated"],
        off_grid=data["off_grid"],
    )
    return SourcePiece(
        piece=piece,
        source=data["source"],
        song=data["song"],
        licence=data["licence"],
        style=data["style"],
        split=data["split"],
        labels=data["labels"],
    )
