"""The training loop: warm-up, stable, decay; log, validate, save, stop and go on.

The schedule is warm-up–stable–decay (Hu et al., MiniCPM, arXiv 2404.06395): a run can go on from
any step of its stable part, and be brought to a usable end at any time by a short decay. Matrices
inside blocks are trained by Muon (Jordan et al., 2024, as in ``torch.optim.Muon``), the rest by
AdamW.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from musicgen_vae.corpus.shards import PieceInfo, Shard, load_info, load_shard
from musicgen_vae.errors import CorpusError
from musicgen_vae.model.checkpoint import copy_weights, save_checkpoint
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import CLIP_CONTROLS, ControlSpec
from musicgen_vae.model.labels import Adversary
from musicgen_vae.model.outline import outline_steps
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.music.clip import Role
from musicgen_vae.training.data import (
    Batch,
    BatchStream,
    DataConfig,
    loaded,
    make_batch,
    plan_epoch,
)
from musicgen_vae.training.muon import Muon
from musicgen_vae.training.objective import Objective, report, training_loss
from musicgen_vae.training.state import NUMBERS_FILE, Progress, load_state, save_state
from musicgen_vae.training.workers import Workers

Log = Callable[[str], None]
_SHOWN = (
    "clips_per_s",
    "recon",
    "kl",
    "outline",
    "outline_f1",
    "pitch_accuracy",
    "step_accuracy",
    "duration_accuracy",
    "style_named",
    "z/style_named",
)
_SHORT_WAY = (".summary.", ".moment.")
_SHORT_MATRICES = ("bar_in", "bar_out", "joint", "hidden", "out")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train.

    Attributes:
        outline_stage: first steps, in which only the short way from notes to z to the outline
            learns: a fifteenth of the cost of the rest, and most of what z has to say.
        steps: last step of the run.
        decay_steps: how many of them, at the end, bring the learning rate to zero.
        warmup_steps: steps over which the learning rate rises from zero, in each stage.
        lr_matrices, lr_rest: learning rates of Muon and AdamW.
        weight_decay: of both.
        beta: weight of the KL; it rises from zero over the first ``beta_steps`` of the run. Not
            again in the second stage: z would change under a decoder that has learnt to read it.
        outline_share: in the first stage, one in this many steps of the bar counts in a batch.
        free_bits: nats per bar below which the KL is not pressed.
        outline_weight: weight of the loss of the outline guessed from z and c alone.
        label_weight: weight of the recognition head's loss.
        adversary_from: step from which the encoder is to confuse an adversary that reads c from z;
            None trains without one.
        confusion_weight: how much; it rises from zero over ``adversary_steps``.
        adversary_steps: see ``confusion_weight``.
        lr_adversary: learning rate of the adversary.
        only: the one part that learns, ``"decoder"`` or ``"encoder"`` (with the prior and the
            recognition head); all else stays as it is, the control network too, and there is no
            first stage. None trains everything. While the decoder learns alone, z and any flow
            that was trained on it stay; while the encoder does, what z means stays.
        average: share of the moving average of the weights that stays at each step.
        clip_gradient: largest norm of the gradient.
        log_every, validate_every, save_every: steps.
        validation_clips: held-out clips per validation.
        n_loaders: processes that make batches: none on a CPU, a dozen for a GPU.
        compile: compile the transformer blocks (a C++ compiler is needed; a fifth faster).
        seed: of everything.
    """

    outline_stage: int = 3000
    steps: int = 12000
    decay_steps: int = 1500
    warmup_steps: int = 100
    lr_matrices: float = 3e-3
    lr_rest: float = 3e-3
    weight_decay: float = 0.02
    beta: float = 0.1
    beta_steps: int = 500
    outline_share: int = 3
    free_bits: float = 0.0
    outline_weight: float = 0.3
    label_weight: float = 0.3
    adversary_from: int | None = None
    confusion_weight: float = 0.3
    adversary_steps: int = 500
    lr_adversary: float = 1e-3
    only: Literal["encoder", "decoder"] | None = None
    average: float = 0.995
    clip_gradient: float = 1.0
    log_every: int = 20
    validate_every: int = 250
    save_every: int = 100
    validation_clips: int = 256
    n_loaders: int = 0
    compile: bool = False
    seed: int = 7

    @property
    def second_stage_from(self) -> int:
        """Step from which the whole way is trained, notes to z to notes."""
        return self.outline_stage if self.only is None else 0


def step_in_stage(step: int, config: TrainConfig) -> int:
    """Steps since the stage that ``step`` belongs to began."""
    begins = config.second_stage_from
    return step - begins if step >= begins else step


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Factor (0 to 1) on the learning rates at ``step``: warm-up, stable, linear decay."""
    warm = min(1.0, (step_in_stage(step, config) + 1) / max(1, config.warmup_steps))
    left = config.steps - step
    return warm * min(1.0, left / max(1, config.decay_steps))


def average_share(step: int, config: TrainConfig) -> float:
    """Share of the moving average that stays at ``step``.

    Each stage begins it anew: what the transformers were before the second stage would else weigh
    in it for thousands of steps.
    """
    done = step_in_stage(step, config)
    return min(config.average, (1 + done) / (10 + done))


@torch.no_grad()
def move_average(average: dict[str, Tensor], module: nn.Module, share: float) -> None:
    """Move ``average`` towards the module's weights in place; ``share`` of it stays.

    What counts, such as the batches that a normalisation has seen, is taken as it is.
    """
    weights = module.state_dict()
    moving = [name for name, value in weights.items() if value.is_floating_point()]
    for name in weights.keys() - moving:
        average[name].copy_(weights[name])
    torch._foreach_lerp_([average[n] for n in moving], [weights[n] for n in moving], 1 - share)


def learning_parts(model: ConditionalVAE, only: str | None) -> list[nn.Module]:
    """The networks that learn, by ``TrainConfig.only``."""
    if only is None:
        return [model]
    if only == "decoder":
        return [model.decoder]
    return [model.encoder] if model.recognition is None else [model.encoder, model.recognition]


def make_optimisers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks and the short way, AdamW for the rest."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        inside = ".blocks." in name or (
            any(part in name for part in _SHORT_WAY) and name.split(".")[-2] in _SHORT_MATRICES
        )
        (matrices if inside and parameter.ndim == 2 else rest).append(parameter)
    return [
        Muon(matrices, lr=config.lr_matrices, weight_decay=config.weight_decay),
        torch.optim.AdamW(
            rest, lr=config.lr_rest, betas=(0.9, 0.98), weight_decay=config.weight_decay
        ),
    ]


def spec_from_corpus(info: dict[str, Any], data: DataConfig) -> ControlSpec:
    """The controls that the corpus was measured for.

    Augmentation that splits a bass from the harmony teaches the bass where the corpus has none.
    """
    spec = ControlSpec.from_dict({"clip_controls": CLIP_CONTROLS, **info["controls"]})
    roles = set(spec.roles)
    if Role.HARMONY in roles and data.augment.split_bass > 0:
        roles.add(Role.BASS)
    return replace(spec, roles=tuple(sorted(roles)))


def validation_batches(
    shard: Shard, pieces: tuple[PieceInfo, ...], spec: ControlSpec, n_clips: int
) -> list[Batch]:
    """A fixed selection of held-out clips, spread over the songs; no augmentation, k empty."""
    aligned = np.flatnonzero(shard.aligned)
    if not len(aligned):
        raise CorpusError("the corpus has no clips for validation; add pieces or another split")
    chosen = aligned[np.linspace(0, len(aligned) - 1, min(n_clips, len(aligned))).astype(int)]
    rng = np.random.default_rng(0)
    subset = select(shard, np.unique(chosen))
    return [
        make_batch(subset, plan, pieces, spec, None, rng)
        for plan in plan_epoch(subset, 6000, seed=0, epoch=0)
    ]


def select(shard: Shard, indices: np.ndarray[Any, Any]) -> Shard:
    """The shard's windows at ``indices``, in that order."""
    rows = [shard.rows(int(i)) for i in indices]
    per_window = {
        name: value[indices]
        for name, value in vars(shard).items()
        if name not in ("tokens", "offsets")
    }
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    return Shard(tokens=np.concatenate(rows), offsets=offsets.astype(np.int64), **per_window)


@torch.no_grad()
def validate(objective: Objective, batches: Iterable[Batch], *, short: bool) -> dict[str, float]:
    """Report over held-out batches with a fixed draw of z; ``short`` is the first stage."""
    objective.eval()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        terms = [objective(batch, short=short) for batch in batches]
    objective.train()
    return mean_of([report(terms)])


class Trainer:
    """One run: a model, its moving average and its optimisers over a corpus."""

    def __init__(
        self,
        corpus: Path,
        run: Path,
        *,
        model_config: ModelConfig,
        data_config: DataConfig,
        config: TrainConfig,
        log: Log,
        workers: Workers | None = None,
        start_from: Path | None = None,
    ) -> None:
        self.workers = workers = workers or Workers()
        self.pieces, info = load_info(corpus)
        self.shard = load_shard(corpus / "train.safetensors")
        self.spec = spec_from_corpus(info, data_config)
        self.run_folder = run
        self.model_config, self.data_config, self.config = model_config, data_config, config
        self.log = log
        torch.manual_seed(config.seed)
        self.model = ConditionalVAE(model_config, self.spec).to(workers.device)
        if start_from is not None:
            log(f"{copy_weights(start_from, self.model):.0%} of the weights from {start_from}")
        self.model.requires_grad_(False)
        for part in learning_parts(self.model, config.only):
            part.requires_grad_(True)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimisers = make_optimisers(self.model, config)
        self.base_lrs = [config.lr_matrices, config.lr_rest]
        self.adversary: Adversary | None = None
        self.networks: dict[str, nn.Module] = {"model": self.model}
        if config.adversary_from is not None:
            self.adversary = Adversary(model_config, self.spec).to(workers.device)
            self.networks["adversary"] = self.adversary
            self.optimisers.append(torch.optim.AdamW(self.adversary.parameters()))
            self.base_lrs.append(config.lr_adversary)
        self.objective = workers.share(Objective(self.model, workers.bfloat16, self.adversary))
        self.progress = Progress()
        if (run / NUMBERS_FILE).exists():
            self.progress = load_state(run, self.networks, self.average, self.optimisers)
            log(f"resumed at step {self.progress.step}")
        self.validation = validation_batches(
            load_shard(corpus / "validation.safetensors"),
            self.pieces,
            self.spec,
            config.validation_clips,
        )
        self.validation = [batch.to(workers.device) for batch in self.validation]
        self.averaged = Objective(
            ConditionalVAE(model_config, self.spec).to(workers.device), workers.bfloat16
        )
        if config.compile:
            # Blocks are compiled one by one; splitting them for gradient buckets fails.
            torch._dynamo.config.optimize_ddp = False
            for block in (*self.model.encoder.blocks, *self.model.decoder.blocks):
                block.compile(dynamic=True)

    def run(self, checkpoint: Path | None = None) -> dict[str, float]:
        """Train to the last step; write an inference checkpoint at each validation.

        Args:
            checkpoint: folder for the inference weights (the moving average).

        Returns:
            The last validation's report.
        """
        config = self.config
        log_file = self.run_folder / "log.jsonl"
        self.run_folder.mkdir(parents=True, exist_ok=True)
        stream = BatchStream(
            shard=self.shard,
            pieces=self.pieces,
            spec=self.spec,
            config=self.data_config,
            seed=config.seed,
            epoch=self.progress.epoch,
            first=self.progress.batch,
            rank=self.workers.rank,
            n_ranks=self.workers.n,
        )
        recent: list[dict[str, Tensor]] = []
        last: dict[str, float] = {}
        self.to_train()
        began = time.perf_counter()
        shown_clips, shown_seconds = self.progress.n_clips, self.progress.seconds
        for epoch, index, batch in loaded(stream, config.n_loaders):
            if self.progress.step >= config.steps:
                break
            recent.append(self.step(batch))
            spent = time.perf_counter() - began
            began += spent
            self.progress = replace(
                self.progress,
                step=self.progress.step + 1,
                epoch=epoch,
                batch=index - self.workers.rank + self.workers.n,
                n_tokens=self.progress.n_tokens + self.workers.n * batch.n_tokens,
                n_clips=self.progress.n_clips + self.workers.n * len(batch.null_z),
                seconds=self.progress.seconds + spent,
            )
            step, done = self.progress.step, self.progress.step == config.steps
            if self.workers.rank > 0:
                continue
            if step % config.log_every == 0 or done:
                clips = self.progress.n_clips - shown_clips
                seconds = self.progress.seconds - shown_seconds
                shown_clips, shown_seconds = self.progress.n_clips, self.progress.seconds
                self.write(
                    log_file,
                    "train",
                    {**mean_of(recent), "clips_per_s": clips / max(seconds, 1e-9)},
                )
                recent = []
            if step % config.validate_every == 0 or done:
                self.averaged.model.load_state_dict(self.average)
                short = step <= config.second_stage_from
                last = validate(self.averaged, self.validation, short=short)
                self.write(log_file, "validation", last)
                if checkpoint is not None and not short:
                    self.export(checkpoint, last)
            if step % config.save_every == 0 or done:
                save_state(
                    self.run_folder, self.networks, self.average, self.optimisers, self.progress
                )
            if step % config.validate_every == 0 or step % config.save_every == 0:
                began = time.perf_counter()  # what is not training does not count
        return last

    def to_train(self) -> None:
        """What learns drops activations; what stands still does not."""
        self.objective.train()
        self.model.eval()
        for part in learning_parts(self.model, self.config.only):
            part.train()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One optimiser step; returns what to log, each of shape () on the model's device."""
        config = self.config
        number = self.progress.step
        seed = config.seed * 1_000_003 + number
        torch.manual_seed(seed * self.workers.n + self.workers.rank)
        first_stage = number < config.second_stage_from
        beta = config.beta * min(1.0, (number + 1) / max(1, config.beta_steps))
        confusion = 0.0
        if config.adversary_from is not None:
            share = (number - config.adversary_from) / max(1, config.adversary_steps)
            confusion = config.confusion_weight * min(1.0, max(0.0, share))
        steps = outline_steps(int(batch.asked.bar_steps[0]))
        if first_stage:
            some = torch.randperm(len(steps))[: -(-len(steps) // config.outline_share)]
            steps = steps[some.sort().values]
        terms = self.objective(batch.to(self.workers.device), steps, short=first_stage)
        loss = training_loss(
            terms,
            batch.n_tokens,
            beta=beta,
            free_bits=config.free_bits,
            outline_weight=1.0 if first_stage else config.outline_weight,
            label_weight=config.label_weight,
            confusion_weight=confusion,
        )
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_gradient)
        factor = learning_rate_factor(number, config)
        for optimiser, base in zip(self.optimisers, self.base_lrs, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = base * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.update_average()
        return {"loss": loss.detach(), "gradient_norm": norm, **report([terms])}

    def update_average(self) -> None:
        """Move the average towards the weights."""
        move_average(self.average, self.model, average_share(self.progress.step, self.config))

    def export(self, folder: Path, validation: dict[str, float]) -> None:
        """Write the moving average as an inference checkpoint."""
        save_checkpoint(
            folder,
            self.model_config,
            self.spec,
            self.average,
            {
                **asdict(self.progress),
                "seconds": round(self.progress.seconds),
                "train": asdict(self.config),
                "data": asdict(self.data_config),
                "validation": {k: round(v, 4) for k, v in validation.items()},
                "n_windows": len(self.shard),
            },
        )

    def write(self, log_file: Path, kind: str, values: dict[str, float]) -> None:
        """One line to the log file and one to the person."""
        p = self.progress
        record = {"kind": kind, "step": p.step, "seconds": round(p.seconds, 1), **values}
        with log_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({k: _round(v) for k, v in record.items()}) + "\n")
        shown = "  ".join(f"{name} {values[name]:.3f}" for name in _SHOWN if name in values)
        self.log(f"{kind:10s} step {p.step:6d}  {p.seconds / 60:6.1f} min  {shown}")


def _round(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def mean_of(records: list[dict[str, Tensor]]) -> dict[str, float]:
    """Mean of each value over the records."""
    keys = list(records[0])
    table = torch.stack([torch.stack([record[key].float() for key in keys]) for record in records])
    return dict(zip(keys, table.mean(0).tolist(), strict=True))
