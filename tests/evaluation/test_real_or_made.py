"""A classifier cannot tell what does not differ, and tells what does."""

from __future__ import annotations

import numpy as np

from musicgen_vae.evaluation.features import texture_table
from musicgen_vae.evaluation.real_or_made import real_or_made_auc
from musicgen_vae.music.clip import transpose
from tests.evaluation.clips import songs


def test_equal_sets_cannot_be_told() -> None:
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(2, 200, 6))
    names = [f"s{i // 4}" for i in range(200)]
    assert 0.35 < real_or_made_auc(real, made, names) < 0.65


def test_other_music_can_be_told() -> None:
    from dataclasses import replace

    real = songs(0, 25)
    made = [replace(c, notes=transpose(c.notes, 7)) for c in songs(30, 25).clips]
    auc = real_or_made_auc(texture_table(real.clips), texture_table(made), real.songs)
    assert auc > 0.95
