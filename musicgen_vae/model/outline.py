"""The outline of a clip: what is struck at each step, as sets, for a loss that needs no decoder.

Guessing it from z alone is a bag-of-words loss (Zhao et al., arXiv 1703.10960, section 3.3) with
one bag for each step. It teaches z to say the notes at a fifteenth of the cost of the decoder.
The decoder takes the guess for one step as a hint of the note that it is about to write. This
module knows targets, loss and hints; the networks that guess are in ``model.vae``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from musicgen_vae.music.clip import BARS_PER_CLIP, DRUM_PITCHES, Role
from musicgen_vae.music.tokens import (
    DURATION_NONE,
    FIELD_SIZES,
    PITCH_NONE,
    ROLE_NONE,
    VELOCITY_NONE,
    Field,
)

_N_PITCHED = int(Role.DRUMS)
_DRUMS = _N_PITCHED * PITCH_NONE
_DURATIONS = _DRUMS + len(DRUM_PITCHES)
_VELOCITIES = _DURATIONS + _N_PITCHED * DURATION_NONE
N_STRUCK = _DURATIONS
"""The first columns of a step: what is struck, without how long and how loud."""
N_OUTLINE = _VELOCITIES + len(Role) * VELOCITY_NONE
"""Columns of a step: pitches by role, drum classes, durations by role, velocities by role."""
_N_SETS = FIELD_SIZES[Field.PITCH] - PITCH_NONE
DRUM_SETS = (torch.arange(_N_SETS)[:, None] >> torch.arange(len(DRUM_PITCHES)) & 1).float()
"""Which drums each set of drums has, shape (512, 9)."""
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
    hits = DRUM_SETS.to(tokens.device)[pitch[drums] - PITCH_NONE]
    target[clip[drums], bar[drums], slot[drums], _DRUMS:_DURATIONS] = hits
    return target


def outline_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy summed over bars, steps and columns: nats per clip, shape (B,).

    Velocities weigh a fifth, as in the decoder's loss.
    """
    weight = torch.ones(N_OUTLINE, device=logits.device)
    weight[_VELOCITIES:] = _VELOCITY_WEIGHT
    loss = F.binary_cross_entropy_with_logits(logits.float(), target, weight, reduction="none")
    return loss.flatten(1).sum(-1)


def outline_f1(logits: Tensor, target: Tensor) -> Tensor:
    """F1 of (role, pitch) and drum hits where the guess is above one half; shape ()."""
    guess, true = logits[..., :_DURATIONS] > 0, target[..., :_DURATIONS] > 0
    return 2 * (guess & true).sum() / (guess.sum() + true.sum()).clamp(min=1)


def outline_hint(field: Field, logits: Tensor, role: Tensor) -> Tensor:
    """What the outline of a step says of one field of a note of ``role``, as logits.

    A set of drums counts as independent hits. Values of which the outline knows nothing get 0.

    Args:
        field: pitch, duration or velocity.
        logits: the guess for each note's step, shape (N, N_OUTLINE).
        role: ``Field.ROLE`` of each note, shape (N,); ``ROLE_NONE`` gets no hint.

    Returns:
        Shape (N, size of the field).
    """
    n = len(role)
    pitched = role < _N_PITCHED
    if field == Field.PITCH:
        of_role = _of_role(logits[:, :_DRUMS], role.clamp(max=_N_PITCHED - 1), _N_PITCHED)
        of_role = of_role * pitched[:, None]
        hits = logits[:, _DRUMS:_DURATIONS] * (role == Role.DRUMS)[:, None]
        return torch.cat([of_role, hits @ DRUM_SETS.T.to(hits)], dim=1)
    if field == Field.DURATION:
        block, known, n_roles = logits[:, _DURATIONS:_VELOCITIES], pitched, _N_PITCHED
    else:
        block, known, n_roles = logits[:, _VELOCITIES:], role < ROLE_NONE, len(Role)
    of_role = _of_role(block, role.clamp(max=n_roles - 1), n_roles) * known[:, None]
    return torch.cat([of_role, of_role.new_zeros(n, 1)], dim=1)


def _of_role(block: Tensor, role: Tensor, n_roles: int) -> Tensor:
    """The columns of each note's role, from (N, roles x columns) to (N, columns)."""
    n = len(role)
    return block.view(n, n_roles, -1)[torch.arange(n, device=role.device), role]
