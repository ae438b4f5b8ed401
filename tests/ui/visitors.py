"""Visitors at the app all at once, each with a tune and a seed of its own.

    python -m tests.ui.visitors --visitors 20 --minutes 10

It tells what they get and what that costs the app. Each visitor is served alone at first; later,
every MIDI file must be the same byte for byte. Prints one JSON object; ends with 1 if an answer was
wrong. It starts the app itself and stops it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread
from typing import Any

from gradio_client import Client, handle_file

from musicgen_vae.music.clip import Clip, Key, Note, Role, join, tidy
from musicgen_vae.music.midi import write_midi
from tests.ui.running import App, running

_MIB = 1 << 20
_SAMPLE_S = 1.0
_TIMEOUT_S = 300


@dataclass(kw_only=True)
class Visitor:
    """One visitor.

    Attributes:
        client: a session of its own.
        tune: path of a MIDI file like no other visitor's.
        seed: of all that is asked.
        alone: request → the MIDI file that came when nobody else was there.
    """

    client: Client
    tune: Path
    seed: int
    alone: dict[str, bytes] = field(default_factory=dict)

    def ask(self, name: str) -> bytes:
        """The MIDI file that comes; the files of the answer are deleted."""
        tune = handle_file(self.tune)
        values: dict[str, Any] = {
            "sample": {"seed": self.seed, "mode": "minor" if self.seed % 2 else "major"},
            "complete": {"file": tune, "keep": "melody", "seed": self.seed},
            "reconstruct": {"file": tune},
            "interpolate": {"file_a": tune, "file_b": tune, "clip_b": 1, "steps": 5},
        }[name]
        answer = self.client.predict(**values, api_name=f"/{name}")
        files = [Path(part) for part in answer if isinstance(part, str)]
        midi = next(file for file in files if file.suffix == ".mid").read_bytes()
        for file in files:
            file.unlink(missing_ok=True)
        return midi


REQUESTS = ("sample", "complete", "reconstruct", "interpolate")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one request went.

    Attributes:
        name: of the request.
        seconds: until the answer or the refusal was there.
        same: whether the MIDI file was that of the visitor alone; None where none came.
        error: why none came.
    """

    name: str
    seconds: float
    same: bool | None
    error: str = ""


def tune(number: int) -> bytes:
    """Eight bars that no other number gives."""
    chance = random.Random(number)
    clips = []
    for _ in range(2):
        notes = [
            Note(
                start=12 * i, role=Role.MELODY, pitch=chance.choice((60, 62, 64, 65, 67, 69, 71)),
                duration=12, velocity=5,
            )
            for i in range(16)
        ]  # fmt: skip
        for bar in range(4):
            root = chance.choice((48, 53, 55))
            notes += [
                Note(start=48 * bar, role=Role.HARMONY, pitch=root + i, duration=48, velocity=4)
                for i in (0, 4, 7)
            ]
        clips.append(Clip(notes=tidy(notes), key=Key.parse("C major"), tempo_qpm=120.0))
    return write_midi(join(clips, title=f"Visitor {number}"))


def stay(visitor: Visitor, end: float, think_s: float) -> list[Answer]:
    """What one visitor is answered until ``end``, with pauses of ``think_s`` on average."""
    chance = random.Random(visitor.seed)
    answers = []
    while True:
        time.sleep(min(chance.expovariate(1 / think_s), 3 * think_s) if think_s else 0)
        if time.monotonic() > end:
            return answers
        name = chance.choice(REQUESTS)
        before = time.monotonic()
        try:
            same: bool | None = visitor.ask(name) == visitor.alone[name]
            error = ""
        except Exception as refused:  # whatever a client may meet is an answer that did not come
            same, error = None, " ".join(str(refused).split())[:200]
        answers.append(Answer(name=name, seconds=time.monotonic() - before, same=same, error=error))


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def files_below(folder: Path) -> dict[str, int]:
    """How many files and folders there are, and their bytes."""
    n = {"files": 0, "folders": 0, "bytes": 0}
    for path in folder.rglob("*"):
        try:
            n["folders" if path.is_dir() else "files"] += 1
            n["bytes"] += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return n


def is_more(now: dict[str, int], then: dict[str, int]) -> bool:
    """Whether anything is there in greater number."""
    return any(now[name] > then[name] for name in then)


@contextmanager
def watched(pid: int) -> Iterator[list[tuple[float, float]]]:
    """Time and memory (MiB) of a process, once a second while the context lasts."""
    seen: list[tuple[float, float]] = []
    done = Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_S):
            seen.append((time.monotonic(), memory_mib(pid)))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Counts and times of answers."""
    times = sorted(answer.seconds for answer in answers if answer.same is not None)
    cuts = quantiles(times, n=20, method="inclusive") if len(times) > 1 else times * 19
    return {
        "requests": len(answers),
        "served": len(times),
        "share_served": round(len(times) / len(answers), 4) if answers else None,
        "wrong": sum(answer.same is False for answer in answers),
        "p50_s": round(cuts[9], 2) if cuts else None,
        "p95_s": round(cuts[18], 2) if cuts else None,
        "max_s": round(times[-1], 2) if times else None,
    }


def visit(
    app: App, scratch: Path, *, n: int, minutes: float, think_s: float, warm_up_s: float
) -> dict[str, Any]:
    """Let ``n`` visitors in and tell how it went."""
    downloads = scratch / "downloads"
    visitors = []
    for i in range(n):
        path = scratch / f"visitor{i}.mid"
        path.write_bytes(tune(i))
        client = Client(
            app.url,
            verbose=False,
            download_files=str(downloads / str(i)),
            analytics_enabled=False,
            httpx_kwargs={"timeout": _TIMEOUT_S},
        )
        visitors.append(Visitor(client=client, tune=path, seed=100 + i))
    for visitor in visitors:
        for name in REQUESTS:
            visitor.alone[name] = visitor.ask(name)
    distinct = {name: len({visitor.alone[name] for visitor in visitors}) for name in REQUESTS}

    begin = time.monotonic()
    with watched(app.pid) as seen, ThreadPoolExecutor(n) as pool:
        end = begin + 60 * minutes
        stays = [pool.submit(stay, visitor, end, think_s) for visitor in visitors]
        answers = [answer for each in stays for answer in each.result()]
    late = [mib for at, mib in seen if at > begin + warm_up_s]
    part = max(1, len(late) // 5)
    return {
        "visitors": n,
        "minutes": minutes,
        "think_s": think_s,
        "distinct_answers": distinct,
        **summary(answers),
        "by_request": {
            name: summary([one for one in answers if one.name == name]) for name in REQUESTS
        },
        "errors": sorted({answer.error for answer in answers if answer.error})[:10],
        "memory": {
            "warm_up_s": warm_up_s,
            "after_warm_up_mib": round(median(late[:part]), 1) if late else None,
            "at_end_mib": round(median(late[-part:]), 1) if late else None,
            "growth_mib": round(median(late[-part:]) - median(late[:part]), 1) if late else None,
            "most_mib": round(max(mib for _, mib in seen), 1) if seen else None,
        },
    }


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description="Simulated visitors at the app.")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--think-s", type=float, default=20, help="mean pause between requests")
    parser.add_argument("--warm-up-s", type=float, default=60, help="not counted for memory")
    parser.add_argument("--keep-s", type=int, default=60, help="how long the app keeps files")
    parser.add_argument("--checkpoint", help="another model than the one that ships")
    parser.add_argument("--map", help="another map")
    arguments = parser.parse_args()
    options = ["--keep-s", str(arguments.keep_s)]
    for name in ("checkpoint", "map"):
        if value := getattr(arguments, name):
            options += [f"--{name}", value]
    with tempfile.TemporaryDirectory() as folder:
        scratch, temporary = Path(folder), Path(folder) / "app"
        temporary.mkdir()
        with running(scratch / "log.txt", *options, TMPDIR=str(temporary)) as app:
            start = files_below(temporary)
            result = visit(
                app,
                scratch,
                n=arguments.visitors,
                minutes=arguments.minutes,
                think_s=arguments.think_s,
                warm_up_s=arguments.warm_up_s,
            )
            at_end = files_below(temporary)
            # Files go within keep_s, and the folders that held them within keep_s more.
            wait_until = time.monotonic() + 2.5 * arguments.keep_s + 10
            while is_more(files_below(temporary), start) and time.monotonic() < wait_until:
                time.sleep(1)
            after = files_below(temporary)
            result["temporary_folder"] = {
                "keep_s": arguments.keep_s,
                "at_start": start,
                "at_end": at_end,
                "after_cleaning": after,
                "back_to_start": not is_more(after, start),
            }
            result["memory"]["after_cleaning_mib"] = round(memory_mib(app.pid), 1)
    print(json.dumps(result, indent=1))
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
