from __future__ import annotations

import os
import shutil

import pytest

from musicgen_vae.audio import default_renderer
from musicgen_vae.audio.fluidsynth import SOUNDFONT_VARIABLE
from musicgen_vae.errors import RenderError


@pytest.fixture(autouse=True)
def default_soundfont(monkeypatch):
    monkeypatch.delenv(SOUNDFONT_VARIABLE, raising=False)


def test_built_in_is_always_there(monkeypatch, piece_of):
    monkeypatch.setenv("PATH", "")
    assert default_renderer("built-in").name == "built-in"
    renderer = default_renderer("auto")
    assert renderer.name == "built-in"
    assert renderer.render(piece_of((0, 0, 60, 12))).any()
    with pytest.raises(RenderError, match="not installed"):
        default_renderer("fluidsynth")


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="the program fluidsynth is not installed"
)
def test_fluidsynth_is_taken_where_it_works():
    assert default_renderer().name == "fluidsynth"
    assert default_renderer("fluidsynth").name == "fluidsynth"
    assert default_renderer("built-in").name == "built-in"


def test_a_fluidsynth_that_does_not_work_is_passed_over(tmp_path, monkeypatch):
    program = tmp_path / "fluidsynth"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert default_renderer("auto").name == "built-in"
    assert default_renderer("fluidsynth").name == "fluidsynth"
