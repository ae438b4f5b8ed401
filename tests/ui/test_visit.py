from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.visit import MAX_AT_PLACE, MAX_TAKES, Stopped, Visit


def test_takes_are_found_by_their_id_until_there_are_many(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    visit = Visit()
    take = visit.keep(recorder.take([clip_of()], title="T", name="t"))
    assert visit.take(take.id) is take
    for strange in ("", "../x", None, 3, ["a"], {"id": take.id}):
        with pytest.raises(ControlError, match="no longer in memory"):
            visit.take(strange)
    for i in range(MAX_TAKES):
        visit.takes[str(i)] = take
    visit.keep(take)
    assert len(visit.takes) == MAX_TAKES


def test_leafing_through_a_tune_pushes_out_nothing_else(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    visit = Visit()
    take = recorder.take([clip_of()], title="T", name="t")
    made = visit.keep(take)
    other = visit.keep(replace(take, id="other"), place="b")
    leaves = [replace(take, id=f"leaf{i}") for i in range(2 * MAX_TAKES)]
    for leaf in leaves:
        assert visit.keep(leaf, place="a") is leaf
        assert visit.take(leaf.id) is leaf
    assert visit.take(made.id) is made and visit.take(other.id) is other
    assert visit.take(leaves[-MAX_AT_PLACE].id) is leaves[-MAX_AT_PLACE]
    with pytest.raises(ControlError, match="no longer in memory"):
        visit.take(leaves[-MAX_AT_PLACE - 1].id)


def test_one_kind_of_work_is_stopped_alone() -> None:
    visit = Visit()
    all_, edit = visit.check(), visit.check("edit")
    visit.stop("edit")
    all_()
    with pytest.raises(Stopped):
        edit()
    edit = visit.check("edit")
    visit.stop()
    with pytest.raises(Stopped):
        edit()


def test_stop_ends_what_began_before_it() -> None:
    visit = Visit()
    first = visit.check()
    first()
    visit.stop()
    with pytest.raises(Stopped):
        first()
    visit.check()()
