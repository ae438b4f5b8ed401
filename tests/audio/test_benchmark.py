from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

from musicgen_vae.audio import benchmark
from musicgen_vae.audio.benchmark import (
    CLIP_S,
    N_CLIPS,
    SOLO_PROGRAMS,
    band_pieces,
    drum_piece,
    fluidsynth_dry,
    goals,
    programs_of,
    solo_piece,
)
from musicgen_vae.audio.compare import compare
from musicgen_vae.audio.mix import NEUTRAL
from musicgen_vae.audio.renderer import duration_s
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.errors import RenderError
from musicgen_vae.music.clip import Role
from musicgen_vae.music.midi import write_midi


def test_the_music_is_16_different_clips_of_8_seconds_for_many_instruments():
    pieces = band_pieces()
    assert len(pieces) == N_CLIPS == 16
    assert len({piece.notes for piece in pieces}) == len({p.programs for p in pieces}) == 16
    for piece in pieces:
        assert piece.bars[-1].end * 60 / 12 / piece.bars[0].tempo_qpm == pytest.approx(CLIP_S)
        assert Role.DRUMS in {note.role for note in piece.notes}
    assert len(programs_of(pieces)) >= 24 and len(SOLO_PROGRAMS) >= 24
    assert all(duration_s(solo_piece(program)) >= CLIP_S for program in SOLO_PROGRAMS)


def test_goals_are_met_or_missed():
    result = {
        "full_mixes": {
            "log_mel_db_mean": 1.0, "onset_correlation_mean": 0.98, "loudness_correlation_mean": 1.0
        },
        "solo_programs": {"log_mel_db_median": 0.6},
        "time": {"ratio_to_fluidsynth": 0.9, "first_chunk_median_s": 0.31},
        "peak_memory_mb": None,
    }  # fmt: skip
    met = {name: goal["met"] for name, goal in goals(result).items()}
    assert met == {
        "log_mel_db_full_mixes": True,
        "log_mel_db_solo_median": False,
        "onset_correlation": False,
        "loudness_correlation": True,
        "time_ratio_to_fluidsynth": True,
        "first_chunk_s": False,
        "peak_memory_mb": None,
    }


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="the program fluidsynth is not installed"
)
def test_the_benchmark_runs(monkeypatch):
    monkeypatch.setattr(benchmark, "N_CLIPS", 5)
    monkeypatch.setattr(benchmark, "SOLO_PROGRAMS", (0, 40))
    monkeypatch.setattr(benchmark, "_REPEATS", 1)
    result = benchmark.benchmark_audio(lambda _: None)
    assert result["full_mixes"]["n"] == result["time"]["clips"] == 5
    assert set(result["each_program"]) == {"0", "40"}
    assert {"log_mel_db_full_mixes", "loudness_correlation"} <= {
        name for name, goal in result["goals"].items() if goal["met"]
    }


def likeness(piece, folder: Path):
    midi, wav = folder / "a.mid", folder / "a.wav"
    midi.write_bytes(write_midi(piece))
    fluidsynth_dry(midi, wav)
    reference = soundfile.read(wav, dtype="float32")[0]
    return compare(TorchRenderer(mix=NEUTRAL).render(piece), reference, 44_100)


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="the program fluidsynth is not installed"
)
@pytest.mark.parametrize(
    "piece",
    [band_pieces()[3], band_pieces()[13], solo_piece(0), solo_piece(40), drum_piece()],
    ids=["band", "chorale", "piano", "violin", "drums"],
)
def test_it_sounds_like_fluidsynth(piece, tmp_path):
    heard = likeness(piece, tmp_path)
    assert heard.log_mel_db < 0.3
    assert heard.onsets > 0.99 and heard.loudness > 0.995


def test_without_fluidsynth_there_is_nothing_to_compare_with(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RenderError, match="not installed"):
        fluidsynth_dry(tmp_path / "a.mid", tmp_path / "a.wav")
