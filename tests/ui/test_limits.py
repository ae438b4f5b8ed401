from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui import limits
from musicgen_vae.ui.creating import SampleRequest, sample_one, varying
from musicgen_vae.ui.editing import ACTIONS, EditRequest, edited
from musicgen_vae.ui.limits import MAX_SECONDS, in_time
from musicgen_vae.ui.morphing import MorphRequest, morph_all
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.texts import speaking
from musicgen_vae.ui.uploads import Upload, read_upload, reconstruct


def test_work_goes_on_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    asked = []
    check = in_time(lambda: asked.append(now))
    now += MAX_SECONDS - 1
    check()
    now += 2
    with pytest.raises(ControlError, match="longer than 60 seconds"):
        check()
    assert len(asked) == 2
    with speaking("zh-TW"), pytest.raises(ControlError, match="60 秒"):
        check()


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SECONDS", -1.0)


@pytest.fixture
def tune(midi_file: Callable[..., Path]) -> Upload:
    return read_upload(midi_file())


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("form", ["A", "AB"])
def test_new_music_takes_no_longer(tiny_composer: Composer, recorder: Recorder, form: str) -> None:
    with pytest.raises(ControlError, match="was stopped"):
        sample_one(tiny_composer, recorder, SampleRequest(form=form))


@pytest.mark.usefixtures("no_time")
def test_variations_take_no_longer(
    tiny_composer: Composer, recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    take = recorder.take([clip_of()], title="T", name="t")
    with pytest.raises(ControlError, match="was stopped"):
        list(varying(tiny_composer, recorder, take, n=1, seed=0, check=lambda: None))


@pytest.mark.usefixtures("no_time")
def test_a_morph_takes_no_longer(tiny_composer: Composer, recorder: Recorder, tune: Upload) -> None:
    with pytest.raises(ControlError, match="was stopped"):
        morph_all(tiny_composer, recorder, MorphRequest(a=tune, b=tune, clip_b=1))


@pytest.mark.usefixtures("no_time")
def test_a_file_takes_no_longer(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    with pytest.raises(ControlError, match="was stopped"):
        reconstruct(tiny_composer, recorder, midi_file())


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("action", ACTIONS)
def test_an_edit_takes_no_longer(tiny_composer: Composer, tune: Upload, action: str) -> None:
    mode = "minor" if action == "transfer" else None
    request = EditRequest(upload=tune, action=action, roles=["melody"], mode=mode)
    with pytest.raises(ControlError, match="was stopped"):
        edited(tiny_composer, request)
