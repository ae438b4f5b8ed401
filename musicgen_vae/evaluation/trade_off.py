"""Copying against inventing: several checkpoints, such as along beta, measured alike.

A smaller weight of the KL buys better reconstructions with a prior that fits the posteriors less
well, and so with poorer samples; the curve shows what is paid for what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from musicgen_vae.evaluation.evaluate import evaluate
from musicgen_vae.generation.composer import Composer

MEASURED = ("reconstruction", "likelihood", "samples")


def trade_off(
    checkpoints: Sequence[Path],
    corpus: Path,
    *,
    split: str = "test",
    limit: int | None = None,
    log: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """One row for each checkpoint, in the order of their beta.

    Args:
        checkpoints: folders.
        corpus: a built corpus.
        split: whose clips are held out.
        limit: of clips and samples, as in ``evaluate``.
        log: told what is going on.

    Returns:
        ``folder``, ``checkpoint``, ``beta`` and ``hours`` (as recorded in training, else None),
        ``f1`` (of the encoder alone), ``kl`` (nats per clip), ``overlap`` (ratio to training),
        ``auc``, ``in_key``; the last three of samples asked the controls of the clip.
    """
    rows = []
    for folder in checkpoints:
        log(str(folder))
        composer = Composer.load(folder)
        figures = evaluate(composer, corpus, split=split, only=MEASURED, limit=limit, log=log)
        training = composer.checkpoint.training
        samples = figures["samples"]["clip_controls"]
        rows.append(
            {
                "folder": folder.name,
                "checkpoint": composer.checkpoint.hash,
                "beta": training.get("train", {}).get("beta"),
                "hours": training["seconds"] / 3600 if "seconds" in training else None,
                "f1": figures["reconstruction"]["encoder"]["all"]["role_onset_pitch"]["f1"],
                "kl": figures["likelihood"]["kl"],
                "overlap": samples["overlap"]["ratio"],
                "auc": samples["auc"]["made"],
                "in_key": samples["in_key"]["made"],
            }
        )
    return sorted(rows, key=lambda row: (row["beta"] is None, row["beta"] or 0.0))
