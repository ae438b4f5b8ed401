from __future__ import annotations

import json
from collections.abc import Callable
from inspect import signature

import pytest
import soundfile

from musicgen_vae.audio.renderer import TAIL_S, duration_s
from musicgen_vae.errors import ControlError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.defaults import DEFAULT_GUIDANCE, LATENT_TEMPERATURE, TEMPERATURE
from musicgen_vae.music.clip import Clip, Meter, Mode
from musicgen_vae.music.midi import read_midi
from musicgen_vae.ui.creating import (
    MAX_GUIDANCE,
    SampleRequest,
    novelty_facts,
    sample_one,
    sampling,
    varying,
    writing,
)
from musicgen_vae.ui.takes import Recorder


def test_a_take_is_heard_as_it_is_written(tiny_composer: Composer, recorder: Recorder) -> None:
    (take,) = sampling(tiny_composer, recorder, SampleRequest(seed=7))
    assert take.title == "Seed 7"
    again = read_midi(take.midi.read_bytes())
    assert {(n.start, n.pitch) for n in again.notes} == {
        (n.start - take.piece.notes[0].start // 48 * 48, n.pitch) for n in take.piece.notes
    }
    info = soundfile.info(take.audio)
    assert info.format == "WAV"
    assert info.duration == pytest.approx(duration_s(take.piece) + TAIL_S, abs=0.01)


def test_variation_i_is_the_one_of_seed_plus_i(tiny_composer: Composer) -> None:
    several = list(writing(tiny_composer, SampleRequest(seed=3, variations=3)))
    alone = list(writing(tiny_composer, SampleRequest(seed=5)))
    assert [seed for seed, _ in several] == [3, 4, 5]
    assert several[2] == alone[0]
    assert several[0][1] != several[2][1]


def test_takes_do_not_share_files(tiny_composer: Composer, recorder: Recorder) -> None:
    takes = list(sampling(tiny_composer, recorder, SampleRequest(variations=2)))
    takes += list(sampling(tiny_composer, recorder, SampleRequest()))
    files = {path for take in takes for path in (take.midi, take.audio, take.parameters)}
    assert len(files) == 9
    assert all(path.is_file() and recorder.folder in path.parents for path in files)


def test_a_take_tells_how_it_was_made(tiny_composer: Composer, recorder: Recorder) -> None:
    takes = list(sampling(tiny_composer, recorder, SampleRequest(seed=3, variations=2)))
    said = json.loads(takes[1].parameters.read_text())
    assert said["checkpoint"] == tiny_composer.checkpoint.hash
    again = SampleRequest(**said["parameters"])
    assert next(sampling(tiny_composer, recorder, again)).clips == takes[1].clips


def test_what_is_asked_is_what_is_made(tiny_composer: Composer) -> None:
    request = SampleRequest(key="F#", mode="minor", meter="3/4", tempo_qpm=90)
    ((_, (clip,)),) = writing(tiny_composer, request)
    assert str(clip.key) == "F# minor"
    assert clip.meter == Meter(numerator=3)
    assert clip.tempo_qpm == 90


def test_a_key_without_a_mode_is_major(tiny_composer: Composer) -> None:
    request = SampleRequest(key="Eb")
    assert request.controls(tiny_composer.spec).mode is Mode.MAJOR
    ((_, (clip,)),) = writing(tiny_composer, request)
    assert str(clip.key) == "Eb major"


def test_levels_hold_for_all_bars_and_the_rest_is_free(tiny_composer: Composer) -> None:
    controls = SampleRequest(density=7, register=0).controls(tiny_composer.spec)
    assert controls.density == (7,) * 4
    assert controls.register == (0,) * 4
    assert controls.polyphony == controls.syncopation == (None,) * 4
    assert controls.mode is None and controls.tempo is None


def test_levels_can_differ_from_bar_to_bar(tiny_composer: Composer) -> None:
    controls = SampleRequest(density=(0, None, 7, 3)).controls(tiny_composer.spec)
    assert controls.density == (0, None, 7, 3)


def test_a_mood_is_asked_only_of_a_model_that_knows_moods(
    tiny_composer: Composer, emotional_composer: Composer
) -> None:
    request = SampleRequest(valence=0.9, arousal=-0.9)
    with pytest.raises(ControlError, match="not trained with valence, arousal"):
        list(writing(tiny_composer, request))
    controls = request.controls(emotional_composer.spec)
    assert (controls.valence, controls.arousal) == (7, 0)
    assert list(writing(emotional_composer, request))


def test_defaults_are_the_models_own() -> None:
    sample = signature(Composer.sample).parameters
    own = (sample["temperature"].default, sample["latent_temperature"].default)
    assert DEFAULT_GUIDANCE <= MAX_GUIDANCE
    assert own == (TEMPERATURE, LATENT_TEMPERATURE)
    request = SampleRequest()
    assert (request.temperature, request.creativity) == (TEMPERATURE, LATENT_TEMPERATURE)


def test_variations_of_a_take_vary_each_of_its_clips(
    tiny_composer: Composer, recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    take = recorder.take([clip_of(0), clip_of(1)], title="T", name="t")
    made = list(varying(tiny_composer, recorder, take, n=2, seed=5, check=lambda: None))
    assert [len(one.clips) for one in made] == [2, 2]
    assert made[0].clips[0] == tiny_composer.vary(clip_of(0), seed=5)[0]
    assert made[0].title == "Variation 1 of T"
    long = recorder.take([clip_of(0)] * 11, title="T", name="t")
    with pytest.raises(ControlError, match="at most 128"):
        next(varying(tiny_composer, recorder, long, n=3, seed=5, check=lambda: None))


def test_novelty_names_the_nearest_clip_of_the_map(atlas: Atlas) -> None:
    assert novelty_facts(None, [atlas.clip(3)]) == ()
    assert novelty_facts(atlas, [atlas.clip(3)])[0].startswith("novelty 0.00; nearest on the map: ")
    assert novelty_facts(atlas, [atlas.clip(3)] * 2) == ("novelty 0.00",)


def test_a_form_makes_a_clip_for_each_letter(tiny_composer: Composer, recorder: Recorder) -> None:
    (take,) = sampling(tiny_composer, recorder, SampleRequest(form=" aab ", seed=4))
    assert len(take.piece.bars) == 12
    assert take.title == "AAB, seed 4"


@pytest.mark.parametrize(
    "bad",
    [
        {"variations": 0},
        {"variations": 9},
        {"variations": 8, "form": "AABAA"},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": None},
        {"density": 8},
        {"syncopation": -1},
        {"temperature": 2.1},
        {"creativity": float("nan")},
        {"tempo_qpm": 19},
        {"valence": 1.1},
        {"arousal": -2},
        {"repetition": 8},
        {"density": (1, None, 8, 1)},
        {"prior": "uniform"},
        {"guidance": 17},
        {"mode": "dorian"},
        {"key": "H"},
        {"meter": "5/4"},
        {"meter": None},
        {"form": None},
        {"form": "A1"},
    ],
)
def test_limits_are_held_here(bad: dict[str, object]) -> None:
    with pytest.raises(ControlError) as raised:
        SampleRequest(**bad)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_a_style_is_one_of_the_models(tiny_composer: Composer) -> None:
    with pytest.raises(ControlError, match="style 'polka' is none of"):
        SampleRequest(style="polka").controls(tiny_composer.spec)


@pytest.mark.parametrize("form", ["", "A1", "1", "A B", "A" * 17])
def test_a_form_is_1_to_16_letters(tiny_composer: Composer, form: str) -> None:
    with pytest.raises(ControlError, match="1 to 16 letters"):
        list(writing(tiny_composer, SampleRequest(form=form)))


def test_parameters_and_attributes_are_plain_values(
    tiny_composer: Composer, recorder: Recorder
) -> None:
    take, info = sample_one(tiny_composer, recorder, SampleRequest(seed=2, density=3, variations=5))
    assert json.loads(json.dumps(info)) == info
    assert info["parameters"]["seed"] == 2 and info["parameters"]["density"] == 3
    assert info["checkpoint"] == tiny_composer.checkpoint.hash
    (clip,) = info["clips"]
    assert clip["n_notes"] == len(take.piece.notes)
