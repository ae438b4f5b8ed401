from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.defaults import STEER_GUIDANCE
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.ui.editing import EditRequest, edit, edited
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.uploads import Upload, read_upload
from musicgen_vae.ui.visit import Stopped, Visit


@pytest.fixture
def tune(midi_file: Callable[..., Path]) -> Upload:
    return read_upload(midi_file(title="Tune"))


def notes_of(clip: Clip, role: Role, bars: range = range(4)) -> set[tuple[int, int]]:
    return {
        (n.start, n.pitch)
        for n in clip.notes
        if n.role is role and n.start // clip.meter.steps in bars
    }


def test_what_is_kept_stays(tiny_composer: Composer, tune: Upload) -> None:
    before = tune.clip(1)
    request = EditRequest(upload=tune, clip=1, roles=["bass"], bars=[2], seed=4)
    (after,) = edited(tiny_composer, request)
    assert notes_of(after, Role.BASS) == notes_of(before, Role.BASS)
    for role in (Role.MELODY, Role.HARMONY):
        assert notes_of(after, role, range(1, 2)) == notes_of(before, role, range(1, 2))
    assert notes_of(after, Role.MELODY) != notes_of(before, Role.MELODY)
    assert edited(tiny_composer, request) == [after]
    assert edited(tiny_composer, replace(request, seed=5)) != [after]


@pytest.mark.parametrize("action", ["harmonise", "accompany"])
def test_a_melody_gets_company(tiny_composer: Composer, tune: Upload, action: str) -> None:
    (after,) = edited(tiny_composer, EditRequest(upload=tune, action=action))
    assert notes_of(after, Role.MELODY) == notes_of(tune.clip(0), Role.MELODY)


def test_what_follows_comes_after(
    tiny_composer: Composer, recorder: Recorder, tune: Upload
) -> None:
    take = edit(tiny_composer, recorder, EditRequest(upload=tune, action="continue", seed=1))
    assert take.clips[0] == tune.clip(0)
    assert len(take.piece.bars) == 8 and take.clips[1].notes
    assert take.title == "Tune, bars 1 to 4 (continue)"


def test_a_transfer_changes_what_is_asked(
    tiny_composer: Composer, emotional_composer: Composer, tune: Upload
) -> None:
    request = EditRequest(upload=tune, action="transfer", mode="minor")
    assert str(edited(tiny_composer, request)[0].key) == "A minor"
    assert request.parameters()["guidance"] == STEER_GUIDANCE
    mood = EditRequest(upload=tune, action="transfer", style="rock", valence=-0.5, arousal=1)
    assert edited(emotional_composer, mood)[0].notes
    with pytest.raises(ControlError, match="choose another style"):
        edited(tiny_composer, EditRequest(upload=tune, action="transfer"))


@pytest.mark.parametrize(
    "bad",
    [
        {"action": "erase"},
        {"roles": ["kazoo"]},
        {"bars": [0]},
        {"bars": [5]},
        {"guidance": 0.5},
        {"guidance": float("nan")},
        {"seed": -1},
        {"valence": 2},
        {"mode": "dorian"},
    ],
)
def test_limits_of_an_edit(tune: Upload, bad: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        EditRequest(upload=tune, **bad)  # type: ignore[arg-type]


def test_something_must_be_left_to_write(tiny_composer: Composer, tune: Upload) -> None:
    request = EditRequest(upload=tune, bars=[1, 2, 3, 4])
    with pytest.raises(ControlError, match="nothing is left to write"):
        edited(tiny_composer, request)
    with pytest.raises(ControlError, match="no clip 7"):
        edited(tiny_composer, replace(request, clip=7))


def test_an_edit_stops_when_told(tiny_composer: Composer, tune: Upload) -> None:
    visit = Visit()
    check = visit.check()
    visit.stop()
    with pytest.raises(Stopped):
        edited(tiny_composer, EditRequest(upload=tune), check)
