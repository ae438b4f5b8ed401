from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from musicgen_vae.audio import export
from musicgen_vae.audio.export import FORMATS, Tags, write_audio
from musicgen_vae.audio.loudness import TARGET_LUFS, level_of
from musicgen_vae.audio.renderer import PEAK
from musicgen_vae.errors import InputError

RATE = 44_100


def chord(seconds: float):
    t = np.arange(round(seconds * RATE)) / RATE
    left = 0.4 * np.sin(2 * np.pi * 440 * t)
    right = 0.4 * np.sin(2 * np.pi * 660 * t)
    return np.stack([left, right], axis=1).astype(np.float32)


def at_target(samples):
    return samples * np.float32(level_of([samples], RATE).gain())


@pytest.mark.parametrize("extension", [".wav", ".flac"])
def test_lossless_formats_come_back_to_half_a_step_of_16_bits(tmp_path, extension):
    samples = chord(1.0)
    path = tmp_path / f"a{extension}"
    write_audio(path, [samples], RATE)
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and back.shape == samples.shape
    assert np.abs(back - at_target(samples)).max() <= 1.01 / 32_768
    assert soundfile.info(path).subtype == "PCM_16"


@pytest.mark.parametrize("extension", [".ogg", ".mp3"])
def test_lossy_formats_sound_alike(tmp_path, extension):
    samples = at_target(chord(2.0))
    path = tmp_path / f"a{extension}"
    write_audio(path, [samples], RATE)
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
        path = tmp_path / f"B{extension.upper()}"
        write_audio(path, [chord(0.2)], RATE)
        head = path.read_bytes()[:4]
        assert head == magic[extension] if extension in magic else head[:1] in (b"I", b"\xff")


def test_long_sound_in_a_lossy_format(tmp_path):
    """One write of minutes overflows the stack of libsndfile's Vorbis encoder."""
    write_audio(tmp_path / "long.ogg", [np.tile(chord(1.0), (150, 1))], RATE)
    assert soundfile.info(tmp_path / "long.ogg").frames == 150 * RATE


@pytest.mark.parametrize("in_memory", [1 << 30, 1_000])
def test_chunks_in_memory_and_on_disk_make_the_same_file_as_the_whole(
    tmp_path, monkeypatch, in_memory
):
    samples = chord(2.0) * np.linspace(0.01, 1, 2 * RATE, dtype=np.float32)[:, None]
    whole = write_audio(tmp_path / "whole.wav", [samples], RATE)
    monkeypatch.setattr(export, "_IN_MEMORY_BYTES", in_memory)
    chunks = (samples[i : i + 7_001] for i in range(0, len(samples), 7_001))
    parts = write_audio(tmp_path / "parts.wav", chunks, RATE)
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "parts.wav").read_bytes()
    assert parts.lufs == pytest.approx(whole.lufs)


def test_silence_and_nothing(tmp_path):
    for name, chunks in (("silence", [np.zeros((RATE, 2), np.float32)]), ("none", [])):
        level = write_audio(tmp_path / f"{name}.wav", chunks, RATE)
        assert level.lufs is None and level.peak == 0
        assert soundfile.info(tmp_path / f"{name}.wav").frames == sum(map(len, chunks))


@pytest.mark.parametrize("name", ["a.aac", "a", "wav", "a.wav.txt"])
def test_other_extensions_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"end the name in \.wav, \.flac, \.ogg, \.mp3"):
        write_audio(tmp_path / name, [chord(0.1)], RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("extension", FORMATS)
def test_tags_come_back_and_anonymous_files_say_nothing(tmp_path, extension):
    tags = Tags(title="Ode à la joie", seed=7, parameters={"mode": "minor"}, checkpoint="abc123")
    path = tmp_path / f"a{extension}"
    write_audio(path, [chord(0.5)], RATE, tags=tags)
    with soundfile.SoundFile(path) as file:
        assert file.title == ("Ode a la joie" if extension == ".mp3" else tags.title)
        said = json.loads(file.comment)
    assert said == {"seed": 7, "parameters": {"mode": "minor"}, "checkpoint": "abc123"}
    path = tmp_path / f"b{extension}"
    write_audio(path, [chord(0.5)], RATE)
    with soundfile.SoundFile(path) as file:
        assert not file.title and not file.comment
    assert b"MusicGen" not in path.read_bytes()


@pytest.mark.parametrize("title", ["", "\0", "a\0b\nc", "\ud800 x", "é" * 5_000])
@pytest.mark.parametrize("extension", FORMATS)
def test_whatever_a_visitor_calls_it(tmp_path, extension, title):
    write_audio(tmp_path / f"a{extension}", [chord(0.5)], RATE, tags=Tags(title=title))
    assert soundfile.info(tmp_path / f"a{extension}").frames > 0.4 * RATE


def test_only_what_there_is_is_said():
    assert json.loads(Tags(title="a").comment()) == {}
    assert json.loads(Tags(seed=0).comment()) == {"seed": 0}


@pytest.mark.parametrize("target", [TARGET_LUFS, -20.0])
def test_what_is_heard_is_what_is_told(tmp_path, target):
    told = write_audio(tmp_path / "a.wav", [0.1 * chord(2.0)], RATE, target=target)
    heard = level_of([soundfile.read(tmp_path / "a.wav", dtype="float32")[0]], RATE)
    assert heard.lufs == pytest.approx(told.lufs, abs=0.01)
    assert told.lufs == pytest.approx(target)
    assert heard.peak == pytest.approx(told.peak, abs=1e-4)
    assert heard.peak <= PEAK
