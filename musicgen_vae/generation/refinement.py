"""Semi-amortised inference: z moved from where the encoder points to where the clip comes back.

The encoder reads any music in one pass, and so guesses: what it misses of a clip is mostly not what
z cannot say (the amortisation gap, Cremer et al., ICML 2018, arXiv 1801.03558). A few steps down
the gradient of the decoder's own loss close much of it (Kim et al., ICML 2018, arXiv 1802.02550).
This module knows the model; it does not know how notes are drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from musicgen_vae.model.losses import FieldLosses, field_losses
from musicgen_vae.model.vae import ConditionalVAE, Rows
from musicgen_vae.music.tokens import Field

_STEP_SIZE = 0.15
_MOMENTUM, _SQUARES = 0.9, 0.98
_LEAST = 0.3
_TINY = 1e-12
_EXACT = (Field.STEP, Field.ROLE, Field.PITCH, Field.DURATION)


def note_losses(
    model: ConditionalVAE, z: Tensor, control: Tensor, rows: Rows, bar_steps: Tensor
) -> FieldLosses:
    """How unlikely the decoder finds all notes of B clips, each given those before it.

    Args:
        model: whose decoder is asked.
        z: shape (B, 4, D).
        control: shape (B, 4, d_model).
        rows: the clips' notes.
        bar_steps: shape (B,).
    """
    prefix = model.decoder.prefix(z, control, Rows.none(len(z), z.device), bar_steps)
    logits, target, clip = model.decoder(prefix, rows, bar_steps)
    return field_losses(logits, target, clip, len(z))


def refined(
    model: ConditionalVAE,
    z: Tensor,
    control: Tensor,
    rows: Rows,
    bar_steps: Tensor,
    *,
    steps: int,
    check: Callable[[], None] | None = None,
) -> Tensor:
    """Move z towards what makes the clip's own notes likeliest; shape (1, 4, D).

    It stays where the likeliest notes already are the clip's own, but for their velocities. Adam
    (Kingma and Ba, arXiv 1412.6980) on the training loss of the notes, its rate falling to zero.
    Numbers of z that hardly matter move little: the root mean square of all gradients counts in
    each denominator, so that rounding decides nothing.

    Args:
        model: whose decoder is asked.
        z: where to begin, of one clip, so that its result does not hang on others: (1, 4, D).
        control: of the clip, shape (1, 4, d_model).
        rows: its notes.
        bar_steps: shape (1,).
        steps: at most how many; each costs one pass through the decoder and back.
        check: called before each step; may raise to stop.
    """
    with torch.inference_mode(False), torch.enable_grad():
        # What was made in inference mode cannot take part; its copies can.
        z, control, bar_steps = (each.clone() for each in (z, control, bar_steps))
        rows = Rows(tokens=rows.tokens.clone(), mask=rows.mask.clone())
        z.requires_grad_()
        mean, square = torch.zeros_like(z), torch.zeros_like(z)
        for step in range(steps):
            if check is not None:
                check()
            losses = note_losses(model, z, control, rows, bar_steps)
            if all(bool(losses.correct[f] == losses.counted[f]) for f in _EXACT):
                break
            (gradient,) = torch.autograd.grad(losses.weighted().sum(), z)
            mean = torch.lerp(gradient, mean, _MOMENTUM)
            square = torch.lerp(gradient.square(), square, _SQUARES)
            size = (square / (1 - _SQUARES ** (step + 1))).sqrt()
            size = size + _LEAST * size.square().mean().sqrt()
            move = mean / (1 - _MOMENTUM ** (step + 1)) / size.clamp_min(_TINY)
            z = (z - _STEP_SIZE * (1 - step / steps) * move).detach().requires_grad_()
    return z.detach()
