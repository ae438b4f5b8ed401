from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

import pytest

from musicgen_vae.ui.cleaning import KEEP_S, keep_clean, oldest_s, round_s, shrink, sweep
from tests.ui.running import running


def aged(path: Path, seconds: float) -> Path:
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


def made(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return aged(path, seconds)


def test_what_is_old_goes_and_what_is_young_stays(tmp_path: Path) -> None:
    old, young = made(tmp_path / "a" / "old.mid", 100), made(tmp_path / "b" / "young.mid", 5)
    beside = made(tmp_path / "b" / "old.wav", 100)
    (tmp_path / "c").mkdir()
    aged(tmp_path / "a", 100)
    sweep(tmp_path, 60)
    assert young.exists() and not old.exists() and not beside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]
    sweep(tmp_path / "nowhere", 60)


def test_files_of_others_stay(tmp_path: Path) -> None:
    old = made(tmp_path / "full" / "old.mid", 100)
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing").touch()
    for name in ("empty", "nothing"):
        aged(tmp_path / name, 100)
    sweep(tmp_path, 60, only_empty=True)
    assert old.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_the_oldest_go_where_all_are_too_long(tmp_path: Path) -> None:
    files = [made(tmp_path / name, age) for name, age in (("a/1", 30), ("b/2", 90), ("b/3", 60))]
    shrink(tmp_path, 3)
    assert all(file.exists() for file in files)
    shrink(tmp_path, 2)
    assert [file.exists() for file in files] == [True, False, True]
    shrink(tmp_path, 0)
    assert not any(file.exists() for file in files)
    shrink(tmp_path / "nowhere", 0)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    kept = made(tmp_path / "elsewhere" / "kept.mid", 100)
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / "link").symlink_to(kept.parent, target_is_directory=True)
    sweep(folder, -1)
    assert kept.exists() and list(folder.iterdir()) == []


def test_no_file_lives_longer_than_is_said() -> None:
    for keep_s in (KEEP_S, 60, 13):
        assert oldest_s(keep_s) + 2 * round_s(keep_s) <= keep_s


def test_it_is_swept_again_and_again(tmp_path: Path) -> None:
    takes, stopped = tmp_path / "takes", Event()
    asked: list[int] = []
    thread = keep_clean(tmp_path, takes, 2, asked.append, stopped)
    for name in ("one", "two"):
        path = made(takes / name / "x.mid", 10)
        aged(path.parent, 10)
        end = time.monotonic() + 30
        while path.parent.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not path.parent.exists()
    assert set(asked) == {oldest_s(2)}
    stopped.set()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.slow
def test_an_app_that_is_stopped_leaves_nothing_and_the_next_one_sweeps(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    left = made(folder / "musicgen-vae-killed" / "takes" / "old.wav", KEEP_S + 60)
    used = made(folder / "musicgen-vae-running" / "takes" / "young.wav", 60)
    with running(tmp_path / "log.txt", TMPDIR=str(folder)):
        assert len(list(folder.iterdir())) == 3
        for _ in range(300):  # once the page is there
            if not left.exists():
                break
            time.sleep(0.1)
    assert not left.exists()
    assert used.exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "musicgen-vae-killed",
        "musicgen-vae-running",
    ]
