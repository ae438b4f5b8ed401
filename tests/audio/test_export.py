from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from musicgen_vae.audio.export import (
    CEILING,
    FORMATS,
    TARGET_LUFS,
    Tags,
    loudness,
    match_loudness,
    to_loudness,
    write_audio,
)
from musicgen_vae.errors import InputError

RATE = 44_100


def chord(seconds: float):
    t = np.arange(round(seconds * RATE)) / RATE
    left = 0.4 * np.sin(2 * np.pi * 440 * t)
    right = 0.4 * np.sin(2 * np.pi * 660 * t)
    return np.stack([left, right], axis=1).astype(np.float32)


@pytest.mark.parametrize("extension", [".wav", ".flac"])
def test_lossless_formats_come_back_to_half_a_step_of_16_bits(tmp_path, extension):
    samples = chord(1.0)
    path = write_audio(tmp_path / f"a{extension}", samples, RATE)
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and back.shape == samples.shape
    assert np.abs(back - samples).max() <= 1.01 / 32_768
    assert soundfile.info(path).subtype == "PCM_16"


@pytest.mark.parametrize("extension", [".ogg", ".mp3"])
def test_lossy_formats_sound_alike(tmp_path, extension):
    samples = chord(2.0)
    path = write_audio(tmp_path / f"a{extension}", samples, RATE)
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and back.shape[1] == 2
    assert abs(len(back) - len(samples)) < 0.1 * RATE
    for channel in range(2):
        sent, received = (
            np.abs(np.fft.rfft(x[:RATE, channel] * np.hanning(RATE))) for x in (samples, back)
        )
        assert received.argmax() == sent.argmax()
        assert received.max() == pytest.approx(sent.max(), rel=0.1)


def test_containers_are_what_the_extension_says(tmp_path):
    magic = {".wav": b"RIFF", ".flac": b"fLaC", ".ogg": b"OggS"}
    for extension in FORMATS:
        path = write_audio(str(tmp_path / f"B{extension.upper()}"), chord(0.2), RATE)
        head = path.read_bytes()[:4]
        assert head == magic[extension] if extension in magic else head[:1] in (b"I", b"\xff")


def test_long_sound_in_every_format(tmp_path):
    """One write of minutes overflows the stack of libsndfile's Vorbis encoder."""
    samples = np.tile(chord(1.0), (150, 1))
    path = write_audio(tmp_path / "long.ogg", samples, RATE)
    assert soundfile.info(path).frames == len(samples)


def test_mono_silence_and_nothing(tmp_path):
    assert soundfile.info(write_audio(tmp_path / "m.wav", chord(0.1)[:, 0], RATE)).channels == 1
    assert soundfile.info(write_audio(tmp_path / "e.wav", chord(0.0), RATE)).frames == 0


@pytest.mark.parametrize("name", ["a.aac", "a", "wav", "a.wav.txt"])
def test_other_extensions_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"end the name in \.wav, \.flac, \.ogg, \.mp3"):
        write_audio(tmp_path / name, chord(0.1), RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("extension", FORMATS)
def test_tags_come_back_and_anonymous_files_say_nothing(tmp_path, extension):
    tags = Tags(title="Ode à la joie", seed=7, parameters={"mode": "minor"}, checkpoint="abc123")
    path = write_audio(tmp_path / f"a{extension}", chord(0.5), RATE, tags)
    with soundfile.SoundFile(path) as file:
        assert file.title == ("Ode a la joie" if extension == ".mp3" else tags.title)
        said = json.loads(file.comment)
    assert said == {"seed": 7, "parameters": {"mode": "minor"}, "checkpoint": "abc123"}
    path = write_audio(tmp_path / f"b{extension}", chord(0.5), RATE)
    with soundfile.SoundFile(path) as file:
        assert not file.title and not file.comment
    assert b"MusicGen" not in path.read_bytes()


@pytest.mark.parametrize("gain", [0.01, 0.3, 2.0])
def test_loudness_is_met_where_the_ceiling_lets_it(gain):
    samples = to_loudness(np.float32(gain) * chord(2.0), RATE)
    assert loudness(samples, RATE) == pytest.approx(TARGET_LUFS, abs=0.05)
    assert np.abs(samples).max() <= CEILING


def test_the_ceiling_goes_before_the_loudness():
    samples = 0.001 * chord(2.0)
    samples[RATE] = 0.9
    louder = to_loudness(samples, RATE)
    assert np.abs(louder).max() == pytest.approx(CEILING, rel=1e-5)
    measured = loudness(louder, RATE)
    assert measured is not None and measured < TARGET_LUFS - 3


def test_silence_and_clicks_have_no_loudness():
    for samples in (np.zeros((RATE, 2), np.float32), chord(0.1), chord(0.0), 1e-6 * chord(1.0)):
        assert loudness(samples, RATE) is None
        assert np.array_equal(to_loudness(samples, RATE), samples)
    assert np.abs(to_loudness(10 * chord(0.1), RATE)).max() == pytest.approx(CEILING, rel=1e-5)


def test_pairs_are_matched_to_the_one_that_can_be_less_loud():
    peaky = 0.001 * chord(2.0)
    peaky[RATE] = 0.9
    a, b = match_loudness(chord(2.0), peaky, RATE)
    heard = [loudness(x, RATE) for x in (a, b)]
    assert heard[0] == pytest.approx(heard[1], abs=0.05)
    assert heard[1] < TARGET_LUFS - 3
    same = match_loudness(chord(2.0), 0.1 * chord(2.0), RATE)
    assert loudness(same[0], RATE) == pytest.approx(TARGET_LUFS, abs=0.05)
    assert np.allclose(*same, atol=1e-4)
