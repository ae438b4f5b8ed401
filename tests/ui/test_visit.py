from __future__ import annotations

from collections.abc import Callable

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.visit import MAX_TAKES, Stopped, Visit


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


def test_stop_ends_what_began_before_it() -> None:
    visit = Visit()
    first = visit.check()
    first()
    visit.stop()
    with pytest.raises(Stopped):
        first()
    visit.check()()
