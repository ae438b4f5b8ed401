"""What is written step by step is what teacher forcing finds most likely."""

import numpy as np
import torch

from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.decoding import DecodeOptions
from musicgen_vae.generation.rules import Rules
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.tokens import STEP_BAR, Field, clip_to_tokens


@torch.inference_mode()
def test_writing_agrees_with_teacher_forcing(tiny_composer: Composer) -> None:
    template = tiny_composer.sample(n=1, seed=5)[0]
    encoded = tiny_composer.encode([template])
    z, control = encoded.posterior.mode(), encoded.control
    made = tiny_composer.decode(z, control, [template], options=DecodeOptions(temperature=0))[0]
    tokens = clip_to_tokens(made)
    assert len(made.notes) > 10
    bar_steps = torch.tensor([made.meter.steps])
    decoder = tiny_composer.model.decoder
    prefix = decoder.prefix(z, control, Rows.none(1, z.device), bar_steps)
    logits, _, _ = decoder(prefix, Rows.pad([tokens]), bar_steps)

    roles = [[sum(1 << role for role in tiny_composer.spec.roles)] * 4]
    rules = Rules.of([made.meter.steps], roles, in_scale=False)
    rows = tokens.astype(np.int64)
    for i, (before, row) in enumerate(zip(rows[:-1, None], rows[1:], strict=True)):
        step, role = row[Field.STEP, None], row[Field.ROLE, None]
        allowed = {Field.STEP: rules.steps(before, i)}
        if step < STEP_BAR:
            allowed[Field.ROLE] = rules.roles_at(before, step)
            allowed[Field.PITCH] = rules.pitches(before, step, role)
        for field, mask in allowed.items():
            scores = np.where(mask[0], logits[field][i].numpy(), -np.inf)
            assert scores[row[field]] >= scores.max() - 1e-3, (i, field)
