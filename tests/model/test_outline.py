"""Outlines: sets of what is struck at each step."""

from __future__ import annotations

import math

import pytest
import torch

from musicgen_vae.model.outline import (
    N_OUTLINE,
    outline_f1,
    outline_hint,
    outline_loss,
    outline_steps,
    outline_targets,
)
from musicgen_vae.music.clip import Role
from musicgen_vae.music.tokens import FIELD_SIZES, PITCH_NONE, ROLE_NONE, STEP_BAR, Field

TOKENS = torch.tensor(
    [
        [
            (STEP_BAR, 4, PITCH_NONE, 19, 8, 0),
            (0, 0, 60, 3, 4, 0),
            (0, 1, 48, 5, 8, 0),  # velocity unknown
            (1, 0, 61, 3, 4, 0),  # off the outline's steps
            (4, 3, PITCH_NONE + 0b101, 19, 2, 2),
            (9, 2, 36, 1, 7, 3),  # padding
        ]
    ]
)
MASK = torch.tensor([[True] * 5 + [False]])


def test_steps_are_sixteenths_and_triplets() -> None:
    assert outline_steps(12).tolist() == [0, 3, 4, 6, 8, 9]
    assert len(outline_steps(48)) == 24


def test_targets_name_what_is_struck() -> None:
    steps = outline_steps(48)
    target = outline_targets(TOKENS, MASK, steps)
    assert target.shape == (1, 4, 24, N_OUTLINE)
    drums, durations, velocities = 384, 393, 450
    marked = {tuple(index) for index in target[0].nonzero().tolist()}
    assert marked == {
        (0, 0, 60),
        (0, 0, 128 + 48),
        (0, 0, durations + 3),
        (0, 0, durations + 19 + 5),
        (0, 0, velocities + 4),
        (2, 2, drums),
        (2, 2, drums + 2),
        (2, 2, velocities + 3 * 8 + 2),
    }


def test_some_steps_give_some_of_the_targets() -> None:
    steps = outline_steps(48)
    some = steps[[2, 5]]
    whole, part = (outline_targets(TOKENS, MASK, s) for s in (steps, some))
    assert torch.equal(part, whole[:, :, [2, 5]])


def test_loss_counts_every_cell_by_its_weight() -> None:
    target = outline_targets(TOKENS, MASK, outline_steps(48))
    loss = outline_loss(torch.zeros_like(target), target)
    cells = 393 + 57 + 0.2 * 32
    assert loss.item() == pytest.approx(4 * 24 * cells * math.log(2), rel=1e-5)


def test_f1_of_a_perfect_and_of_an_empty_guess() -> None:
    target = outline_targets(TOKENS, MASK, outline_steps(48))
    assert outline_f1(20 * target - 10, target) == 1.0
    assert outline_f1(torch.full_like(target, -10), target) == 0.0


def test_a_hint_is_the_outline_of_the_note_s_role() -> None:
    logits = torch.randn(5, N_OUTLINE)
    role = torch.tensor([Role.MELODY, Role.HARMONY, Role.BASS, Role.DRUMS, ROLE_NONE])
    pitch = outline_hint(Field.PITCH, logits, role)
    assert pitch.shape == (5, FIELD_SIZES[Field.PITCH])
    assert torch.equal(pitch[1, :PITCH_NONE], logits[1, PITCH_NONE : 2 * PITCH_NONE])
    assert not pitch[:3, PITCH_NONE:].any() and not pitch[3, : PITCH_NONE + 1].any()
    drums = logits[3, 384:393]
    assert pitch[3, PITCH_NONE + 0b101].item() == pytest.approx((drums[0] + drums[2]).item())
    duration = outline_hint(Field.DURATION, logits, role)
    assert torch.equal(duration[2, :19], logits[2, 393 + 38 : 393 + 57])
    velocity = outline_hint(Field.VELOCITY, logits, role)
    assert torch.equal(velocity[3, :8], logits[3, 450 + 24 : 450 + 32])
    assert not duration[:, 19].any() and not velocity[:, 8].any()
    for hint in (pitch, duration, velocity):
        assert not hint[4].any()


def test_a_good_outline_hints_at_what_is_struck() -> None:
    steps = outline_steps(48)
    logits = 20 * outline_targets(TOKENS, MASK, steps) - 10
    struck = TOKENS[0, [1, 2, 4]]
    slot = torch.searchsorted(steps, struck[:, Field.STEP].contiguous())
    at_step = logits[0, struck[:, Field.BAR], slot]
    pitch = outline_hint(Field.PITCH, at_step, struck[:, Field.ROLE])
    allowed = pitch.clone()
    allowed[:2, PITCH_NONE:] = allowed[2, : PITCH_NONE + 1] = -torch.inf
    assert allowed.argmax(1).tolist() == struck[:, Field.PITCH].tolist()
