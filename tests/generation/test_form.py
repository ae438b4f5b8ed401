"""Letters to clips."""

from __future__ import annotations

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.form import plan_form
from musicgen_vae.music.clip import Place


@pytest.mark.parametrize(
    ("form", "firsts"),
    [("aaba", [0, 0, 2, 0]), ("ABAC", [0, 1, 0, 3]), ("AABB", [0, 0, 2, 2]), ("A", [0])],
)
def test_equal_letters_name_the_same_clip(form: str, firsts: list[int]) -> None:
    sections = plan_form(form)
    assert [s.first for s in sections] == firsts
    assert [s.index for s in sections] == list(range(len(form)))


def test_long_sections_repeat_clip_by_clip() -> None:
    sections = plan_form("ABA", 8)
    assert [s.first for s in sections] == [0, 1, 2, 3, 0, 1]
    assert [s.place for s in sections] == [Place.START, *[Place.MIDDLE] * 4, Place.END]


@pytest.mark.parametrize(
    ("form", "bars", "says"),
    [
        ("", 4, "1 to 16 letters"),
        ("A1", 4, "1 to 16 letters"),
        ("A" * 17, 4, "1 to 16 letters"),
        ("AB", 6, "4, 8, 12 or 16 bars"),
        ("AB", 20, "4, 8, 12 or 16 bars"),
        ("AABBC", 16, "80, more than 64"),
    ],
)
def test_what_is_no_form_is_said(form: str, bars: int, says: str) -> None:
    with pytest.raises(ControlError, match=says):
        plan_form(form, bars)
