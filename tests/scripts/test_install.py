"""``make install``: what it runs, what it does not run again, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "install.py"


class Pip:
    """Stands in for pip: keeps the arguments, and fails those that hold one of ``fails``."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fails: Sequence[str] = ()

    def __call__(self, *arguments: str) -> bool:
        self.calls.append(arguments)
        return not any(word in self.fails for word in arguments)


class Index:
    """Stands in for ``urlopen``: counts the questions, and answers or not."""

    def __init__(self) -> None:
        self.answers = True
        self.asked = 0

    def __call__(self, url: str, timeout: float) -> Index:
        self.asked += 1
        if not self.answers:
            raise OSError("no route to host")
        return self

    def close(self) -> None:
        pass


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The script at work in a folder of its own."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements.txt").write_text("torch>=2.8,<2.14\nnumpy\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest\n")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "make_venv", lambda: None)
    monkeypatch.setattr(module, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    return module


@pytest.fixture
def pip(install: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Pip:
    stand_in = Pip()
    monkeypatch.setattr(install, "pip_install", stand_in)
    return stand_in


@pytest.fixture
def index(install: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Index:
    stand_in = Index()
    monkeypatch.setattr(install.urllib.request, "urlopen", stand_in)
    return stand_in


def cpu_build(install: types.ModuleType) -> tuple[str, ...]:
    return ("--no-deps", "--index-url", install.CPU_INDEX, "torch>=2.8,<2.14")


def usual(install: types.ModuleType, name: str = "requirements.txt") -> tuple[str, ...]:
    return ("-r", str(install.ROOT / name))


def test_a_cpu_build_first(install: types.ModuleType, pip: Pip, index: Index) -> None:
    install.main([])
    assert pip.calls == [cpu_build(install), usual(install)]


def test_nothing_runs_when_up_to_date(install: types.ModuleType, pip: Pip, index: Index) -> None:
    install.main([])
    pip.calls.clear()
    install.main([])
    assert pip.calls == [] and index.asked == 1
    install.main(["--dev"])
    assert pip.calls == [usual(install, "requirements-dev.txt")]
    pip.calls.clear()
    install.main(["--dev"])
    assert pip.calls == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_changed_file_is_installed_again(
    install: types.ModuleType, pip: Pip, index: Index, name: str
) -> None:
    install.main(["--dev"])
    pip.calls.clear()
    with (install.ROOT / name).open("a") as file:
        file.write("mido\n")
    install.main(["--dev"])
    assert usual(install, name) in pip.calls
    assert usual(install, "requirements-dev.txt") in pip.calls


def test_a_silent_cpu_index_is_passed_over(
    install: types.ModuleType, pip: Pip, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.answers = False
    install.main([])
    assert pip.calls == [usual(install)]
    assert "taking torch from pip's usual index" in capsys.readouterr().out


def test_without_a_fitting_cpu_build_the_usual_index_serves(
    install: types.ModuleType, pip: Pip, index: Index
) -> None:
    pip.fails = ["--no-deps"]
    install.main([])
    assert pip.calls == [cpu_build(install), usual(install)]


@pytest.mark.parametrize(("platform", "gpu"), [("linux", True), ("darwin", False)])
def test_elsewhere_the_usual_index_is_right(
    install: types.ModuleType,
    pip: Pip,
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    gpu: bool,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(install, "has_nvidia_gpu", lambda: gpu)
    install.main([])
    assert pip.calls == [usual(install)] and index.asked == 0


def test_a_failure_is_tried_again_next_time(
    install: types.ModuleType, pip: Pip, index: Index
) -> None:
    pip.fails = ["-r"]
    with pytest.raises(SystemExit, match=r"pip could not install requirements\.txt"):
        install.main([])
    pip.fails = []
    pip.calls.clear()
    install.main([])
    assert usual(install) in pip.calls


def test_the_debian_line_when_venv_is_missing(
    install: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(install, "VENV", SCRIPT / "no-such-folder")
    monkeypatch.setattr(install, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
        install.make_venv()


def test_a_working_environment_is_kept(
    install: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.undo()
    monkeypatch.setattr(install.venv, "create", lambda *_, **options: made.append(options))
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    for found, times in ((ours, 0), ("3.9", 1), (None, 2)):
        monkeypatch.setattr(install, "venv_version", lambda found=found: found)
        install.make_venv()
        assert len(made) == times
    assert all(options["clear"] and options["with_pip"] for options in made)
