from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen_vae.audio.renderer import PEAK, n_samples
from musicgen_vae.audio.synthesis import BuiltInRenderer, _release
from musicgen_vae.music.clip import DRUM_PITCHES, Role


@pytest.fixture
def renderer() -> BuiltInRenderer:
    return BuiltInRenderer()


def level_db(samples) -> float:
    return 20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-12)


def test_a_band_is_heard_and_not_clipped(renderer, band):
    piece = band()
    samples = renderer.render(piece)
    assert samples.dtype == np.float32
    assert samples.shape == (n_samples(piece, renderer.sample_rate), 2)
    assert np.isfinite(samples).all()
    assert 0.2 < np.abs(samples).max() <= PEAK + 1e-6
    assert level_db(samples[: 8 * renderer.sample_rate]) > -30
    assert abs(samples.mean()) < 1e-3


@pytest.mark.parametrize(
    "programs",
    [(73, 0, 33, 0), (0, 0, 0, 0), (40, 48, 43, 0), (56, 25, 32, 0), (12, 19, 58, 0)],
)
def test_what_sounds_is_what_is_written(renderer, band, chroma_agreement, programs):
    piece = band(programs, drums=False)
    samples = renderer.render(piece)
    assert chroma_agreement(samples, renderer.sample_rate, piece) >= 0.9


@pytest.mark.parametrize("program", [0, 19, 32, 38, 43, 58])
def test_a_low_bass_line_has_its_pitches(renderer, piece_of, chroma_agreement, program):
    line = [(24 * i, 2, pitch, 24, 5) for i, pitch in enumerate((28, 33, 31, 36, 29, 34, 28, 40))]
    piece = piece_of(*line, programs=(0, 0, program, 0))
    samples = renderer.render(piece)
    assert chroma_agreement(samples, renderer.sample_rate, piece) >= 0.9


def test_the_same_piece_gives_the_same_samples(renderer, band):
    first = renderer.render(band())
    renderer.render(band((0, 48, 32, 0)))
    assert np.array_equal(renderer.render(band()), first)
    assert np.array_equal(BuiltInRenderer().render(band()), first)


def test_no_bars_and_no_notes(renderer, piece_of):
    silence = renderer.render(piece_of(n_bars=4))
    assert silence.shape == (round(9.5 * renderer.sample_rate), 2)
    assert not silence.any()
    assert not renderer.render(piece_of(n_bars=0)).any()


def test_onsets_follow_the_tempo_of_each_bar(renderer, piece_of, onsets_s):
    hits = [(48 * bar + beat, 3, 36, 3, 5) for bar in range(3) for beat in (0, 24)]
    piece = piece_of(*hits, n_bars=3, tempi=(60.0, 120.0, 90.0))
    measured = onsets_s(renderer.render(piece), renderer.sample_rate)
    assert measured == pytest.approx([0, 2, 4, 5, 6, 6 + 4 / 3], abs=0.01)


def test_sixty_notes_at_once_do_not_clip(renderer, piece_of):
    notes = [(0, role, pitch, 48, 7) for role in range(3) for pitch in range(36, 96, 3)]
    samples = renderer.render(piece_of(*notes, programs=(73, 48, 33, 0)))
    assert len(notes) == 60
    assert 0.5 < np.abs(samples).max() <= PEAK + 1e-6


def test_one_gain_for_the_whole_piece(renderer, piece_of):
    soft = (0, 0, 60, 12, 2)
    loud = [(96, 1, pitch, 48, 7) for pitch in range(30, 90)]
    alone = renderer.render(piece_of(soft))
    together = renderer.render(piece_of(soft, *loud))
    body = slice(0, renderer.sample_rate)
    assert np.abs(together).max() == pytest.approx(PEAK)
    heard = np.abs(alone[body]) > 1e-3
    gain = together[body][heard] / alone[body][heard]
    assert gain.max() < 0.9
    assert gain.max() - gain.min() < 1e-3


@pytest.mark.parametrize("pitch", DRUM_PITCHES)
def test_every_drum_is_heard(renderer, piece_of, pitch):
    samples = renderer.render(piece_of((0, 3, pitch, 3, 5)))
    assert level_db(samples[: renderer.sample_rate // 10]) > -45
    assert np.abs(samples).max() <= PEAK


def test_drums_differ(renderer, piece_of):
    hits = [renderer.render(piece_of((0, 3, pitch, 3, 5)))[:20_000, 0] for pitch in DRUM_PITCHES]
    likeness = np.corrcoef(hits) - np.eye(len(hits))
    assert np.abs(likeness).max() < 0.95


def test_the_closed_hat_silences_the_open_one(renderer, piece_of):
    ringing = renderer.render(piece_of((0, 3, 46, 3, 5)))
    choked = renderer.render(piece_of((0, 3, 46, 3, 5), (6, 3, 42, 3, 5)))
    late = slice(round(0.45 * renderer.sample_rate), round(0.6 * renderer.sample_rate))
    assert level_db(choked[late]) < level_db(ringing[late]) - 6


def test_louder_velocity_is_louder_and_unknown_is_middling(renderer, piece_of):
    levels = [level_db(renderer.render(piece_of((0, 0, 60, 24, v)))) for v in range(8)]
    assert np.diff(levels).min() > 0.5
    assert levels[4] < level_db(renderer.render(piece_of((0, 0, 60, 24)))) < levels[5]


@pytest.mark.parametrize("program", [0, 19, 24, 33, 48, 56, 73])
def test_a_note_ends_soon_after_its_note_off(renderer, piece_of, program):
    samples = renderer.render(piece_of((0, 0, 60, 24, 5), programs=(program, 0, 32, 0)))
    second = renderer.sample_rate
    held = level_db(samples[second // 2 : second])
    assert level_db(samples[2 * second : 3 * second]) < held - 25
    assert held > -60


def test_the_release_is_a_fade_and_no_cut():
    released = _release(np.ones(2_000, np.float32), 1.0, 0.5, 1_000)
    assert len(released) == 1_500
    assert (released[:1_000] == 1).all()
    assert (np.diff(released[1_000:]) < 0).all()
    assert released[-1] == pytest.approx(1e-3, rel=0.02)
    assert len(_release(np.ones(300, np.float32), 1.0, 0.5, 1_000)) == 300


def test_mono_keeps_nearly_everything(renderer, band):
    samples = renderer.render(band())
    mono = level_db(samples.mean(axis=1))
    assert mono > level_db(samples) - 1.5
    for role in Role:
        alone = renderer.render(_only(band(), role))
        assert level_db(alone.mean(axis=1)) > level_db(alone) - 2.0


def _only(piece, role):
    return replace(piece, notes=tuple(note for note in piece.notes if note.role is role))


def test_very_long_notes_end_without_trouble(renderer, piece_of):
    samples = renderer.render(piece_of((0, 0, 60, 192, 5), programs=(19, 0, 0, 0), tempi=(30.0,)))
    second = renderer.sample_rate
    assert level_db(samples[18 * second : 19 * second]) > -45
    assert level_db(samples[24 * second : 25 * second]) < -90


def test_the_cache_is_bounded_and_belongs_to_the_object(renderer, piece_of):
    chromatic = [(3 * i, 0, 30 + i % 79, 3, i % 8) for i in range(300)]  # no two alike
    renderer.render(piece_of(*chromatic, n_bars=20, tempi=(240.0,)))
    assert renderer._cached_tone.cache_info().currsize == 256
    assert BuiltInRenderer()._cached_tone.cache_info().currsize == 0
