"""The app in a process of its own, for tests and for measurements of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class App:
    """A running app.

    Attributes:
        url: its address.
        pid: of its process.
        started: when the process was started, as ``time.monotonic`` tells.
    """

    url: str
    pid: int
    started: float


@contextmanager
def running(log: Path, *arguments: str, **environment: str) -> Iterator[App]:
    """``app.py`` from when it says its address on, for as long as the context lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    with log.open("w") as output:
        app = subprocess.Popen(
            [sys.executable, "-u", "app.py", *arguments],
            cwd=ROOT,
            env=os.environ | {"GRADIO_SERVER_PORT": str(port)} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while f"127.0.0.1:{port}" not in log.read_text():
            if app.poll() is not None:
                raise RuntimeError(f"app.py ended: {log.read_text()}")
            time.sleep(0.1)
        yield App(url=f"http://127.0.0.1:{port}", pid=app.pid, started=started)
    finally:
        app.terminate()
        app.wait()
