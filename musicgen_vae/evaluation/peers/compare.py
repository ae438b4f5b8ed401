"""Our model and its peers after equal time on one corpus: F1 and likeness of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from musicgen_vae.corpus.shards import load_info
from musicgen_vae.errors import ControlError
from musicgen_vae.evaluation.held_out import ClipSet, Corpus
from musicgen_vae.evaluation.metrics import micro_f1, note_hits, song_interval
from musicgen_vae.evaluation.peers import riffly_melodies
from musicgen_vae.evaluation.peers.gru_vae import GruConfig, GruVAE
from musicgen_vae.evaluation.peers.language_model import LanguageModel, language_model_config
from musicgen_vae.evaluation.peers.riffly_melodies import RifflyMelodies
from musicgen_vae.evaluation.peers.train import OwnModel, train_for
from musicgen_vae.evaluation.samples import compare, controls_of
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.checkpoint import save_checkpoint
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.flow import FlowConfig
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.training.data import Batch, DataConfig, batches
from musicgen_vae.training.flow import FlowTrainConfig, train_flow
from musicgen_vae.training.loop import TrainConfig, ahead, spec_from_corpus

NAMES = ("ours", "gru_vae", "language_model", "riffly")
_FLOW_SHARE = 0.15
"""Of our own time goes to the sampling prior."""
_CHUNK = 64
_SEED = 9000

Log = Callable[[str], None]
Reconstruct = Callable[[Sequence[Clip], Sequence[str]], list[Clip]]


def compare_peers(
    corpus: Path,
    out: Path,
    *,
    minutes: float,
    names: Sequence[str] = NAMES,
    ours: Path | None = None,
    split: str = "test",
    n: int = 200,
    model_config: ModelConfig | None = None,
    data_config: DataConfig | None = None,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Train each of ``names`` for ``minutes`` and measure it.

    Args:
        corpus: a built corpus.
        out: where our checkpoint and the language model are written.
        minutes: for each model.
        names: of ``NAMES``.
        ours: a finished checkpoint of ours that took as long, instead of training one.
        split: whose clips are held out.
        n: clips for F1, and samples.
        model_config: sizes of ours; peers are made about as large.
        data_config: how batches are made; peers see no kept notes.
        log: told what is going on.

    Returns:
        Name to ``parameters``, ``steps``, ``f1`` (``f1``, ``low``, ``high``; none for the language
        model), ``overlap`` (ratio to training, ``low``, ``high``), ``auc`` and ``in_key``.

    Raises:
        ControlError: if a name is unknown or riffly is asked for and not installed.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ControlError(f"unknown peer {unknown[0]!r}; known are {', '.join(NAMES)}")
    riffly = RifflyMelodies() if "riffly" in names else None  # fails early
    config = model_config or ModelConfig()
    data = data_config or DataConfig()
    loaded = Corpus.load(corpus)
    _, info = load_info(corpus)
    spec = spec_from_corpus(info, data)
    train_config = TrainConfig()
    shard = loaded.shard("train")

    def stream(kept: float) -> Iterator[Batch]:
        chosen = replace(data, kept_batches=kept, null_z=data.null_z if kept else 0.0)
        source = batches(shard, loaded.pieces, spec, chosen, seed=train_config.seed, epoch=0)
        return (batch for _, _, batch in ahead(source))

    test = loaded.clips(split, spec.roles, limit=n)
    training = loaded.clips("train", spec.roles, limit=n)
    result: dict[str, Any] = {}

    folder = ours
    if folder is None:
        folder = out / "ours"
        torch.manual_seed(train_config.seed)
        model = ConditionalVAE(config, spec)
        share = 1.0 - _FLOW_SHARE if "ours" in names else 0.0
        steps = 0
        if share:
            log(f"ours: {model.n_parameters:,} parameters, {minutes} minutes")
            learner = OwnModel(model, train_config)
            kept = data.kept_batches
            steps = train_for(learner, learner, stream(kept), share * minutes, train_config, log)
        record = {"step": steps, "seconds": 60 * minutes}
        save_checkpoint(folder, config, spec, model.state_dict(), record)
        if share:
            flow = FlowTrainConfig(minutes=_FLOW_SHARE * minutes)
            train_flow(folder, corpus, FlowConfig(), flow, log)
    composer = Composer.load(folder, device="cpu")
    asked = controls_of(composer, training, bars=True)
    seeds = [_SEED + i for i in range(len(asked))]
    if "ours" in names:
        result["ours"] = {
            "parameters": composer.model.n_parameters,
            "steps": composer.checkpoint.training.get("step"),
            "f1": _f1(test, composer.reconstruct),
            **_likeness(composer.sample_each(asked, seeds=seeds), training, test),
        }
        melodies = _melodies(test)
        if riffly is not None and len(melodies):
            result["ours_on_melodies"] = {"f1": _f1(melodies, composer.reconstruct)}
    if "gru_vae" in names:
        gru = GruVAE(GruConfig.like(config, train_config.beta), spec)
        log(f"gru_vae: {gru.n_parameters:,} parameters, {minutes} minutes")
        steps = train_for(gru, gru, stream(0.0), minutes, train_config, log)
        result["gru_vae"] = {
            "parameters": gru.n_parameters,
            "steps": steps,
            "f1": _f1(test, gru.reconstruct),
            **_likeness(gru.sample_each(asked, seeds), training, test),
        }
    if "language_model" in names:
        language_model = LanguageModel(language_model_config(config), spec)
        log(f"language_model: {language_model.n_parameters:,} parameters, {minutes} minutes")
        steps = train_for(language_model, language_model, stream(0.0), minutes, train_config, log)
        language_model.save(out / "language_model")
        result["language_model"] = {
            "parameters": language_model.n_parameters,
            "steps": steps,
            **_likeness(language_model.sample_each(asked, seeds), training, test),
        }
    if riffly is not None:
        log(f"riffly: {riffly.n_parameters:,} parameters, {minutes} minutes")
        steps = train_for(riffly, riffly, stream(0.0), minutes, train_config, log)
        melodies = _melodies(test)
        real = _melodies(training)
        result["riffly"] = {"parameters": riffly.n_parameters, "steps": steps}
        if len(melodies) and len(real):
            result["riffly"] |= {
                "f1": _f1(melodies, lambda clips, styles: riffly.reconstruct(clips)),
                **_likeness(riffly.sample(len(real), _SEED), real, melodies),
            }
    return result


def _f1(held_out: ClipSet, reconstruct: Reconstruct) -> dict[str, float]:
    copies: list[Clip] = []
    for begin in range(0, len(held_out), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        copies += reconstruct(held_out.clips[part], held_out.styles[part])
    hits = [note_hits(a, b) for a, b in zip(held_out.clips, copies, strict=True)]
    low, high = song_interval(hits, held_out.songs)
    return {"f1": micro_f1(hits), "low": low, "high": high}


def _likeness(made: Sequence[Clip], training: ClipSet, test: ClipSet) -> dict[str, Any]:
    figures = compare(made, training, test)
    return {
        "overlap": {key: figures["overlap"][key] for key in ("ratio", "low", "high")},
        "auc": figures["auc"]["made"],
        "in_key": figures["in_key"]["made"],
    }


def _melodies(clips: ClipSet) -> ClipSet:
    """The melodies alone of the clips that riffly can read."""
    fit = clips.at([i for i, clip in enumerate(clips.clips) if riffly_melodies.fits(clip)])
    return replace(fit, clips=tuple(clip.keep([Role.MELODY]) for clip in fit.clips))
