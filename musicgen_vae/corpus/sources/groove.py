"""Groove MIDI Dataset: drummers playing an electronic kit to a click.

1,150 performances by ten drummers (Gillick et al., "Learning to Groove with Inverse Sequence
Transformations", ICML 2019; https://magenta.tensorflow.org/datasets/groove; CC BY 4.0), of which
more than half are fills of a bar or two. They are humanly timed: each hit is moved to the nearest
sixteenth or eighth triplet of its beat, so that what is played is kept and how it is felt is not.

This module knows the table ``info.csv`` and files recorded to a click; ``music.roles`` knows which
sound of the kit (a Roland TD-11) is which drum.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.beats import quantize
from musicgen_vae.music.clip import BARS_PER_CLIP, STEPS_PER_BEAT, Bar, Meter, Note, Piece, Role
from musicgen_vae.music.midi import scan_midi
from musicgen_vae.music.roles import Track, assign_roles

SOURCE = "groove"
LICENCE = "CC-BY-4.0"
STYLE = "drum groove"
"""Of all of them: a visitor who asks for rock wants a band; the table's style is a label."""
_COLUMNS = {"id", "style", "time_signature", "midi_filename", "split"}
_FAR_OFF = 1.25
"""A hit this many steps or more from where it is put may be meant to be elsewhere."""
_SHUFFLE_ODDS = 4.0
"""In a shuffle, how much worse than sixteenths (squared) triplets may fit a beat: the long and
short eighths of drummers lie between the two."""
_MAX_FAR_OFF = 0.1
"""Share of such hits, of which there are one in six if hits fall anywhere, that is passed over."""

Row = Mapping[str, str]


def list_songs(groove_dir: Path) -> tuple[Row, ...]:
    """The rows of the table, by id.

    Raises:
        CorpusError: if there is no table or it lacks a column.
    """
    path = groove_dir / "info.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read: give the folder that holds it") from error
    if not rows or not rows[0].keys() >= _COLUMNS:
        raise CorpusError(f"{path} does not have the columns {', '.join(sorted(_COLUMNS))}")
    return tuple(sorted(rows, key=lambda row: row["id"]))


def read_groove(groove_dir: Path) -> Iterator[SourcePiece | Failure]:
    """Every performance, in the order of their ids.

    Args:
        groove_dir: with ``info.csv`` and the folders ``drummer1`` to ``drummer10``.

    Raises:
        CorpusError: if there is no table.
    """
    for row in list_songs(groove_dir):
        yield read_song(groove_dir, row)


def read_song(groove_dir: Path, row: Row) -> SourcePiece | Failure:
    """One performance, a row of the table; a ``Failure`` says why it cannot be used."""
    try:
        piece = _piece(
            (groove_dir / row["midi_filename"]).read_bytes(),
            Meter.parse(row["time_signature"].replace("-", "/")),
            title=f"{row['style'].replace('/', ', ')} by {row['id'].split('/')[0]}",
        )
        return SourcePiece(
            piece=piece,
            source=SOURCE,
            song=row["id"],
            licence=LICENCE,
            style=STYLE,
            split=row["split"],
            labels={"played as": row["style"]},
        )
    except (InputError, OSError) as error:
        return Failure(source=SOURCE, song=row["id"], reason=str(error))


def _piece(data: bytes, meter: Meter, *, title: str) -> Piece:
    """The hits on the grid of the file's ticks, less empty bars at the beginning."""
    scan = scan_midi(data)
    hits = [
        (tick / scan.ticks_per_quarter, pitch, velocity)
        for _, events in scan.tracks
        for tick, status, pitch, velocity in events
        if 0x90 <= status < 0xA0 and velocity
    ]
    beats = np.array([beat for beat, _, _ in hits])
    steps = _steps(beats)
    far_off = float((np.abs(STEPS_PER_BEAT * beats - steps) >= _FAR_OFF).mean())
    first = int(steps.min()) // meter.steps
    n_bars = int(steps.max()) // meter.steps + 1 - first
    if n_bars < BARS_PER_CLIP:
        raise CorpusError(f"shorter than {BARS_PER_CLIP} bars")
    if far_off > _MAX_FAR_OFF:
        raise CorpusError("the hits do not keep to sixteenths or triplets of the click")
    hit_notes = tuple(
        Note(
            start=int(step) - first * meter.steps,
            role=Role.DRUMS,
            pitch=pitch,
            duration=1,
            velocity=velocity // 16,
        )
        for step, (_, pitch, velocity) in zip(steps, hits, strict=True)
    )
    notes, programs = assign_roles([Track(notes=hit_notes, is_drum=True)])
    tempo_qpm = 60e6 / scan.tempos[0][1]
    return Piece(
        bars=tuple(
            Bar(start=i * meter.steps, meter=meter, tempo_qpm=tempo_qpm) for i in range(n_bars)
        ),
        notes=notes,
        programs=programs,
        title=title,
    )


def _steps(beats: NDArray[np.float64]) -> NDArray[np.int_]:
    """Grid steps of hits; where most off-beat hits are triplets, those between are too."""
    steps = quantize(beats)
    part = steps % STEPS_PER_BEAT
    triplets = int(np.isin(part, (4, 8)).sum())
    sixteenths = int(np.isin(part, (3, 9)).sum())
    return quantize(beats, _SHUFFLE_ODDS) if triplets > sixteenths else steps
