"""Styles are told within equal roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.evaluation.style import judged_clips, style_figures, styles_by_roles
from musicgen_vae.music.clip import Role, transpose
from tests.evaluation.clips import songs


def two_styles(first: int, n: int) -> ClipSet:
    low = songs(first, n, "low")
    high = songs(first + 500, n, "high")
    moved = tuple(replace(c, notes=transpose(c.notes, 9)) for c in high.clips)
    return ClipSet(
        clips=low.clips + moved,
        songs=low.songs + high.songs,
        styles=low.styles + high.styles,
        before=low.before + high.before,
    )


@pytest.fixture(scope="module")
def training() -> ClipSet:
    return two_styles(0, 30)


def test_only_roles_with_two_styles_count(training: ClipSet) -> None:
    assert styles_by_roles(training) == {(Role.MELODY, Role.HARMONY): ["high", "low"]}
    assert styles_by_roles(songs(0, 30)) == {}


def test_faithful_samples_are_told_like_real_clips(training: ClipSet) -> None:
    real = judged_clips(two_styles(300, 6), styles_by_roles(training), 20)
    assert real.styles.count("low") == real.styles.count("high") == 10
    faithful = style_figures(training, real, real.clips)
    assert faithful["real"] > 0.9
    assert faithful["ratio"] == faithful["low"] == faithful["high"] == 1.0
    assert faithful["chance"] == 0.5
    wrong = [real.clips[-1]] * len(real)
    figures = style_figures(training, real, wrong)
    assert figures["made"] == 0.5
    assert figures["ratio"] < 0.6
