"""Our model and its peers after equal time on one corpus: F1 and likeness of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

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
from musicgen_vae.model.checkpoint import FLOW_FILE, INFO_FILE, save_checkpoint
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.flow import FlowConfig
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.training.data import Batch, BatchStream, DataConfig, loaded
from musicgen_vae.training.flow import CPU, FlowTrainConfig, train_flow
from musicgen_vae.training.loop import TrainConfig, spec_from_corpus
from musicgen_vae.training.workers import Workers

NAMES = ("ours", "gru_vae", "language_model", "riffly")
_FLOW_SHARE = 0.15
"""Of our own time goes to the sampling prior."""
_SEED = 9000

Log = Callable[[str], None]
Reconstruct = Callable[[Sequence[Clip], Sequence[str]], list[Clip]]
Peer = GruVAE | LanguageModel | RifflyMelodies


def compare_peers(
    corpus: Path,
    out: Path,
    *,
    minutes: float,
    names: Sequence[str] = NAMES,
    ours: Path | None = None,
    split: str = "test",
    n: int = 200,
    noise_level: float = 0.0,
    model_config: ModelConfig | None = None,
    data_config: DataConfig | None = None,
    workers: Workers | None = None,
    n_loaders: int = 0,
    train_only: bool = False,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Train each of ``names`` for ``minutes`` and measure it; what ``out`` has, is trained.

    Args:
        corpus: a built corpus.
        out: where all weights are written, and taken from if they are there.
        minutes: for each model.
        names: of ``NAMES``.
        ours: a finished checkpoint of ours that took as long, instead of training one.
        split: whose clips are held out.
        n: clips for F1, and samples.
        noise_level: of the z that ours are drawn with; a decoder trained for so short a time makes
            less of noise than the one that ships.
        model_config: sizes of ours; peers are made about as large.
        data_config: how batches are made; peers see no kept notes.
        workers: where to train, by default on the CPU; riffly always trains there.
        n_loaders: processes that make batches.
        train_only: measure nothing.
        log: told what is going on.

    Returns:
        Name to ``parameters``, ``steps``, ``noise_level`` (of ours), ``f1`` (``f1``, ``low``,
        ``high``; none for the language model), ``overlap`` (ratio to training, ``low``, ``high``),
        ``auc`` and ``in_key``.

    Raises:
        ControlError: if a name is unknown or riffly is asked for and not installed.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ControlError(f"unknown peer {unknown[0]!r}; known are {', '.join(NAMES)}")
    riffly = RifflyMelodies() if "riffly" in names else None  # fails early
    config = model_config or ModelConfig()
    data = data_config or DataConfig()
    songs = Corpus.load(corpus)
    _, info = load_info(corpus)
    spec = spec_from_corpus(info, data)
    train_config = TrainConfig()
    shard = songs.shard("train")
    workers = workers or Workers()
    device = workers.device

    def stream(kept: float) -> Iterator[Batch]:
        chosen = replace(data, kept_batches=kept, null_z=data.null_z if kept else 0.0)
        source = BatchStream(
            shard=shard, pieces=songs.pieces, spec=spec, config=chosen, seed=train_config.seed
        )
        return (batch for _, _, batch in loaded(source, n_loaders))

    test = songs.clips(split, spec.roles, limit=n)
    training = songs.clips("train", spec.roles, limit=n)
    result: dict[str, Any] = {}

    folder = ours
    if folder is None:
        folder = out / "ours"
        torch.manual_seed(train_config.seed)
        model = ConditionalVAE(config, spec)
        if "ours" not in names:  # its controls are asked of the others, untrained as it may be
            if not (folder / INFO_FILE).exists():
                save_checkpoint(folder, config, spec, model.state_dict(), {})
        elif not (folder / FLOW_FILE).exists():
            log(f"ours: {model.n_parameters:,} parameters, {minutes} minutes")
            learner = OwnModel(model, train_config, autocast=workers.bfloat16)
            batches, left = stream(data.kept_batches), (1.0 - _FLOW_SHARE) * minutes
            steps = train_for(learner.to(device), learner, batches, left, train_config, log)
            record = {"step": steps, "seconds": 60 * minutes}
            save_checkpoint(folder, config, spec, model.state_dict(), record)
            flow = FlowTrainConfig(minutes=_FLOW_SHARE * minutes, n_loaders=n_loaders)
            train_flow(folder, corpus, FlowConfig(), flow, log, device=device)

    def trained(name: str, peer: Peer, where: torch.device = device) -> int:
        """Train a peer, or take the weights that ``out`` has; returns the number of steps."""
        path = out / f"{name}.safetensors"
        if path.exists():
            peer.load_state_dict(load_file(path))
            with safe_open(path, framework="pt") as file:
                return int(file.metadata()["steps"])
        log(f"{name}: {peer.n_parameters:,} parameters, {minutes} minutes")
        steps = train_for(peer.to(where), peer, stream(0.0), minutes, train_config, log)
        peer.cpu()
        out.mkdir(parents=True, exist_ok=True)
        weights = {key: value.contiguous() for key, value in peer.state_dict().items()}
        save_file(weights, path, metadata={"steps": str(steps)})
        return steps

    peers: dict[str, Peer] = {}
    if "gru_vae" in names:
        peers["gru_vae"] = GruVAE(GruConfig.like(config, train_config.beta), spec)
    if "language_model" in names:
        peers["language_model"] = LanguageModel(language_model_config(config), spec)
    if riffly is not None:
        peers["riffly"] = riffly
    steps_of = {
        name: trained(name, peer, CPU if peer is riffly else device) for name, peer in peers.items()
    }
    if train_only:
        return {name: {"steps": steps} for name, steps in steps_of.items()}
    composer = Composer.load(folder, device="cpu")
    encoded_once = partial(composer.reconstruct, refine=0)  # as peers do
    asked = controls_of(composer, training, bars=True)
    seeds = [_SEED + i for i in range(len(asked))]
    if "ours" in names:
        result["ours"] = {
            "parameters": composer.model.n_parameters,
            "steps": composer.checkpoint.training.get("step"),
            "noise_level": noise_level,
            "f1": _f1(test, encoded_once),
            **_likeness(
                composer.sample_each(asked, seeds=seeds, noise_level=noise_level), training, test
            ),
        }
        melodies = _melodies(test)
        if riffly is not None and len(melodies):
            result["ours_on_melodies"] = {"f1": _f1(melodies, encoded_once)}
    for name, steps in steps_of.items():
        result[name] = {"parameters": peers[name].n_parameters, "steps": steps}
    gru, language_model = peers.get("gru_vae"), peers.get("language_model")
    if isinstance(gru, GruVAE):
        made = gru.sample_each(asked, seeds)
        result["gru_vae"] |= {"f1": _f1(test, gru.reconstruct), **_likeness(made, training, test)}
    if isinstance(language_model, LanguageModel):
        language_model.save(out / "language_model")
        made = language_model.sample_each(asked, seeds)
        result["language_model"] |= _likeness(made, training, test)
    if riffly is not None:
        melodies = _melodies(test)
        real = _melodies(training)
        if len(melodies) and len(real):
            result["riffly"] |= {
                "f1": _f1(melodies, lambda clips, styles: riffly.reconstruct(clips)),
                **_likeness(riffly.sample(len(real), _SEED), real, melodies),
            }
    return result


def _f1(held_out: ClipSet, reconstruct: Reconstruct) -> dict[str, float]:
    copies: list[Clip] = []
    for part in held_out.chunks():
        copies += reconstruct(part.clips, part.styles)
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
