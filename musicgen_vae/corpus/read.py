"""All sources that were asked for, one after another, by several processes where that pays.

What was read is kept under ``cache``; a source whose files and reader did not change is not read
again. This module knows which sources there are; each of them knows its own files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from musicgen_vae.corpus import bands
from musicgen_vae.corpus.cache import fingerprint, load_items, save_items
from musicgen_vae.corpus.sources import (
    Failure,
    SourcePiece,
    chorales,
    freedoom,
    groove,
    openewld,
    openhymnal,
    openscore,
    openscore_lieder,
    openscore_quartets,
    pop909,
    rism,
    tunes,
)
from musicgen_vae.corpus.sources.folder import read_folder
from musicgen_vae.errors import CorpusError

_REPORT_EVERY = 100
Item = SourcePiece | Failure


@dataclass(frozen=True, kw_only=True)
class Locations:
    """Where the data sets lie; what is None is left out.

    Attributes:
        pop909: the folder ``POP909`` of that data set.
        pop909_cl: the folder ``POP909_processed`` of POP909-CL; goes with ``pop909``.
        lieder: OpenScore Lieder.
        quartets: OpenScore String Quartets.
        openewld: OpenEWLD.
        freedoom: Freedoom.
        groove: the folder ``groove`` of the Groove MIDI Dataset.
        openhymnal: the Open Hymnal.
        rism: a table of RISM's incipits.
        folder: any folder of MIDI files.
        labels: a CSV file about that folder's files.
        music21: also the chorales and tunes that come with music21.
        bands: also POP909 and OpenEWLD arranged for bands by MMA.
    """

    pop909: Path | None = None
    pop909_cl: Path | None = None
    lieder: Path | None = None
    quartets: Path | None = None
    openewld: Path | None = None
    freedoom: Path | None = None
    groove: Path | None = None
    openhymnal: Path | None = None
    rism: Path | None = None
    folder: Path | None = None
    labels: Path | None = None
    music21: bool = False
    bands: bool = False

    def __post_init__(self) -> None:
        if not any(getattr(self, one.name) for one in fields(self)):
            raise CorpusError(
                "name a data set, such as --pop909 DIR --pop909-cl DIR, or --folder DIR"
            )
        if (self.pop909 is None) != (self.pop909_cl is None):
            raise CorpusError(
                "POP909 and POP909-CL are read together: give --pop909 and --pop909-cl"
            )
        if self.labels is not None and self.folder is None:
            raise CorpusError("--labels describes the files of --folder, which is missing")
        if self.bands and self.pop909 is None and self.openewld is None:
            raise CorpusError("--bands arranges the songs of --pop909 and --openewld: give one")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as tasks for several processes.

    Attributes:
        name: what the log and the cache call it.
        paths: files and folders it is read from.
        tasks: lists what there is to read.
        read: reads one of them; what it gives is in a fixed order.
    """

    name: str
    paths: tuple[Path, ...]
    tasks: Callable[[], Sequence[Any]]
    read: Callable[[Any], Item | tuple[Item, ...]]

    @property
    def reader(self) -> str:
        """The module of ``read``."""
        function = self.read.func if isinstance(self.read, partial) else self.read
        return str(function.__module__)


def sources_at(at: Locations) -> Iterator[Source]:
    """Every source at these locations but the plain folder, in a fixed order."""

    def make(
        name: str,
        folder: Path | None,
        tasks: Callable[[Path], Sequence[Any]],
        read: Callable[[Any], Item | tuple[Item, ...]],
    ) -> Iterator[Source]:
        if folder is not None:
            yield Source(name=name, paths=(folder,), tasks=partial(tasks, folder), read=read)

    if at.pop909 is not None and at.pop909_cl is not None:
        yield Source(
            name="pop909",
            paths=(at.pop909, at.pop909_cl),
            tasks=partial(pop909.list_songs, at.pop909),
            read=partial(pop909.read_song, at.pop909, at.pop909_cl),
        )
    yield from make("lieder", at.lieder, openscore.list_entries, openscore_lieder.read_song)
    yield from make(
        "quartets", at.quartets, openscore.list_entries, openscore_quartets.read_quartet
    )
    yield from make("openewld", at.openewld, openewld.list_songs, openewld.read_song)
    if at.freedoom is not None:
        read_doom = partial(freedoom.read_song, at.freedoom)
        yield from make("freedoom", at.freedoom, freedoom.list_songs, read_doom)
    if at.groove is not None:
        read_drums = partial(groove.read_song, at.groove)
        yield from make("groove", at.groove, groove.list_songs, read_drums)
    if at.openhymnal is not None:
        read_hymn = partial(openhymnal.read_song, at.openhymnal)
        yield from make("openhymnal", at.openhymnal, openhymnal.list_songs, read_hymn)
    yield from make(
        "rism", at.rism, lambda path: tuple(rism.list_incipits(path)), rism.read_incipit
    )
    if at.music21:
        yield Source(
            name="chorales", paths=(), tasks=chorales.list_chorales, read=chorales.read_chorale
        )
        for book in (tunes.RYAN, tunes.AIRD, tunes.ONEILL):
            yield Source(
                name=book.folder,
                paths=(),
                tasks=partial(tunes.list_tunes, book),
                read=tunes.read_tune,
            )
    if at.bands and at.pop909 is not None and at.pop909_cl is not None:
        yield Source(
            name="pop909-bands",
            paths=(at.pop909, at.pop909_cl),
            tasks=partial(pop909.list_songs, at.pop909),
            read=partial(bands.arrange_pop909, at.pop909, at.pop909_cl),
        )
    if at.bands:
        yield from make("openewld-bands", at.openewld, openewld.list_songs, bands.arrange_openewld)


def read_sources(
    at: Locations, *, cache: Path, processes: int, log: Callable[[str], None]
) -> Iterator[Item]:
    """Pieces of every source, in a fixed order.

    Args:
        at: where the data sets lie.
        cache: folder for what was read.
        processes: how many processes read.
        log: told about progress.

    Raises:
        CorpusError: if a data set is not where it should be.
    """
    for source in sources_at(at):
        mark = fingerprint(source.name, source.reader, source.paths)
        path = cache / f"{source.name}.jsonl.gz"
        kept = load_items(path, mark)
        if kept is None:
            save_items(path, mark, _read(source, processes, log))
            kept = load_items(path, mark)
        else:
            log(f"{source.name}: as it was read before")
        if kept is None:
            raise CorpusError(f"{path} cannot be read back: is the disk full?")
        yield from kept
    if at.folder is not None:
        yield from read_folder(at.folder, at.labels)


def _read(source: Source, processes: int, log: Callable[[str], None]) -> Iterator[Item]:
    tasks = source.tasks()
    with get_context("spawn").Pool(max(1, processes)) as pool:
        read = pool.imap(source.read, tasks, chunksize=4)
        for number, found in enumerate(read, start=1):
            if number % _REPORT_EVERY == 0 or number == len(tasks):
                log(f"{source.name}: {number} of {len(tasks)} read")
            yield from found if isinstance(found, tuple) else (found,)
