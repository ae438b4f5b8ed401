from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

from musicgen_vae.audio.benchmark import (
    CLIP_S,
    N_CLIPS,
    SOLO_PROGRAMS,
    band_pieces,
    drum_piece,
    fluidsynth_dry,
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
    used = {p.programs[note.role] for p in pieces for note in p.notes if note.role < Role.DRUMS}
    assert len(used) >= 24 and len(SOLO_PROGRAMS) >= 24
    assert all(duration_s(solo_piece(program)) >= CLIP_S for program in SOLO_PROGRAMS)


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
