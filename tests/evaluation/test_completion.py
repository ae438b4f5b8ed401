"""Hidden notes: what fits a task, and how well what is written agrees."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.evaluation.completion import (
    TASKS,
    fits,
    hidden_nats,
    pitch_class_agreement,
)
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.keeping import keep_notes
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.music.tokens import Field
from tests.evaluation.clips import line, songs

CLIP = songs(0, 1).clips[0]


def test_what_is_kept_and_what_is_hidden() -> None:
    kept = keep_notes(CLIP, roles=[Role.MELODY], bars=[1, 2], before=songs(1, 1).clips[0])
    assert kept.roles == (15, 1, 1, 15)
    assert len(kept.rows) + len(kept.hidden) == len(CLIP.notes)
    assert set(kept.hidden[:, Field.BAR].tolist()) == {1, 2}
    assert set(kept.hidden[:, Field.ROLE].tolist()) == {Role.HARMONY}
    assert len(kept.shown) == len(kept.rows) + len(kept.before) > len(kept.rows)


def test_tasks_fit_clips_that_have_both_sides() -> None:
    melody = CLIP.keep([Role.MELODY])
    assert fits(TASKS["accompany"], CLIP, None)
    assert not fits(TASKS["accompany"], melody, None)
    assert not fits(TASKS["write_melody"], melody, None)
    assert fits(TASKS["fill"], melody, None)
    assert not fits(TASKS["continue"], CLIP, None)
    assert not fits(TASKS["continue"], CLIP, Clip())
    assert fits(TASKS["continue"], CLIP, CLIP)


def test_agreement() -> None:
    hidden = (0, 0, 0, 0)
    assert pitch_class_agreement(CLIP, CLIP, hidden) == pytest.approx(1.0)
    a, octave, other = line((0, 60, 12)), line((6, 72, 12)), line((0, 61, 12))
    assert pitch_class_agreement(a, octave, hidden) == 1.0
    assert pitch_class_agreement(a, other, hidden) == 0.0
    assert pitch_class_agreement(a, Clip(), hidden) == 0.0
    assert pitch_class_agreement(line((0, 60, 6), (12, 62, 6)), a, hidden) == 0.5
    assert np.isnan(pitch_class_agreement(CLIP, CLIP, (15, 15, 15, 15)))
    melody_kept = (1 << Role.MELODY,) * 4
    assert np.isnan(pitch_class_agreement(a, other, melody_kept))


def test_surprise_at_hidden_notes(tiny_composer: Composer) -> None:
    few, many = keep_notes(CLIP, bars=[3]), keep_notes(CLIP, bars=[0, 1, 2, 3])
    nats = hidden_nats(
        tiny_composer, [CLIP, CLIP], [few, many], [Controls(), Controls()], "null", seed=1
    )
    assert 0 < nats[0] < nats[1]
    drawn = hidden_nats(
        tiny_composer, [CLIP, CLIP], [few, many], [Controls(), Controls()], "drawn", seed=1
    )
    assert not np.allclose(drawn, nats)
