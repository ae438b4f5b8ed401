"""The processes of one training run: one alone, or those that ``torchrun`` started.

    torchrun --nproc-per-node 2 -m musicgen_vae train ...

works on one machine or many, on GPUs (NCCL) or CPUs (gloo). This module knows
``torch.distributed``; it does not know models or data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, kw_only=True)
class Workers:
    """This process among all of its run.

    Attributes:
        rank: 0 to ``n`` - 1; rank 0 alone writes files and speaks.
        n: how many processes there are.
        device: where this one computes.
    """

    rank: int = 0
    n: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def bfloat16(self) -> bool:
        """Whether the device multiplies bfloat16 matrices faster than float32 ones."""
        if self.device.type == "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        return bool(torch.cpu._is_avx512_bf16_supported())

    def share(self, module: nn.Module) -> nn.Module:
        """The module, its gradients averaged over all processes."""
        if self.n == 1:
            return module
        # The first stage leaves the transformers without gradients.
        return DistributedDataParallel(module, find_unused_parameters=True)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers too small to be normal count as zero: some CPUs are slow with them."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def join_workers() -> Iterator[Workers]:
    """Join the processes that ``torchrun`` started; alone where it did not."""
    local = int(os.environ.get("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.set_float32_matmul_precision("high")  # TensorFloat-32
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape: half a second
    if "RANK" not in os.environ:
        yield Workers(device=device)
        return
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Workers(rank=distributed.get_rank(), n=distributed.get_world_size(), device=device)
    finally:
        distributed.destroy_process_group()
