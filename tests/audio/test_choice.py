from __future__ import annotations

import shutil

import pytest

from musicgen_vae.audio import default_renderer
from musicgen_vae.audio.soundfont import SOUNDFONT_VARIABLE
from musicgen_vae.errors import RenderError, SoundFontError


@pytest.fixture(autouse=True)
def default_soundfont(monkeypatch):
    monkeypatch.delenv(SOUNDFONT_VARIABLE, raising=False)


def test_the_default_needs_no_program(monkeypatch, piece_of):
    monkeypatch.setenv("PATH", "")
    renderer = default_renderer()
    assert renderer.name == "torch"
    assert renderer.render(piece_of((0, 0, 60, 12))).any()
    with pytest.raises(RenderError, match="not installed"):
        default_renderer("fluidsynth")


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="the program fluidsynth is not installed"
)
def test_fluidsynth_where_it_is_asked_for():
    assert default_renderer("fluidsynth").name == "fluidsynth"


def test_a_soundfont_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "other.sf2"))
    with pytest.raises(SoundFontError, match=r"no SoundFont .*other\.sf2"):
        default_renderer()
