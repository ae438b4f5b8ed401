from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui.morphing import (
    MorphRequest,
    interpolate,
    morph_all,
    morph_whole,
    morphing,
    naive_fade,
)
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.uploads import read_upload
from musicgen_vae.ui.visit import Stopped, Visit


@pytest.fixture
def morph_request(midi_file: Callable[..., Path]) -> MorphRequest:
    return MorphRequest(
        a=read_upload(midi_file("a.mid", title="A")),
        b=read_upload(midi_file("b.mid", title="B", variant=4)),
        clip_b=1,
        steps=3,
        key="switch",
        path="circle",
    )


def test_a_morph_is_heard_by_its_ends_first_and_then_where_one_looks(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    request = replace(morph_request, steps=6)
    seen = [2, 2, 5, 5, 5, 5]  # the visitor moves on after two steps
    asked: list[int] = []

    def focus() -> int:
        asked.append(0)
        return seen[len(asked) - 1]

    grown = list(morphing(tiny_composer, recorder, request, focus=focus, check=lambda: None))
    there = [{i for i, take in enumerate(takes, 1) if take} for takes in grown]
    new = [later - earlier for earlier, later in zip([set(), *there], there, strict=False)]
    assert [*new[0], *new[1]] == [1, 6]
    assert new[2:] == [{5}, {4}, {3}, {2}]
    steps = [take for take in grown[-1] if take]
    assert [steps[0].title, steps[-1].title] == [f"{x}, as the model plays it" for x in "AB"]
    assert steps[2].title == "40 % of the way from A to B"
    assert [take.clips[0] for take in steps] == list(interpolate(tiny_composer, request))
    assert steps[0].facts[0].startswith("cost ")
    whole = morph_whole(recorder, [take.clips[0] for take in steps])
    assert len(whole.piece.bars) == 24


def test_a_morph_stops_when_told(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    visit = Visit()
    steps = morphing(tiny_composer, recorder, morph_request, focus=lambda: 1, check=visit.check())
    next(steps)
    visit.stop()
    with pytest.raises(Stopped):
        next(steps)
    with pytest.raises(Stopped):  # while notes are being written, too
        check = visit.check()
        visit.stop()
        interpolate(tiny_composer, morph_request, check)


def test_a_naive_fade_has_the_notes_of_both_ends(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    a, b = clip_of(0), clip_of(3)
    fade = naive_fade(recorder, [a, clip_of(1), b])
    assert len(fade.clips) == 3
    assert {n.pitch for n in fade.clips[0].notes} == {n.pitch for n in a.notes}
    assert {n.pitch for n in fade.clips[1].notes} == {n.pitch for n in (*a.notes, *b.notes)}


def test_a_morph_tells_how_it_was_made(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    _, info = morph_all(tiny_composer, recorder, morph_request)
    assert info["parameters"]["b"] == "B, bars 5 to 8"
    assert len(info["clips"]) == 3


@pytest.mark.parametrize("bad", [{"steps": 1}, {"steps": 18}, {"key": "c"}, {"path": "spiral"}])
def test_limits_of_a_morph(morph_request: MorphRequest, bad: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        replace(morph_request, **bad)  # type: ignore[arg-type]


def test_a_clip_that_is_not_there_cannot_be_morphed(
    tiny_composer: Composer, morph_request: MorphRequest
) -> None:
    with pytest.raises(ControlError, match="B has no clip 2; it has 0 to 1"):
        interpolate(tiny_composer, replace(morph_request, clip_b=2))
