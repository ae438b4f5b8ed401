from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import wave
from io import BytesIO
from pathlib import Path

import mido
import numpy as np
import pytest

from musicgen_vae.audio.fluidsynth import FluidSynthRenderer, with_mix
from musicgen_vae.audio.mix import BAND
from musicgen_vae.audio.renderer import CHUNK, PEAK, n_samples, timed_notes
from musicgen_vae.audio.soundfont import SOUNDFONT_VARIABLE, find_soundfont
from musicgen_vae.errors import InputError, RenderError
from musicgen_vae.music.midi import write_midi

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="the program fluidsynth is not installed"
)


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made, to see that none stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv(SOUNDFONT_VARIABLE, raising=False)
    return folder


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a shell script in FluidSynth's place; its arguments: -ni font midi -F wav -r rate."""

    def install(script: str) -> FluidSynthRenderer:
        program = tmp_path / "bin" / "fluidsynth"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return FluidSynthRenderer(timeout_s=30)

    return install


def write_wav(path: Path, seconds: float, *, level: int = 3_000, channels: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(44_100)
        samples = np.full(round(seconds * 44_100) * channels, level, "<i2")
        file.writeframes(samples.tobytes())
    return path


@needs_fluidsynth
def test_a_band_is_heard_and_not_clipped(band, scratch):
    piece = band()
    samples = FluidSynthRenderer().render(piece)
    assert samples.dtype == np.float32
    assert samples.shape == (n_samples(piece, 44_100), 2)
    assert 0.1 < np.abs(samples).max() <= PEAK + 1e-6
    assert not list(scratch.iterdir())


@needs_fluidsynth
def test_the_same_piece_gives_the_same_samples(band):
    renderer = FluidSynthRenderer()
    assert np.array_equal(renderer.render(band()), renderer.render(band()))


@needs_fluidsynth
def test_chunks_joined_are_the_rendering_and_it_only_plays_exactly(band):
    renderer = FluidSynthRenderer()
    chunks = list(renderer.render_chunks(band()))
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK}
    assert np.array_equal(np.concatenate(chunks), renderer.render(band()))
    with pytest.raises(InputError, match="humanise with the renderer in PyTorch"):
        next(renderer.render_chunks(band(), human_seed=1))


@needs_fluidsynth
def test_sixty_notes_at_once_do_not_clip(piece_of):
    notes = [(0, role, pitch, 48, 7) for role in range(3) for pitch in range(36, 96, 3)]
    samples = FluidSynthRenderer().render(piece_of(*notes, programs=(73, 48, 33, 0)))
    assert np.abs(samples).max() == pytest.approx(PEAK)
    assert np.mean(np.abs(samples) > 0.999 * PEAK) < 1e-4


@needs_fluidsynth
@pytest.mark.parametrize("programs", [(73, 0, 33, 0), (40, 48, 43, 0)])
def test_what_sounds_is_what_is_written(band, chroma_agreement, programs):
    piece = band(programs, drums=False)
    renderer = FluidSynthRenderer()
    assert chroma_agreement(renderer.render(piece), renderer.sample_rate, piece) >= 0.9


@needs_fluidsynth
def test_onsets_follow_the_tempo_of_each_bar(piece_of, onsets_s):
    hits = [(48 * bar + beat, 3, 36, 3, 5) for bar in range(3) for beat in (0, 24)]
    piece = piece_of(*hits, n_bars=3, tempi=(60.0, 120.0, 90.0))
    measured = onsets_s(FluidSynthRenderer().render(piece), 44_100)
    assert measured == pytest.approx([0, 2, 4, 5, 6, 6 + 4 / 3], abs=0.02)


def test_midi_files_have_the_loudness_of_the_timed_notes(piece_of):
    piece = piece_of(*[(12 * v, 0, 60 + v, 6, v) for v in range(8)], (96, 0, 70, 6))
    written = [
        m.velocity for m in mido.MidiFile(file=BytesIO(write_midi(piece))) if m.type == "note_on"
    ]
    assert written == [note.velocity for note in timed_notes(piece)]


def test_the_mix_is_written_as_controllers_before_the_notes(band):
    file = mido.MidiFile(file=BytesIO(with_mix(write_midi(band()), BAND)))
    for role, track in zip(BAND, file.tracks[1:], strict=True):
        set_to = {m.control: m.value for m in track if m.type == "control_change"}
        assert (set_to[7], set_to[10]) == (BAND[role].volume, BAND[role].pan)
        kinds = [m.type for m in track]
        assert kinds.index("control_change") < kinds.index("note_on")
    notes = [m for m in mido.MidiFile(file=BytesIO(write_midi(band()))) if m.type == "note_on"]
    assert [m for m in file if m.type == "note_on"] == notes


@needs_fluidsynth
def test_no_chorus(piece_of):
    """FluidSynth 2.3's own chorus turns the left side of strings against the right."""
    samples = FluidSynthRenderer().render(
        piece_of((0, 1, 60, 96), (0, 1, 69, 96), programs=(0, 48, 0, 0))
    )
    assert np.corrcoef(samples.T)[0, 1] > 0


def test_silence_needs_no_fluidsynth_run(piece_of, fake):
    silence = fake("exit 1").render(piece_of(n_bars=2))
    assert silence.shape == (round(5.5 * 44_100), 2)
    assert not silence.any()


@needs_fluidsynth
@pytest.mark.parametrize("kept", [0, 3, 50_000])
def test_a_broken_soundfont_is_an_error_and_not_another_sound(piece_of, tmp_path, scratch, kept):
    default = find_soundfont()
    assert default is not None
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(default.read_bytes()[:kept])
    with pytest.raises(RenderError, match="FluidSynth failed"):
        FluidSynthRenderer(broken).render(piece_of((0, 0, 60, 12)))
    assert not list(scratch.iterdir())


def test_a_missing_soundfont_is_named(tmp_path, fake, monkeypatch):
    fake("exit 0")
    with pytest.raises(RenderError, match=r"no SoundFont .*none\.sf2"):
        FluidSynthRenderer(tmp_path / "none.sf2")
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "other.sf2"))
    with pytest.raises(RenderError, match=r"no SoundFont .*other\.sf2"):
        FluidSynthRenderer()


def test_the_soundfont_is_pretty_midis_or_the_one_that_is_named(tmp_path, monkeypatch):
    default = find_soundfont()
    assert default is not None
    assert default.name == "TimGM6mb.sf2" and default.read_bytes()[8:12] == b"sfbk"
    other = tmp_path / "other.sf2"
    other.touch()
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(other))
    assert find_soundfont() == other


def test_without_the_program_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RenderError, match="not installed"):
        FluidSynthRenderer()


def test_a_good_result_is_cut_to_length(piece_of, fake, tmp_path):
    wav = write_wav(tmp_path / "good.wav", 12)
    samples = fake(f'cp "{wav}" "$5"').render(piece_of((0, 0, 60, 192), n_bars=4))
    assert samples.shape == (round(9.5 * 44_100), 2)
    assert samples[44_100] == pytest.approx(3_000 / 32_768)


@pytest.mark.parametrize(
    ("seconds", "level", "channels", "message"),
    [
        (1.0, 3_000, 2, r"played 1\.0 s of a piece of 8\.0 s"),
        (90.0, 3_000, 2, r"played 90\.0 s of a piece of 8\.0 s"),
        (9.0, 0, 2, "no sound"),
        (9.0, 3_000, 1, "wrote 1 channels"),
    ],
)
def test_a_wrong_result_is_an_error(
    piece_of, fake, tmp_path, scratch, seconds, level, channels, message
):
    wav = write_wav(tmp_path / "result.wav", seconds, level=level, channels=channels)
    with pytest.raises(RenderError, match=message):
        fake(f'cp "{wav}" "$5"').render(piece_of((0, 0, 60, 192), n_bars=4))
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "wrote no sound file"),
        ('echo junk > "$5"', "wrote no sound file"),
        ('printf "RIFFjunkjunkjunk" > "$5"', "broken sound file"),
        (
            'echo "fluidsynth: error: it broke" >&2',
            "FluidSynth failed: fluidsynth: error: it broke",
        ),
    ],
)
def test_a_failure_that_exits_with_0_is_an_error(piece_of, fake, scratch, script, message):
    with pytest.raises(RenderError, match=message):
        fake(script).render(piece_of((0, 0, 60, 12)))
    assert not list(scratch.iterdir())


def test_a_hanging_fluidsynth_is_ended(piece_of, fake, scratch, tmp_path):
    fake(f'echo $$ > "{tmp_path}/pid"; exec sleep 600')
    with pytest.raises(RenderError, match="took more than 4 s"):
        FluidSynthRenderer(timeout_s=4).render(piece_of((0, 0, 60, 12)))
    assert not list(scratch.iterdir())
    pid = (tmp_path / "pid").read_text().strip()
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")
