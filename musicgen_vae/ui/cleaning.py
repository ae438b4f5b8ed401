"""Tidies up after visitors: their files are kept for two hours at most, freed memory is given back.

What Gradio handed out or was given, a function that knows Gradio deletes (``ui.page``); this also
finds takes that nobody waited for and folders that were left empty.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

KEEP_S = 2 * 3600
"""Seconds that files of visitors are kept."""
_ROUNDS = 12
"""Rounds of cleaning in the time that files are kept, at least."""
_LONGEST_ROUND_S = 30
_MAX_BYTES = 8 * 2**30
"""Of all takes together: about 13 hours of sound."""


def round_s(keep_s: int) -> int:
    """Seconds between two rounds of cleaning."""
    return max(1, min(_LONGEST_ROUND_S, keep_s // _ROUNDS))


def oldest_s(keep_s: int) -> int:
    """Seconds after which Gradio's files are deleted; ``sweep`` comes a round later, for the rest.

    So no file lives longer than ``keep_s``. What is gone before Gradio looks for it stays in its
    lists for ever.
    """
    return max(1, keep_s - 2 * round_s(keep_s))


def sweep(folder: Path, age_s: float, *, only_empty: bool = False) -> None:
    """Delete files below ``folder`` that are older than ``age_s`` seconds, and empty folders.

    Args:
        folder: stays itself; need not be there.
        age_s: since the last change.
        only_empty: delete only files without a byte, of which Gradio leaves one for every upload
            that it reads, and folders without any file.
    """
    before = time.time() - age_s
    # What a folder holds comes before it; its own time changes when that is deleted.
    for path in [path for path in _backwards(folder) if _changed(path) <= before]:
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif not only_empty or path.lstat().st_size == 0:
                path.unlink()
        except OSError:  # gone already, or not empty
            continue


def shrink(folder: Path, max_bytes: int) -> None:
    """Delete the oldest files below ``folder`` until the others are at most ``max_bytes`` long."""
    sizes: dict[Path, int] = {}
    for path in _backwards(folder):
        try:
            sizes[path] = 0 if path.is_dir() else path.lstat().st_size
        except OSError:  # gone already
            continue
    too_many = sum(sizes.values()) - max_bytes
    for path in sorted((path for path, size in sizes.items() if size), key=_changed):
        if too_many <= 0:
            return
        path.unlink(missing_ok=True)
        too_many -= sizes[path]


def _backwards(folder: Path) -> list[Path]:
    # Not rglob, which ends with an error where a folder goes meanwhile.
    walk = os.walk(folder)
    found = [Path(at, name) for at, folders, files in walk for name in (*folders, *files)]
    return sorted(found, reverse=True)


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def give_memory_back() -> None:
    """Return to the system what was freed, where the C library (glibc) can be asked to.

    Many threads that make sound leave holes in its arenas, which it would rather keep.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def keep_clean(
    uploads: Path,
    takes: Path,
    keep_s: int,
    delete_uploads: Callable[[int], None],
    stopped: Event | None = None,
) -> Thread:
    """Tidy up again and again, in a thread of its own.

    Args:
        uploads: what Gradio keeps; perhaps not for this app alone, so that only what is empty is
            deleted without Gradio's knowledge.
        takes: what this app wrote.
        keep_s: seconds that files live at most.
        delete_uploads: deletes those of Gradio's files that are so many seconds old.
        stopped: when set, it ends.
    """
    done = stopped or Event()

    def clean() -> None:
        while not done.wait(round_s(keep_s)):
            delete_uploads(oldest_s(keep_s))
            age_s = oldest_s(keep_s) + round_s(keep_s)
            sweep(takes, age_s)
            shrink(takes, _MAX_BYTES)
            sweep(uploads, age_s, only_empty=True)
            give_memory_back()

    thread = Thread(target=clean, name="cleaning", daemon=True)
    thread.start()
    return thread
