from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.audio.compare import align, compare

RATE = 44_100


def hits(seed=0, hertz=440.0):
    """Decaying tones at random times, shape (n, 2)."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 4) / RATE
    tone = np.sin(2 * np.pi * hertz * t) * np.exp(-20 * t)
    mono = np.zeros(3 * RATE)
    for start in rng.integers(0, 2 * RATE, 8):
        mono[start : start + len(tone)] += tone * rng.uniform(0.2, 1)
    return np.stack([mono, 0.5 * mono], axis=1).astype(np.float32)


def test_a_sound_is_like_itself_louder_and_a_little_later():
    later = np.roll(0.3 * hits(), 95, axis=0)
    heard = compare(hits(), later, RATE)
    assert heard.log_mel_db < 1e-3
    assert heard.onsets == pytest.approx(1) and heard.loudness == pytest.approx(1)


def test_alignment_undoes_delay_and_gain_and_no_more():
    for lag in (-200, 0, 200):
        a, b = align(np.roll(2 * hits(), -lag, axis=0), hits())
        assert np.abs(a - b).max() < 1e-5
    a, b = align(np.roll(hits(), 5_000, axis=0), hits())
    assert np.abs(a - b).max() > 0.1


def test_other_timing_timbre_and_loudness_are_heard():
    assert compare(hits(0), hits(1), RATE).onsets < 0.6
    assert compare(hits(0, 440), hits(0, 600), RATE).log_mel_db > 1
    swelling = hits() * np.linspace(0.05, 1, 3 * RATE, dtype=np.float32)[:, None]
    assert compare(swelling, hits(), RATE).loudness < 0.9
    swapped = hits()[:, ::-1]
    assert compare(swapped, hits(), RATE).log_mel_db > 0.3
