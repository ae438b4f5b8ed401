from __future__ import annotations

import ast
import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from musicgen_vae import corpus
from musicgen_vae.audio.mix import BAND, NEUTRAL, STYLE_PROGRAMS, dressed, humanise, programs_for
from musicgen_vae.audio.renderer import timed_notes
from musicgen_vae.corpus import arrange
from musicgen_vae.corpus.sources import openewld
from musicgen_vae.errors import InputError
from musicgen_vae.music.clip import DEFAULT_PROGRAMS, Clip, Role


def test_every_role_has_a_place_within_midis_range():
    for mix in (NEUTRAL, BAND):
        assert set(mix) == set(Role)
        for strip in mix.values():
            assert 0 < strip.volume < 128 and 0 <= strip.pan < 128 and 0 <= strip.send <= 1
    assert BAND[Role.BASS].pan == 64


def test_styles_have_programs_and_unknown_ones_the_default():
    for style, programs in STYLE_PROGRAMS.items():
        assert programs_for(style) == programs_for(style.upper()) == programs
        assert len(programs) == 4 and all(0 <= p < 128 for p in programs)
        assert all(p < 120 for p in programs), "no sound effects"
    assert programs_for("Old Irish reel") == STYLE_PROGRAMS["reel"]
    assert programs_for("slow jazz waltz") == STYLE_PROGRAMS["jazz waltz"], "not jazz, not waltz"
    assert programs_for(None) == programs_for("") == programs_for("zouk") == DEFAULT_PROGRAMS


def corpus_styles() -> dict[str, list[str]]:
    """The styles that each module of the corpus gives its pieces, by the module's name."""
    found = {}
    for path in sorted((Path(corpus.__file__).parent).rglob("*.py")):
        relative = path.relative_to(Path(corpus.__file__).parent).with_suffix("")
        name = ".".join((corpus.__name__, *relative.parts))
        values = [
            word.value
            for call in ast.walk(ast.parse(path.read_text()))
            if isinstance(call, ast.Call)
            and ast.unparse(call.func) in ("SourcePiece", "Groove", "replace")
            for word in call.keywords
            if word.arg == "style"
        ]
        if values:
            module = importlib.import_module(name)
            found[name] = [style for value in values for style in _styles(module, value)]
    return found


def _styles(module: ModuleType, value: ast.expr) -> list[str]:
    """What an expression for a style may be."""
    if isinstance(value, ast.Constant):
        return [value.value]
    if isinstance(value, ast.IfExp):
        return _styles(module, value.body) + _styles(module, value.orelse)
    if isinstance(value, ast.Name) and isinstance(getattr(module, value.id, None), str):
        return [getattr(module, value.id)]
    return {
        "musicgen_vae.corpus.arrange": lambda: [groove.style for groove in arrange.GROOVES],
        "musicgen_vae.corpus.cache": list,  # as they were
        "musicgen_vae.corpus.build": list,
        "musicgen_vae.corpus.demo_set": list,
        "musicgen_vae.corpus.sources.folder": list,  # whatever a table says
        "musicgen_vae.corpus.sources.openewld": lambda: [*openewld._PROGRAMS],
    }[module.__name__]()  # a KeyError: say here which styles this module has


def test_every_style_of_the_corpus_has_programs():
    found = corpus_styles()
    styles = {style for styles in found.values() for style in styles}
    assert len(styles) >= 25 and len([name for name, each in found.items() if each]) >= 10
    assert styles - STYLE_PROGRAMS.keys() == set()


def test_music_is_dressed_for_a_style_and_for_that_alone():
    clips = [Clip(programs=(1, 2, 3, 4)), Clip(tempo_qpm=90)]
    assert dressed(clips, None) == clips
    assert dressed(clips, "swing") == [
        replace(clip, programs=STYLE_PROGRAMS["swing"]) for clip in clips
    ]


def test_humanising_is_small_repeatable_and_keeps_chords_together(band):
    notes = timed_notes(band())
    played = humanise(notes, seed=3)
    assert played == humanise(notes, seed=3) != humanise(notes, seed=4)
    moved = np.array([b.start_s - a.start_s for a, b in zip(notes, played, strict=True)])
    assert 0.002 < moved.std() < 0.012 and np.abs(moved).max() <= 0.012 + 1e-9
    together: dict[tuple, set[float]] = {}
    for a, b in zip(notes, played, strict=True):
        together.setdefault((a.role, a.start_s), set()).add(b.start_s)
        assert (a.pitch, a.role, a.program) == (b.pitch, b.role, b.program)
        assert 1 <= b.velocity <= 127 and b.end_s > b.start_s >= 0
    assert all(len(starts) == 1 for starts in together.values())
    with pytest.raises(InputError, match="seed -1"):
        humanise(notes, seed=-1)
