"""Times of the model's hot paths, each beside a limit timed in the same run.

Those of sound are in ``audio.benchmark``.
Ratios travel between machines better than seconds do. Medians of several runs after a warm-up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from musicgen_vae.evaluation.provenance import commit, machine
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.decoding import BLOCK
from musicgen_vae.music.tokens import clip_to_tokens

_REPEATS = 5


def median_s(run: Callable[[], object], repeats: int = _REPEATS) -> float:
    """Median seconds of ``run`` after one warm-up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@torch.inference_mode()
def run_benchmarks(composer: Composer, log: Callable[[str], None]) -> dict[str, Any]:
    """Decode and encode, as plain numbers; times in seconds unless the name says ms."""
    log("decoding")
    clips = composer.sample(n=32, seed=7)
    encoded = composer.encode(clips)
    z, control = encoded.posterior.mode(), encoded.control
    products_ms = 1000 * _products_s(composer)
    result: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "threads": torch.get_num_threads(),
        "decode": {},
    }
    for n in (1, 9, 32):
        decode = partial(composer.decode, z[:n], control[:n], clips[:n])
        seconds = median_s(decode)
        made = decode()
        blocks = [made[i : i + BLOCK] for i in range(0, n, BLOCK)]
        steps = sum(max(len(clip_to_tokens(c)) for c in block) for block in blocks)
        step_ms = 1000 * seconds / steps
        result["decode"][f"{n}_clips"] = {
            "seconds": round(seconds, 3),
            "ms_per_note_step": round(step_ms, 2),
            "ratio_to_matrix_products": round(step_ms / products_ms, 2),
        }
    log("sampling and morphing")
    result["sample_one_clip_s"] = round(median_s(lambda: composer.sample(n=1, seed=11)), 3)
    a, b = clips[0], clips[1]
    result["morph_9_steps_s"] = round(median_s(lambda: composer.interpolate(a, b, steps=9)), 3)
    log("encoding")
    seconds = median_s(lambda: composer.encode(clips * 8), repeats=3)
    result["encode"] = {"clips": 256, "clips_per_s": round(256 / seconds, 1)}
    return result


def _products_s(composer: Composer) -> float:
    """Seconds that the matrix products of one note step alone take, for one block of items."""
    matrices = [
        p.detach().T.contiguous()
        for name, p in composer.model.decoder.named_parameters()
        if p.ndim == 2 and name.startswith(("blocks.", "heads.hidden", "heads.logits"))
    ]
    inputs = [torch.randn(BLOCK, matrix.shape[0], device=matrix.device) for matrix in matrices]

    def products() -> None:
        for x, matrix in zip(inputs, matrices, strict=True):
            x @ matrix

    return median_s(products, repeats=50)
