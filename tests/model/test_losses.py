"""Losses in nats."""

from __future__ import annotations

import math

import torch

from musicgen_vae.model.losses import FIELD_WEIGHTS, field_losses, free_bits_kl
from musicgen_vae.music.tokens import FIELD_SIZES, PITCH_NONE, STEP_BAR, Field

NOTE = (0, 0, 60, 3, 4, 0)
QUIET_NOTE = (0, 0, 64, 3, 8, 0)
DRUM = (6, 3, PITCH_NONE + 5, 19, 8, 0)
BAR = (STEP_BAR, 4, PITCH_NONE, 19, 8, 1)


def uniform(n: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(n, size) for size in FIELD_SIZES[:5])


def test_uniform_guesses_cost_the_logarithm_of_the_alphabet() -> None:
    target = torch.tensor([NOTE, QUIET_NOTE, DRUM, BAR])
    clip = torch.tensor([0, 0, 1, 1])
    losses = field_losses(uniform(4), target, clip, n_clips=2)
    log = [math.log(size) for size in FIELD_SIZES[:5]]
    expected = {
        Field.STEP: [2, 2],
        Field.ROLE: [2, 1],
        Field.PITCH: [2, 1],
        Field.DURATION: [2, 0],  # drums have none
        Field.VELOCITY: [1, 0],  # known for one note only
    }
    for field, counts in expected.items():
        wanted = torch.tensor([count * log[field] for count in counts])
        torch.testing.assert_close(losses.nats[field], wanted)
        assert losses.counted[field] == sum(counts)
    total = sum(losses.nats.values(), torch.zeros(2))
    torch.testing.assert_close(losses.recon_loss(), total)
    weighted = sum((FIELD_WEIGHTS[f] * v for f, v in losses.nats.items()), torch.zeros(2))
    torch.testing.assert_close(losses.weighted(), weighted)


def test_free_bits_hold_per_bar_and_clip() -> None:
    kl = torch.tensor([[0.5, 3.0, 0.0, 2.0]])
    assert free_bits_kl(kl, 1.0).item() == 1.0 + 3.0 + 1.0 + 2.0
    assert free_bits_kl(kl, 0.0).item() == 5.5
