"""How different two clips sound."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.music.clip import Clip
from musicgen_vae.music.distance import clip_distances
from tests.evaluation.clips import line, songs

A, B, *OTHERS = songs(0, 2).clips


def clip_distance(a: Clip, b: Clip) -> float:
    return float(clip_distances([a, b])[0, 1])


def test_distance() -> None:
    assert clip_distance(A, A) == pytest.approx(0.0, abs=1e-12)
    assert clip_distance(A, B) == pytest.approx(clip_distance(B, A))
    assert 0 < clip_distance(A, B) < 1
    low, high = line((0, 60, 12)), line((0, 72, 12))
    assert clip_distance(low, high) == pytest.approx(0.0)  # an octave is no other chroma
    assert clip_distance(low, line((0, 61, 12))) == 0.5
    assert clip_distance(low, line((48, 61, 12))) == 1.0
    assert clip_distance(Clip(), Clip()) == 0.0
    assert clip_distance(Clip(), low) == 1.0


def test_distances_of_many_are_those_of_pairs() -> None:
    clips = [A, B, *OTHERS, Clip(), line((0, 60, 12))]
    found = clip_distances(clips)
    np.testing.assert_allclose(found, [[clip_distance(a, b) for b in clips] for a in clips])
    np.testing.assert_allclose(np.diag(found), 0.0, atol=1e-12)
