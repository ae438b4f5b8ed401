"""Batches hold every window once, hide what they say they hide, and can be made again."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from musicgen_vae.corpus.shards import Shard, load_info, load_shard
from musicgen_vae.errors import ControlError
from musicgen_vae.model.controls import ControlSpec
from musicgen_vae.music.clip import Role
from musicgen_vae.music.tokens import BAR_BEFORE, STEP_BAR, Field
from musicgen_vae.training.augment import AugmentConfig
from musicgen_vae.training.data import (
    Batch,
    BatchStream,
    DataConfig,
    ahead,
    bar_before,
    choose_kept,
    loaded,
    make_batch,
    plan_epoch,
    window_weights,
)
from musicgen_vae.training.loop import spec_from_corpus
from tests.training.corpora import build

PLAIN = AugmentConfig(shift=0, recombine=0, octave=0, split_bass=0, solo=0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def shard(corpus: Path) -> Shard:
    return load_shard(corpus / "train.safetensors")


def spec(corpus: Path) -> ControlSpec:
    return spec_from_corpus(load_info(corpus)[1], DataConfig())


def equal(a: Batch, b: Batch) -> bool:
    pairs = [
        (a.rows.tokens, b.rows.tokens),
        (a.kept.tokens, b.kept.tokens),
        (a.hidden.tokens, b.hidden.tokens),
        (a.asked.clip, b.asked.clip),
        (a.asked.bar, b.asked.bar),
        (a.null_z, b.null_z),
        (a.noise_level, b.noise_level),
        (a.unknown, b.unknown),
    ]
    return all(torch.equal(x, y) for x, y in pairs)


def test_an_epoch_holds_every_window_once(shard: Shard) -> None:
    plan = plan_epoch(shard, 800, seed=3, epoch=2)
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(shard)))
    for batch in plan:
        assert len({tuple(shard.meter[i]) for i in batch}) == 1
        assert len(batch) == 1 or len(batch) * shard.lengths[batch].max() <= 800
    assert not np.array_equal(plan[0], plan_epoch(shard, 800, seed=3, epoch=3)[0])


def test_weights_say_how_often_a_window_comes(shard: Shard) -> None:
    weights = np.ones(len(shard))
    weights[0], weights[1] = 0.0, 2.5
    seen = np.zeros(len(shard))
    for epoch in range(40):
        for batch in plan_epoch(shard, 800, seed=3, epoch=epoch, weights=weights):
            np.add.at(seen, batch, 1)
    assert seen[0] == 0
    assert 80 < seen[1] < 120
    assert (seen[2:] == 40).all()


def test_rare_styles_are_seen_more_often(shard: Shard, corpus: Path) -> None:
    pieces = list(load_info(corpus)[0])
    assert window_weights(shard, pieces, {}) == pytest.approx(1.0)
    rare = int(shard.piece[0])
    pieces[rare] = replace(pieces[rare], style="rare")
    weights = window_weights(shard, pieces, {})
    assert weights.mean() == pytest.approx(1.0)
    is_rare = shard.piece == rare
    ratio = weights[is_rare][0] / weights[~is_rare][0]
    assert ratio == pytest.approx(np.sqrt((~is_rare).sum() / is_rare.sum()))
    stressed = window_weights(shard, pieces, {"rare": 3.0})
    assert stressed.mean() == pytest.approx(1.0)
    assert stressed[is_rare][0] / stressed[~is_rare][0] == pytest.approx(3 * ratio)
    with pytest.raises(ControlError, match="style 'polka' is not one of"):
        window_weights(shard, pieces, {"polka": 2.0})


def stream(corpus: Path, shard: Shard, epoch: int = 0, first: int = 0) -> BatchStream:
    pieces, _ = load_info(corpus)
    config = DataConfig(tokens_per_batch=800)
    return BatchStream(
        shard=shard, pieces=pieces, spec=spec(corpus), config=config, seed=1, epoch=epoch,
        first=first,
    )  # fmt: skip


def test_a_resumed_stream_gives_the_same_next_batch(corpus: Path, shard: Shard) -> None:
    first = list(islice(stream(corpus, shard), 6))
    epoch, index, _ = first[3]
    again = stream(corpus, shard, epoch, index)
    for (e, i, batch), (f, j, other) in zip(first[3:], again, strict=False):
        assert (e, i) == (f, j)
        assert equal(batch, other)


@pytest.mark.parametrize("n_loaders", [0, 2])
def test_loaders_change_neither_batches_nor_their_order(
    corpus: Path, shard: Shard, n_loaders: int
) -> None:
    made = islice(loaded(stream(corpus, shard), n_loaders), 8)
    for (e, i, batch), (f, j, other) in zip(made, stream(corpus, shard), strict=False):
        assert (e, i) == (f, j)
        assert equal(batch, other)


def test_batches_are_made_ahead_in_order() -> None:
    stream = ahead(iter(range(5)))
    assert [next(stream) for _ in range(4)] == [0, 1, 2, 3]


def test_evaluation_batches_are_plain(corpus: Path, shard: Shard) -> None:
    pieces, _ = load_info(corpus)
    batch = make_batch(shard, np.arange(3), pieces, spec(corpus), None, np.random.default_rng(0))
    assert batch.kept.tokens.shape[1] == 0
    assert torch.equal(batch.rows.tokens, batch.hidden.tokens)
    assert torch.equal(batch.measured.bar, batch.asked.bar)
    assert (batch.measured.clip > 0).all()
    assert not batch.null_z.any()
    assert not batch.noise_level.any()
    assert not batch.unknown.any()


def test_kept_and_hidden_notes_are_the_whole(corpus: Path, shard: Shard) -> None:
    pieces, _ = load_info(corpus)
    config = DataConfig(kept_batches=1.0, augment=PLAIN)
    for seed in range(10):
        batch = make_batch(
            shard, np.arange(4), pieces, spec(corpus), config, np.random.default_rng(seed)
        )
        for i in range(4):
            whole = {tuple(r) for r in batch.rows.tokens[i][batch.rows.mask[i]].tolist()}
            kept = {tuple(r) for r in batch.kept.tokens[i][batch.kept.mask[i]].tolist()}
            hidden = {tuple(r) for r in batch.hidden.tokens[i][batch.hidden.mask[i]].tolist()}
            shown = {r for r in kept if r[Field.BAR] != BAR_BEFORE}
            assert shown | hidden == whole
            assert not shown & hidden
            for bar in range(4):
                bits = int(batch.asked.kept_roles[i, bar])
                for row in hidden:
                    if row[Field.BAR] == bar and row[Field.STEP] < STEP_BAR:
                        assert not bits >> row[Field.ROLE] & 1


def test_every_kind_of_keeping_occurs(shard: Shard) -> None:
    from musicgen_vae.training.augment import note_rows

    notes = note_rows(shard.rows(1))
    before = bar_before(shard, 1)
    assert len(before) > 0
    assert (before[:, Field.BAR] == BAR_BEFORE).all()
    rng = np.random.default_rng(0)
    outcomes = [choose_kept(notes, before, rng) for _ in range(300)]
    assert any(not kept.any() for kept, _, _ in outcomes)
    assert any(len(set(roles.tolist())) > 1 for _, roles, _ in outcomes)
    assert any((roles == 1 << Role.MELODY).all() for _, roles, _ in outcomes)
    assert {len(shown) > 0 for _, _, shown in outcomes} == {True, False}
    assert not any(kept.all() for kept, roles, _ in outcomes if (roles == 15).all())


def test_controls_are_dropped_at_about_the_asked_rate(corpus: Path, shard: Shard) -> None:
    made = islice(stream(corpus, shard), 60)
    asked = torch.cat([batch.asked.clip for _, _, batch in made])
    share = (asked == 0).float().mean()
    assert 0.4 < share < 0.58  # .15 + .85 x .4 = .49


def test_some_of_what_is_seen_of_z_is_noisy(corpus: Path, shard: Shard) -> None:
    batches = [batch for _, _, batch in islice(stream(corpus, shard), 60)]
    level, null = (torch.cat([getattr(b, n) for b in batches]) for n in ("noise_level", "null_z"))
    assert not level[null].any()
    share = (level[~null] > 0).float().mean()
    assert 0.4 < share < 0.6
    assert 0.4 < level[level > 0].mean() < 0.6
