from __future__ import annotations

import numpy as np
import pytest
import soundfile

from musicgen_vae.audio.export import FORMATS, write_audio
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
