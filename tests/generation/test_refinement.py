"""z refined by the decoder's gradient, on a small model that was really trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from musicgen_vae.evaluation.metrics import micro_f1, note_hits
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.refinement import note_losses, refined
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.clip import Clip, tidy
from musicgen_vae.music.midi import read_midi
from musicgen_vae.music.tokens import clip_to_tokens

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Tunes that the model knows with every other note moved, which it does not."""
    result = []
    for name in ("brahms_lullaby", "korobeiniki", "ode_to_joy"):
        clip = read_midi((EXAMPLES / f"{name}.mid").read_bytes()).clips()[1]
        moved = [replace(n, pitch=n.pitch - 4 * (i % 2)) for i, n in enumerate(clip.notes)]
        result.append(replace(clip, notes=tidy(moved)))
    return result


@torch.no_grad()
def loss(composer: Composer, clip: Clip, z: Tensor) -> float:
    encoded = composer.encode([clip])
    rows = Rows.pad([clip_to_tokens(composer.fit(clip))])
    losses = note_losses(composer.model, z, encoded.control, rows, encoded.condition.bar_steps)
    return float(losses.weighted().sum())


def test_each_clip_becomes_likelier_and_more_of_it_comes_back(
    tiny_composer: Composer, clips: list[Clip]
) -> None:
    for clip in clips:
        losses = [
            loss(tiny_composer, clip, tiny_composer.encode([clip], refine=n).posterior.mode())
            for n in (0, 4, 12)
        ]
        assert losses[0] > losses[1] > losses[2]

    def f1(refine: int) -> float:
        copies = tiny_composer.reconstruct(clips, refine=refine)
        return micro_f1([note_hits(a, b) for a, b in zip(clips, copies, strict=True)])

    assert f1(12) > f1(0)


def test_alone_or_beside_others(tiny_composer: Composer, clips: list[Clip]) -> None:
    together = tiny_composer.encode(clips, refine=5)
    alone = tiny_composer.encode(clips[1:2], refine=5)
    torch.testing.assert_close(together.posterior.mu[1:2], alone.posterior.mu, atol=1e-3, rtol=0)
    plain = tiny_composer.encode(clips)
    torch.testing.assert_close(together.posterior.logvar, plain.posterior.logvar)
    assert torch.equal(tiny_composer.encode(clips, refine=0).posterior.mu, plain.posterior.mu)


def test_what_is_exact_stays(tiny_composer: Composer, clips: list[Clip]) -> None:
    """A clip that the decoder itself wrote is written again from the same z."""
    encoded = tiny_composer.encode(clips[:1])
    z, control = encoded.posterior.mode(), encoded.control
    (own,) = tiny_composer.decode(z, control, clips[:1])
    rows = Rows.pad([clip_to_tokens(own)])
    steps = encoded.condition.bar_steps
    assert torch.equal(refined(tiny_composer.model, z, control, rows, steps, steps=9), z)


def test_the_model_stays_and_may_be_stopped(tiny_composer: Composer, clips: list[Clip]) -> None:
    before = {name: p.clone() for name, p in tiny_composer.model.named_parameters()}
    asked = []
    tiny_composer.encode(clips[:1], refine=3, check=lambda: asked.append(1))
    assert len(asked) == 3
    for name, parameter in tiny_composer.model.named_parameters():
        assert parameter.grad is None
        assert torch.equal(parameter, before[name])

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        tiny_composer.reconstruct(clips[:1], check=stop)
