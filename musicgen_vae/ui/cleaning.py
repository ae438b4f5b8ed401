"""Deletes what was made for visitors once it is old: their files are kept for two hours at most.

Gradio deletes what it handed out or was given; this also finds takes that nobody waited for and
folders that were left empty. Nothing here knows Gradio.
"""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread

KEEP_S = 2 * 3600
"""Seconds that files of visitors are kept."""
_ROUNDS = 12
"""Rounds of cleaning in the time that files are kept."""


def round_s(keep_s: int) -> int:
    """Seconds between two rounds of cleaning."""
    return max(1, keep_s // _ROUNDS)


def oldest_s(keep_s: int) -> int:
    """Seconds after which Gradio deletes a file; ``sweep`` comes a round later, for the rest.

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


def _backwards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"), reverse=True)


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def keep_clean(uploads: Path, takes: Path, keep_s: int, stopped: Event | None = None) -> Thread:
    """Sweep both folders again and again, in a thread of its own.

    Args:
        uploads: what Gradio keeps and cleans itself, but for what is empty; perhaps not for this
            app alone.
        takes: what this app wrote.
        keep_s: seconds that files live at most.
        stopped: when set, it ends.
    """
    done = stopped or Event()

    def clean() -> None:
        while not done.wait(round_s(keep_s)):
            age_s = oldest_s(keep_s) + round_s(keep_s)
            sweep(takes, age_s)
            sweep(uploads, age_s, only_empty=True)

    thread = Thread(target=clean, name="cleaning", daemon=True)
    thread.start()
    return thread
