from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from musicgen_vae.audio.loudness import TARGET_LUFS, level_of
from musicgen_vae.audio.renderer import CHUNK, PEAK
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.attributes import Edges
from musicgen_vae.music.clip import Clip, Note, Role
from musicgen_vae.ui.creating import SampleRequest, sampling, writing
from musicgen_vae.ui.takes import Recorder, facts, known_as, note_name


def heard(path: Path) -> Any:
    samples, rate = soundfile.read(path, dtype="float32")
    return level_of([samples], rate)


def said_by(path: Path) -> dict[str, Any]:
    with soundfile.SoundFile(path) as file:
        return {"title": file.title, **json.loads(file.comment or "{}")}


@pytest.fixture
def peaky() -> Clip:
    """One struck note in four bars: the ceiling keeps it from being as loud as other music."""
    note = Note(start=0, role=Role.MELODY, pitch=108, duration=1, velocity=7)
    return Clip(notes=(note,), programs=(115, 0, 32, 0))


def test_a_take_has_the_target_loudness_under_the_ceiling(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    take = recorder.take([clip_of()], title="A", name="a")
    level = heard(take.audio)
    assert level.peak <= PEAK + 1e-4
    assert level.lufs == pytest.approx(TARGET_LUFS, abs=0.1) or level.peak > PEAK - 1e-3


def test_what_is_compared_is_equally_loud(
    recorder: Recorder, clip_of: Callable[..., Clip], peaky: Clip
) -> None:
    plain = clip_of()
    alone = heard(recorder.take([plain], title="", name="a").audio).lufs
    a = heard(recorder.take([plain], title="", name="a", beside=[peaky]).audio).lufs
    b = heard(recorder.take([peaky], title="", name="a", beside=[plain]).audio).lufs
    assert a == pytest.approx(b, abs=0.1)
    assert a < alone - 1


def test_steps_of_a_morph_are_as_loud_as_its_ends(
    recorder: Recorder, clip_of: Callable[..., Clip], peaky: Clip
) -> None:
    steps = [clip_of(0), clip_of(2), peaky]
    takes = [
        recorder.take([step], title="", name="a", beside=(steps[0], steps[-1])) for step in steps
    ]
    levels = [heard(take.audio).lufs for take in takes]
    assert levels == pytest.approx([levels[0]] * 3, abs=0.1)


def test_files_say_what_they_are(tiny_composer: Composer, recorder: Recorder) -> None:
    recorder = replace(recorder, checkpoint=tiny_composer.checkpoint.hash)
    request = SampleRequest(seed=7, density=3, variations=2)
    takes = list(sampling(tiny_composer, recorder, request))
    for seed, take in zip((7, 8), takes, strict=True):
        said = said_by(take.audio)
        assert said["title"] == take.title and said["seed"] == seed
        assert said["checkpoint"] == tiny_composer.checkpoint.hash
        assert said["parameters"]["density"] == 3 and "seed" not in said["parameters"]


def test_music_that_the_model_did_not_write_has_a_title_and_no_more(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    take = replace(recorder, checkpoint="abc").take([clip_of()], title="Mine", name="a")
    assert said_by(take.audio) == {"title": "Mine"}


def test_anonymous_files_say_nothing(tiny_composer: Composer, recorder: Recorder) -> None:
    (take,) = sampling(
        tiny_composer, replace(recorder, anonymous=True, checkpoint="abc"), SampleRequest(seed=7)
    )
    assert take.audio.name == "music.wav"
    assert said_by(take.audio) == {"title": ""}
    assert b"MusicGen" not in take.audio.read_bytes()


def test_humanised_takes_say_so(recorder: Recorder, clip_of: Callable[..., Clip]) -> None:
    asked = {"title": "A", "name": "a", "parameters": {"mode": "minor"}}
    plain, human = (
        replace(recorder, human_seed=seed).take([clip_of()], **asked) for seed in (None, 3)
    )
    assert said_by(human.audio)["parameters"] == {"mode": "minor", "human_seed": 3}
    assert plain.audio.read_bytes() != human.audio.read_bytes()


def test_a_long_piece_is_heard_while_it_is_made(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    clips = [clip_of(i) for i in range(3)]
    stream = recorder.stream(clips)
    first = next(stream)
    rest = list(stream)
    assert first.shape == (CHUNK, 2) and first.dtype == np.int16
    assert {len(chunk) for chunk in rest[:-1]} == {CHUNK}
    assert max(np.abs(chunk).max() for chunk in (first, *rest)) <= round(32_767 * PEAK)
    joined = np.concatenate([first, *rest]) / 32_767
    saved = soundfile.read(recorder.take(clips, title="", name="a").audio)[0]
    assert len(saved) == len(joined)
    gain = np.sqrt((saved**2).mean() / (joined**2).mean())
    assert np.abs(saved - gain * joined).max() < 1e-3


def test_music_asked_in_a_style_has_its_instruments(tiny_composer: Composer) -> None:
    from musicgen_vae.audio.mix import programs_for

    style = tiny_composer.spec.styles[0]
    for form in ("A", "AB"):
        request = SampleRequest(style=style, form=form)
        ((_, clips),) = writing(tiny_composer, request)
        assert {clip.programs for clip in clips} == {programs_for(style)}


# -- Facts -----------------------------------------------------------------------------------------

EDGES = Edges(
    values={
        name: tuple(float(edge) for edge in edges)
        for name, edges in {
            "density": range(1, 8),
            "polyphony": range(1, 8),
            "register": range(50, 57),
            "syncopation": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        }.items()
    }
)


def test_facts_are_as_measured(clip_of: Callable[..., Clip]) -> None:
    # 8 notes struck a bar of 4 quarters; melody, 3 chord notes and bass sound throughout.
    said = facts([clip_of(key="G major", tempo_qpm=96.4)], EDGES)
    assert said[:5] == ("G major", "4/4", "♩ = 96", "4 bars", "32 notes")
    assert "density 2 a quarter (level 2)" in said
    assert "polyphony 5 (level 5)" in said
    assert "syncopation 0 (level 0)" in said
    (register,) = (fact for fact in said if fact.startswith("register"))
    assert "(level 6)" in register or "(level 7)" in register
    assert said[-1].startswith("chords G")


def test_facts_of_several_clips_name_what_changes(clip_of: Callable[..., Clip]) -> None:
    said = facts([clip_of(), clip_of(1, key="D major", tempo_qpm=90)], EDGES)
    assert said[:5] == ("C major → D major", "4/4", "♩ = 90-120", "8 bars", "64 notes")
    assert not any(fact.startswith("chords") for fact in said)


def test_facts_of_silence() -> None:
    assert facts([Clip(n_bars=1)], EDGES) == (
        "C major",
        "4/4",
        "♩ = 120",
        "1 bar",
        "0 notes",
        "density 0 a quarter (level 0)",
    )


def test_note_names() -> None:
    assert [note_name(pitch) for pitch in (0, 60, 69, 127)] == ["C-1", "C4", "A4", "G9"]


def test_a_preview_is_known_as_what_was_sent_if_it_is_all_of_it(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    short = recorder.take([clip_of()], title="", name="a")
    long = recorder.take([clip_of(), clip_of(1)], title="", name="a")
    preview = recorder.take([clip_of()], title="", name="original")
    assert known_as(short)(preview) == replace(preview, id=short.id)
    assert known_as(long)(preview).id == ""
