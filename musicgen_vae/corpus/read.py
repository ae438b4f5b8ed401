"""All sources that were asked for, one after another, by several processes where that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import read_folder
from musicgen_vae.corpus.sources.pop909 import list_songs, read_song
from musicgen_vae.errors import CorpusError

_REPORT_EVERY = 100


def read_sources(
    *,
    pop909: Path | None,
    pop909_cl: Path | None,
    folder: Path | None,
    labels: Path | None,
    processes: int,
    log: Callable[[str], None],
) -> Iterator[SourcePiece | Failure]:
    """Pieces of every source given, in a fixed order.

    Args:
        pop909: the folder ``POP909`` of that data set.
        pop909_cl: the folder ``POP909_processed`` of POP909-CL; goes with ``pop909``.
        folder: any folder of MIDI files.
        labels: a CSV file about that folder's files.
        processes: how many processes read songs.
        log: told about progress.

    Raises:
        CorpusError: if nothing was given, or only half of what belongs together.
    """
    if pop909 is None and folder is None:
        raise CorpusError("name a data set: --pop909 DIR --pop909-cl DIR, or --folder DIR")
    if (pop909 is None) != (pop909_cl is None):
        raise CorpusError("POP909 and POP909-CL are read together: give --pop909 and --pop909-cl")
    if labels is not None and folder is None:
        raise CorpusError("--labels describes the files of --folder, which is missing")
    if pop909 is not None and pop909_cl is not None:
        songs = list_songs(pop909)
        with get_context("spawn").Pool(max(1, processes)) as pool:
            read = pool.imap(partial(read_song, pop909, pop909_cl), songs, chunksize=8)
            for number, item in enumerate(read, start=1):
                if number % _REPORT_EVERY == 0 or number == len(songs):
                    log(f"POP909: {number} of {len(songs)} songs read")
                yield item
    if folder is not None:
        yield from read_folder(folder, labels)
