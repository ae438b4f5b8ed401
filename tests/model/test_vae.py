"""The networks keep their promises: who sees whom, padding, the cache."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import CLIP_CONTROLS, ControlSpec
from musicgen_vae.model.layers import LayerCache, additive_mask
from musicgen_vae.model.vae import (
    HINTED_FIELDS,
    Condition,
    ConditionalVAE,
    Rows,
    noisy,
    token_time,
)
from musicgen_vae.music.attributes import Edges
from musicgen_vae.music.clip import Clip, Note, Role, tidy
from musicgen_vae.music.tokens import BAR_BEFORE, Field, clip_to_tokens

CONFIG = ModelConfig(
    d_model=32, n_heads=2, d_ff=64, n_encoder_layers=2, n_decoder_layers=2, n_queries=2, d_query=4,
    d_note=24, d_bar=40, dropout=0.2,
)  # fmt: skip
INNER = tuple(float(i) for i in range(1, 8))
SPEC = ControlSpec(
    styles=("pop",),
    edges=Edges(
        values=dict.fromkeys(("density", "polyphony", "register", "syncopation", "tempo"), INNER)
    ),
    roles=tuple(Role),
    clip_controls=CLIP_CONTROLS[:5],
)


def clip(seed: int, n: int) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(
        notes=tidy(
            Note(
                start=int(rng.integers(192)),
                role=Role(int(rng.integers(3))),
                pitch=int(rng.integers(40, 80)),
                duration=12,
                velocity=4,
            )
            for _ in range(n)
        )
    )


def rows(clips: list[Clip], padding: int = 0) -> Rows:
    arrays = [clip_to_tokens(c) for c in clips]
    width = max(len(a) for a in arrays) + padding
    tokens = torch.zeros(len(clips), width, 6, dtype=torch.long)
    mask = torch.zeros(len(clips), width, dtype=torch.bool)
    for i, a in enumerate(arrays):
        tokens[i, : len(a)] = torch.from_numpy(a.astype(np.int64))
        mask[i, : len(a)] = True
    return Rows(tokens=tokens, mask=mask)


def condition(batch: int, density: int = 0) -> Condition:
    bar = torch.zeros(batch, 4, 6, dtype=torch.long)
    bar[..., 0] = density
    return Condition(
        clip=torch.zeros(batch, 5, dtype=torch.long),
        bar=bar,
        kept_roles=torch.zeros(batch, 4, dtype=torch.long),
        bar_steps=torch.full((batch,), 48),
    )


@pytest.fixture(scope="module")
def model() -> ConditionalVAE:
    torch.manual_seed(0)
    made = ConditionalVAE(CONFIG, SPEC).eval()
    for starts_at_nothing in (made.decoder.of_bar, made.decoder.of_moment):
        torch.nn.init.normal_(starts_at_nothing.weight, std=0.1)
    return made


@pytest.fixture(scope="module")
def batch() -> Rows:
    return rows([clip(0, 30), clip(1, 12)])


@torch.inference_mode()
def logits(model: ConditionalVAE, read: Rows, z: torch.Tensor) -> torch.Tensor:
    prefix = model.prefix(z, condition(len(z)), Rows.none(len(z), z.device))
    fields, _, _ = model.decoder(prefix, read, torch.full((len(z),), 48))
    return torch.cat(fields, dim=-1)


@torch.inference_mode()
def test_padding_changes_nothing(model: ConditionalVAE, batch: Rows) -> None:
    padded = rows([clip(0, 30), clip(1, 12)], padding=9)
    a, b = (model.posterior(r, condition(2)) for r in (batch, padded))
    torch.testing.assert_close(a.mu, b.mu, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        logits(model, batch, a.mu), logits(model, padded, a.mu), atol=1e-5, rtol=1e-5
    )


@torch.inference_mode()
def test_a_bar_summary_reads_its_own_bar_in_any_order(model: ConditionalVAE) -> None:
    read = rows([clip(0, 30)])
    order = torch.randperm(read.tokens.shape[1], generator=torch.Generator().manual_seed(0))
    shuffled = Rows(tokens=read.tokens[:, order], mask=read.mask)
    a, b = model.short_posterior(read), model.short_posterior(shuffled)
    torch.testing.assert_close(a.mu, b.mu, atol=1e-5, rtol=1e-5)
    changed = Rows(tokens=read.tokens.clone(), mask=read.mask)
    second_bar = (read.tokens[0, :, Field.BAR] == 1).nonzero()[1]
    changed.tokens[0, second_bar, Field.PITCH] += 1
    c = model.short_posterior(changed)
    assert torch.equal(a.mu[:, [0, 2, 3]], c.mu[:, [0, 2, 3]])
    assert not torch.equal(a.mu[:, 1], c.mu[:, 1])


@torch.inference_mode()
def test_z_says_nothing_of_the_bar_before(model: ConditionalVAE) -> None:
    moment = model.decoder.moment
    context = moment.of_bars(torch.randn(1, 4, CONFIG.d_latent), torch.randn(1, 4, CONFIG.d_model))
    step = torch.tensor([[0, 0, 12]])
    out = moment(context, step, torch.tensor([[3, BAR_BEFORE, 3]]))
    assert torch.count_nonzero(out[0, 1]) == 0
    assert not torch.equal(out[0, 0], out[0, 2])


@torch.inference_mode()
def test_clips_do_not_see_each_other(model: ConditionalVAE, batch: Rows) -> None:
    alone = model.posterior(rows([clip(1, 12)]), condition(1))
    together = model.posterior(batch, condition(2))
    torch.testing.assert_close(alone.mu[0], together.mu[1], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_decoder_is_causal(model: ConditionalVAE) -> None:
    read = rows([clip(0, 30)])
    z = torch.randn(1, 4, CONFIG.d_latent, generator=torch.Generator().manual_seed(0))
    changed = Rows(tokens=read.tokens.clone(), mask=read.mask)
    changed.tokens[0, 20, Field.PITCH] += 5
    a, b = logits(model, read, z), logits(model, changed, z)
    n_step = 75
    assert torch.equal(a[:19], b[:19])  # rows up to the changed one are guessed from before it
    assert torch.equal(a[19, :n_step], b[19, :n_step])
    assert not torch.equal(a[20:], b[20:])


@torch.inference_mode()
def test_the_cache_gives_what_teacher_forcing_gives(model: ConditionalVAE) -> None:
    read = rows([clip(0, 30)])
    z = torch.randn(1, 4, CONFIG.d_latent, generator=torch.Generator().manual_seed(0))
    bar_steps = torch.tensor([48])
    kept = Rows(tokens=read.tokens[:, 1:4].clone(), mask=torch.ones(1, 3, dtype=torch.bool))
    kept.tokens[..., Field.BAR] = BAR_BEFORE
    prefix = model.prefix(z, condition(1), kept)
    fields, target, _ = model.decoder(prefix, read, bar_steps)

    decoder, n_prefix = model.decoder, prefix.x.shape[1]
    shape = (1, CONFIG.n_heads, 128, CONFIG.d_model // CONFIG.n_heads)
    caches = [
        LayerCache(keys=torch.zeros(shape), values=torch.zeros(shape))
        for _ in range(CONFIG.n_decoder_layers)
    ]
    visible = torch.zeros(1, 1, 128, dtype=torch.bool)
    visible[..., :n_prefix] = True
    mask = additive_mask(visible.expand(-1, n_prefix, -1))
    injected = decoder.injections(decoder.moment(prefix.context, prefix.step, prefix.bar))
    decoder.run(prefix.x, prefix.time, injected, mask, caches, span=128)
    moments = decoder.every_moment(prefix.context, 48)
    for i in range(len(target)):
        row = read.tokens[:, i : i + 1]
        visible[..., n_prefix + i] = True
        bar, step = row[:, 0, Field.BAR].numpy(), row[:, 0, Field.STEP].numpy()
        injected = moments.injected[moments.index(bar, step)]
        out = decoder.run(
            decoder.embedding(row),
            token_time(row, bar_steps),
            injected[:, None].unbind(2),
            additive_mask(visible),
            caches,
            at=n_prefix + i,
            span=128,
        )
        there = target[i : i + 1]
        state = out[:, 0] + moments.of_bar[moments.bar_index(bar)]
        index = moments.index(bar, there[:, Field.STEP].numpy())
        heads = decoder.heads(state, there, moments.at_step[index])
        for field in HINTED_FIELDS:
            hint = decoder.hint(field, moments.outline[index], there[:, Field.ROLE])
            heads[field] = heads[field] + hint
        for made, expected in zip(heads, fields, strict=True):
            torch.testing.assert_close(made[0], expected[i], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_z_and_controls_reach_the_notes(model: ConditionalVAE, batch: Rows) -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 4, CONFIG.d_latent, generator=generator)
    other = torch.randn(2, 4, CONFIG.d_latent, generator=generator)
    assert not torch.equal(logits(model, batch, z), logits(model, batch, other))
    a, b = (model.prior(condition(2, density), Rows.none(2, z.device)).mu for density in (1, 5))
    assert not torch.equal(a, b)


@torch.inference_mode()
def test_the_null_hides_z(model: ConditionalVAE) -> None:
    z = torch.randn(2, 4, CONFIG.d_latent)
    null = torch.tensor([True, False])
    none = Rows.none(2, z.device)
    a, b = (model.prefix(x, condition(2), none, null) for x in (z, z + 1))
    assert torch.equal(a.x[0], b.x[0])
    assert torch.equal(a.context[0], b.context[0])
    assert not torch.equal(a.x[1], b.x[1])


def test_noise_has_the_mean_and_scale_of_z() -> None:
    torch.manual_seed(0)
    z = 3.0 + 2.0 * torch.randn(500, 4, 5)
    assert torch.equal(noisy(z, torch.zeros(500)), z)
    noise = noisy(z, torch.ones(500))
    assert abs(float((noise * z).mean() - noise.mean() * z.mean())) < 0.1
    torch.testing.assert_close(noise.mean((0, 1)), z.mean((0, 1)), atol=0.2, rtol=0)
    torch.testing.assert_close(noise.std((0, 1)), z.std((0, 1)), atol=0.2, rtol=0)
    level = torch.tensor([0.0, 0.25]).repeat(250)
    some = noisy(z, level)
    assert torch.equal(some[::2], z[::2])
    torch.testing.assert_close(
        (some - z)[1::2].std(), 0.25 * (z - noise).std(), atol=0.05, rtol=0.1
    )


@torch.inference_mode()
def test_the_decoder_is_told_how_noisy_z_is(model: ConditionalVAE) -> None:
    z, none = torch.randn(2, 4, CONFIG.d_latent), Rows.none(2, torch.device("cpu"))
    level = torch.tensor([0.0, 0.5])

    def read() -> Tensor:
        return model.prefix(z, condition(2), none, noise_level=level).x

    # At first it makes no difference, so that a model may learn it late.
    assert torch.equal(read(), model.prefix(z, condition(2), none).x)
    model.decoder.noise_out.weight.normal_()
    assert not torch.equal(read()[1], model.prefix(z, condition(2), none).x[1])
    model.decoder.noise_out.weight.zero_()


@torch.inference_mode()
def test_prior_logvar_is_bounded(model: ConditionalVAE) -> None:
    prior = model.prior(condition(3), Rows.none(3, torch.device("cpu")))
    assert ((prior.logvar >= -2) & (prior.logvar <= 1)).all()


def test_time_of_structural_rows() -> None:
    tokens = torch.from_numpy(clip_to_tokens(clip(0, 8)).astype(np.int64))[None]
    time = token_time(tokens, torch.tensor([48]))[0]
    bars = tokens[0, :, Field.STEP] == 73
    assert time[bars].tolist() == [0, 48, 96, 144]
    assert time[-1] == 192
    before = tokens.clone()
    before[..., Field.BAR] = BAR_BEFORE
    assert (token_time(before, torch.tensor([48]))[0, 1] < 0).item()
