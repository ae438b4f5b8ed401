from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.defaults import REFINE_STEPS
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.ui.morphing import (
    MorphPath,
    MorphRequest,
    morph,
    morph_all,
    morph_path,
    morph_whole,
    morphing,
    naive_fade,
    path_lesson,
    path_table,
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
    there = [{i for i, take in enumerate(made.takes, 1) if take} for made in grown]
    new = [later - earlier for earlier, later in zip([set(), *there], there, strict=False)]
    assert [*new[0], *new[1]] == [1, 6]
    assert new[2:] == [{5}, {4}, {3}, {2}]
    steps = [take for take in grown[-1].takes if take]
    assert [steps[0].title, steps[-1].title] == [f"{x}, as the model plays it" for x in "AB"]
    assert steps[2].title == "40 % of the way from A to B"
    assert [take.clips[0] for take in steps] == list(morph(tiny_composer, request).clips)
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
        morph(tiny_composer, morph_request, check)


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
    assert len(info["along"]["distances"]) == len(info["along"]["nats_per_note"]) == 3
    assert len(info["clips"]) == 3


@pytest.mark.parametrize("bad", [{"steps": 1}, {"steps": 18}, {"key": "c"}, {"path": "spiral"}])
def test_limits_of_a_morph(morph_request: MorphRequest, bad: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        replace(morph_request, **bad)  # type: ignore[arg-type]


def test_a_clip_that_is_not_there_cannot_be_morphed(
    tiny_composer: Composer, morph_request: MorphRequest
) -> None:
    with pytest.raises(ControlError, match="B has no clip 2; it has 0 to 1"):
        morph(tiny_composer, replace(morph_request, clip_b=2))


def test_a_role_of_a_is_kept_in_every_step(
    tiny_composer: Composer, morph_request: MorphRequest
) -> None:
    with pytest.raises(ControlError, match="stays in A's key"):
        replace(morph_request, keep="melody")
    request = replace(morph_request, key="a", keep="melody")
    melody = request.a.clip(0).keep([Role.MELODY]).notes
    steps = morph(tiny_composer, request).clips
    assert [step.keep([Role.MELODY]).notes for step in steps] == [melody] * 3
    with pytest.raises(ControlError, match="A has no drums to keep"):
        morph(tiny_composer, replace(request, keep="drums"))
    with pytest.raises(ControlError, match="none of melody, harmony, bass, drums"):
        replace(request, keep="cello")


def test_the_path_of_a_morph_is_measured_and_placed(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest, atlas: Atlas
) -> None:
    made = morph(tiny_composer, morph_request)
    clips, z = made.clips, made.z.numpy()
    path = morph_path(tiny_composer, recorder, z, clips, atlas)
    assert path.distances[0] == 0 and list(path.distances) == sorted(path.distances)
    a, b = tiny_composer.encode(morph_request.ends, refine=REFINE_STEPS).posterior.mode()
    assert path.distances[-1] == pytest.approx(float((a - b).norm()), rel=1e-3)
    nats = tiny_composer.elbo(clips).tolist()
    costs = [-nats[i] / len(clips[i].notes) for i in range(3)]
    assert path.costs == pytest.approx(costs)
    assert path.fade_costs[0] == pytest.approx(costs[0])  # at full strength it is the first step
    for name in ("tsne", "pca"):
        assert path.places[name][0] == pytest.approx(atlas.place(a.numpy()).places[name], abs=1e-4)
    assert len(path.places["pca"]) == 3
    said = path.plain()
    assert json.loads(json.dumps(said)) == said
    # A map that another model drew tells nothing.
    other = replace(atlas, checkpoint="another")
    assert morph_path(tiny_composer, recorder, z, clips, other).places == {}


def test_silent_steps_cost_nothing_and_are_left_out(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    made = morph(tiny_composer, morph_request)
    first, _, last = made.clips
    path = morph_path(tiny_composer, recorder, made.z.numpy(), [first, first.keep(()), last])
    assert isnan(path.costs[1]) and not isnan(path.costs[0])
    assert path.plain()["nats_per_note"][1] is None
    assert path_table(path).splitlines()[3].count("–") == 1
    assert path_lesson(path) == ""


def test_the_lesson_is_what_was_measured() -> None:
    path = MorphPath(distances=(0, 1, 2), costs=(9, 10, 11), fade_costs=(9, 15, 11))
    assert "ends cost 10.0 nats a note" in path_lesson(path)
    assert path_lesson(path).endswith("leads out of it.")
    for middle in (8, 10.3):  # less, and hardly more
        costs = (9, middle, 11)
        assert path_lesson(replace(path, fade_costs=costs)).endswith("listen to both.")
    assert path_table(path).splitlines()[-1] == "| 3 | 2.0 | 11.0 | 11.0 |"
