"""The evaluation of one checkpoint on held-out songs: reconstruction, ELBO and control.

Figures are measured with k empty and without rejection or editing of what the model makes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musicgen_vae.corpus.shards import SPLITS, load_info, load_shard
from musicgen_vae.errors import ControlError, CorpusError
from musicgen_vae.evaluation.metrics import micro_f1, note_hits, song_interval, spearman
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.attributes import N_CLASSES, measure
from musicgen_vae.music.clip import Role
from musicgen_vae.training.data import make_batch, plan_epoch
from musicgen_vae.training.loop import select
from musicgen_vae.training.objective import Objective, report

CONTROLLED = ("density", "polyphony", "register", "syncopation")
_CHUNK = 64

Log = Callable[[str], None]


def evaluate(
    composer: Composer,
    corpus: Path,
    *,
    split: str = "test",
    clips_per_class: int = 25,
    limit: int | None = None,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Everything this version measures, as plain numbers.

    Args:
        composer: the model.
        corpus: a built corpus.
        split: whose clips (stride of 4 bars) are used.
        clips_per_class: samples for each of the 8 classes of each control.
        limit: use only about so many clips, spread over the songs.
        log: told what is going on.

    Raises:
        ControlError: if ``split`` is not a split.
        CorpusError: if the corpus or the split is missing.
    """
    if split not in SPLITS:
        raise ControlError(f"split {split!r} is not one of {', '.join(SPLITS)}")
    pieces, _ = load_info(corpus)
    shard = load_shard(corpus / f"{split}.safetensors")
    chosen = np.flatnonzero(shard.aligned)
    if limit is not None and limit < len(chosen):
        chosen = np.unique(chosen[np.linspace(0, len(chosen) - 1, limit).astype(int)])
    if not len(chosen):
        raise CorpusError(f"the corpus has no clips in the split {split}")
    shard = select(shard, chosen)
    songs = [f"{pieces[p].source}/{pieces[p].song}" for p in shard.piece.tolist()]
    began = time.perf_counter()
    log(f"reconstructing {len(shard)} clips of {len(set(songs))} songs")
    result: dict[str, Any] = {
        "checkpoint": composer.checkpoint.hash,
        "split": split,
        "clips": len(shard),
        "songs": len(set(songs)),
        "reconstruction": _reconstruction(composer, shard, songs, log),
        "elbo": _elbo(composer, shard, pieces),
    }
    control = {}
    for name in CONTROLLED:
        log(f"sampling {clips_per_class * N_CLASSES} clips for {name}")
        control[name] = control_agreement(composer, name, clips_per_class)
    result["control"] = control
    result["seconds"] = round(time.perf_counter() - began, 1)
    return result


def _reconstruction(composer: Composer, shard: Any, songs: list[str], log: Log) -> dict[str, Any]:
    originals, copies = [], []
    for begin in range(0, len(shard), _CHUNK):
        chunk = [composer.fit(shard.clip(i)) for i in range(begin, min(begin + _CHUNK, len(shard)))]
        originals.extend(chunk)
        copies.extend(composer.reconstruct(chunk))
        log(f"  {len(copies)} of {len(shard)}")
    result: dict[str, Any] = {}
    for name, with_duration in (("role_onset_pitch", False), ("with_duration", True)):
        hits = [
            note_hits(a, b, with_duration=with_duration)
            for a, b in zip(originals, copies, strict=True)
        ]
        low, high = song_interval(hits, songs)
        result[name] = {"f1": micro_f1(hits), "low": low, "high": high}
    for role in Role:
        hits = [
            note_hits(a.keep([role]), b.keep([role]))
            for a, b in zip(originals, copies, strict=True)
        ]
        if any(hit.true for hit in hits):
            result[role.label] = {"f1": micro_f1(hits)}
    return result


@torch.inference_mode()
def _elbo(composer: Composer, shard: Any, pieces: Any) -> dict[str, float]:
    """Means over clips in nats, with one draw of z per clip, in single precision."""
    rng = np.random.default_rng(0)
    objective = Objective(composer.model, autocast=False)
    terms = []
    active = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for plan in plan_epoch(shard, 6000, seed=0, epoch=0):
            batch = make_batch(shard, plan, pieces, composer.spec, None, rng)
            terms.append(objective(batch))
            active.append(composer.model.posterior(batch.rows, batch.measured).mu.flatten(1))
    spread = torch.cat(active).var(dim=0)
    per_bar = torch.cat([t.kl for t in terms]).mean(0)
    return {
        **report(terms),
        **{f"kl_bar_{i + 1}": float(kl) for i, kl in enumerate(per_bar)},
        # Burda et al., arXiv 1509.00519, section 5.2: a dimension is active if the posterior
        # mean varies over the data by more than .01.
        "active_dimensions": float((spread > 0.01).sum()),
    }


def control_agreement(
    composer: Composer, name: str, clips_per_class: int, *, seed: int = 1000
) -> dict[str, float]:
    """How far samples follow one control while all others are unspecified.

    Args:
        composer: the model.
        name: one of ``CONTROLLED``; the class asked holds for all four bars.
        clips_per_class: samples of each of the 8 classes.
        seed: of the first sample.

    Returns:
        ``spearman``: rank correlation of the class asked with the mean over the bars of the value
        measured; ``within_one``: share of bars whose measured class is at most 1 off.
    """
    asked: list[float] = []
    measured: list[float] = []
    near: list[bool] = []
    for index in range(N_CLASSES):
        clips = composer.sample(
            Controls.parse({name: index}), n=clips_per_class, seed=seed + index * clips_per_class
        )
        for clip in clips:
            values = getattr(measure(clip), name)
            finite = values[np.isfinite(values)]
            asked.append(float(index))
            measured.append(float(finite.mean()) if len(finite) else float("nan"))
            classes = composer.spec.edges.classify(name, finite)
            near.extend((np.abs(classes - index) <= 1).tolist())
    return {
        "n": float(len(asked)),
        "spearman": spearman(np.array(asked), np.array(measured)),
        "within_one": float(np.mean(near)),
    }
