"""Times of the model's hot paths, each beside that of its matrix products alone in the same run.

Those of sound are in ``audio.benchmark``. Ratios travel between machines better than seconds do.
Medians of several runs after a warm-up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from musicgen_vae.evaluation.provenance import commit, machine
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.decoding import BLOCK
from musicgen_vae.generation.trajectory import n_stops
from musicgen_vae.model.flow import FlowPrior
from musicgen_vae.model.packing import PackedLinear
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.tokens import clip_to_tokens

N_ENCODED = 1000
_MORPH_STEPS = 9
_REPEATS = 5
_PRODUCTS = (
    *("linear", "mm", "addmm", "bmm", "baddbmm", "matmul"),
    *("scaled_dot_product", "fbgemm_linear"),
)


def median_s(run: Callable[[], object], repeats: int = _REPEATS) -> float:
    """Median seconds of ``run`` after one warm-up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the matrix products of what runs inside it, to be run again without the rest.

    Attention counts as one product. Weights are the model's own, so that they come from where
    they lie in memory; activations are numbers of the right shape that were made before.
    """

    def __init__(self, models: Iterable[nn.Module]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.weights = {
            weight.untyped_storage().data_ptr()
            for model in models
            for part in model.modules()
            for weight in (
                [part.weight] if isinstance(part, PackedLinear) else part.parameters(recurse=False)
            )
        }
        self.stand_ins: dict[tuple[Any, ...], Tensor] = {}
        self.calls: list[Callable[[], object]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run ``func`` as always, and note it down where it is a product."""
        kwargs = kwargs or {}
        if func.__name__.lstrip("_").startswith(_PRODUCTS):
            given = [self.stand_in(arg) for arg in args]
            named = {name: self.stand_in(arg) for name, arg in kwargs.items()}
            self.calls.append(partial(func, *given, **named))
        return func(*args, **kwargs)

    def stand_in(self, value: Any) -> Any:
        """The value itself, or for an activation a tensor of its shape and strides."""
        if not isinstance(value, Tensor):
            return value
        if value.untyped_storage().data_ptr() in self.weights:
            return value
        key = (value.shape, value.stride(), value.dtype, value.device)
        if key not in self.stand_ins:
            made = torch.empty_strided(
                value.shape, value.stride(), dtype=value.dtype, device=value.device
            )
            # An expanded tensor cannot be written to, what lies under it can.
            under = made.as_strided((made.untyped_storage().nbytes() // made.element_size(),), (1,))
            _ = under.normal_() if made.is_floating_point() else under.zero_()
            self.stand_ins[key] = made
        return self.stand_ins[key]

    @torch.inference_mode()
    def replay(self) -> None:
        """All products recorded, in their order."""
        for call in self.calls:
            call()


def beside_products(
    run: Callable[[], object], models: Iterable[nn.Module], repeats: int = _REPEATS
) -> dict[str, float]:
    """Seconds of ``run``, of its matrix products alone, and their ratio."""
    seconds = median_s(run, repeats)
    with Products(models) as products:
        run()
    alone = median_s(products.replay, repeats)
    return {
        "seconds": round(seconds, 4),
        "products_s": round(alone, 4),
        "ratio_to_matrix_products": round(seconds / alone, 2),
    }


@torch.inference_mode()
def run_benchmarks(composer: Composer, log: Callable[[str], None]) -> dict[str, Any]:
    """Decode, sample, morph, encode and flow, as plain numbers; seconds unless a name says ms."""
    log("decoding")
    clips = composer.sample(n=32, seed=7)
    clips = [clip if clip.notes else clips[0] for clip in clips]
    encoded = composer.encode(clips)
    z, control = encoded.posterior.mode(), encoded.control
    models = [composer.model, composer.decoder]
    result: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "threads": torch.get_num_threads(),
        "decode": {},
    }
    for n in (1, n_stops(_MORPH_STEPS), 32):
        decode = partial(composer.decode, z[:n], control[:n], clips[:n])
        made = decode()
        blocks = [made[i : i + BLOCK] for i in range(0, n, BLOCK)]
        steps = sum(max(len(clip_to_tokens(c)) for c in block) for block in blocks)
        times = beside_products(decode, models)
        result["decode"][f"{n}_clips"] = {
            **times,
            "note_steps": steps,
            "ms_per_note_step": round(1000 * times["seconds"] / steps, 2),
            "products_ms_per_note_step": round(1000 * times["products_s"] / steps, 2),
        }
    log("sampling and morphing")
    result["sample_one_clip_s"] = round(median_s(lambda: composer.sample(n=1, seed=11)), 3)
    a, b = clips[0], clips[1]
    morph = partial(composer.interpolate, a, b, steps=_MORPH_STEPS)
    result[f"morph_{_MORPH_STEPS}_steps_s"] = round(median_s(morph), 3)
    log("encoding")
    many = (clips * -(-N_ENCODED // len(clips)))[:N_ENCODED]
    times = beside_products(lambda: composer.encode(many), models, repeats=3)
    result["encode"] = {
        "clips": N_ENCODED,
        **times,
        "clips_per_s": round(N_ENCODED / times["seconds"], 1),
    }
    if composer.checkpoint.flow is not None:
        log("flow")
        result["flow"] = _flow_times(composer, composer.checkpoint.flow)
    return result


def _flow_times(composer: Composer, flow: FlowPrior) -> dict[str, Any]:
    """One z and 32 of them, with the guidance that sampling has by default."""
    result = {}
    for n in (1, 32):
        templates = composer.sample(n=1, seed=5) * n
        condition = composer.encode([templates[0]]).condition.repeat(n)
        noise = torch.randn(n, *flow.mean.shape, generator=torch.Generator().manual_seed(3)).to(
            composer.device
        )
        draw = partial(
            composer.sampling.draw, condition, Rows.none(n, composer.device), noise, "flow", None
        )
        result[f"{n}_clips"] = beside_products(draw, [flow, composer.model])
    return result
