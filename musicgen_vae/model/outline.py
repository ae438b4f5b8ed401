"""The outline of a clip: what is struck at each step, as sets, for a loss that needs no decoder.

Guessing it from z alone is a bag-of-words loss (Zhao et al., arXiv 1703.10960, section 3.3) with
one bag for each step. It teaches z to say the notes at a fifteenth of the cost of the decoder.
This module knows targets and loss; the networks that guess are in ``model.vae``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from musicgen_vae.music.clip import BARS_PER_CLIP, DRUM_PITCHES, Role
from musicgen_vae.music.tokens import DURATION_NONE, PITCH_NONE, ROLE_NONE, VELOCITY_NONE, Field

_N_PITCHED = int(Role.DRUMS)
_DRUMS = _N_PITCHED * PITCH_NONE
_DURATIONS = _DRUMS + len(DRUM_PITCHES)
_VELOCITIES = _DURATIONS + _N_PITCHED * DURATION_NONE
N_OUTLINE = _VELOCITIES + len(Role) * VELOCITY_NONE
"""Columns of a step: pitches by role, drum classes, durations by role, velocities by role."""
_DURATION_WEIGHT = 0.5
_VELOCITY_WEIGHT = 0.2


def outline_steps(bar_steps: int) -> Tensor:
    """Steps of a bar that have an outline: sixteenths and eighth triplets, shape (S,)."""
    step = torch.arange(bar_steps)
    return step[(step % 3 == 0) | (step % 4 == 0)]


def outline_targets(tokens: Tensor, mask: Tensor, steps: Tensor) -> Tensor:
    """Zeros and ones of shape (B, 4, S, N_OUTLINE); notes on other steps are passed over.

    Args:
        tokens: all rows of the clips, shape (B, T, 6).
        mask: shape (B, T), true at real rows.
        steps: increasing steps of the bar, shape (S,).
    """
    target = torch.zeros(len(tokens), BARS_PER_CLIP, len(steps), N_OUTLINE, device=tokens.device)
    struck = mask & (tokens[..., Field.ROLE] != ROLE_NONE)
    struck &= torch.isin(tokens[..., Field.STEP], steps)
    clip, row = struck.nonzero(as_tuple=True)
    step, role, pitch, duration, velocity, bar = tokens[clip, row].unbind(-1)
    slot = torch.searchsorted(steps, step.contiguous())

    def mark(chosen: Tensor, column: Tensor) -> None:
        target[clip[chosen], bar[chosen], slot[chosen], column[chosen]] = 1.0

    drums = role == Role.DRUMS
    mark(~drums, role * PITCH_NONE + pitch)
    mark(~drums, _DURATIONS + role * DURATION_NONE + duration)
    mark(velocity != VELOCITY_NONE, _VELOCITIES + role * VELOCITY_NONE + velocity)
    bits = torch.arange(len(DRUM_PITCHES), device=tokens.device)
    hits = (pitch[drums, None] - PITCH_NONE) >> bits & 1
    target[clip[drums], bar[drums], slot[drums], _DRUMS:_DURATIONS] = hits.float()
    return target


def outline_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy summed over bars, steps and columns: nats per clip, shape (B,).

    Durations weigh a half and velocities a fifth, as in the decoder's loss.
    """
    weight = torch.ones(N_OUTLINE, device=logits.device)
    weight[_DURATIONS:_VELOCITIES] = _DURATION_WEIGHT
    weight[_VELOCITIES:] = _VELOCITY_WEIGHT
    loss = F.binary_cross_entropy_with_logits(logits.float(), target, weight, reduction="none")
    return loss.flatten(1).sum(-1)


def outline_f1(logits: Tensor, target: Tensor) -> Tensor:
    """F1 of (role, pitch) and drum hits where the guess is above one half; shape ()."""
    guess, true = logits[..., :_DURATIONS] > 0, target[..., :_DURATIONS] > 0
    return 2 * (guess & true).sum() / (guess.sum() + true.sum()).clamp(min=1)
