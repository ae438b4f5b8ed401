"""Layers laid out for a few vectors at a time on a CPU.

A note step multiplies each weight of the decoder by one vector for each item, so that most of its
time goes into fetching the weights. FBGEMM keeps them in half precision and in the order in which
it reads them. Where the weights are exactly half precision, as shipped, the products are the same
but for rounding; and 4, 8 or 12 vectors at a time round alike, which cannot be said of PyTorch's
own products (tests/model/test_packing.py). Norms take half of the time with one reduction and two
products. This module knows PyTorch's modules, not the model.
"""

from __future__ import annotations

import copy
import math
import warnings
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)
_TINY = 1e-6


def packed(module: Module) -> Module:
    """A twin of ``module`` whose layers are packed where this can be done without loss.

    It shares everything else with ``module`` and is for inference only. Where nothing can be packed
    (on a GPU, without FBGEMM, with weights in full precision) it computes as ``module`` does.
    """
    # Deprecated since PyTorch 2.13, without a successor of the same speed.
    if not hasattr(torch, "fbgemm_pack_gemm_matrix_fp16"):
        return module
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return cast(Module, _twin(module))


def is_packed(module: nn.Module) -> bool:
    """Whether all linear layers are packed."""
    return not any(isinstance(part, nn.Linear) for part in module.modules())


class PackedLinear(nn.Module):
    """What an ``nn.Linear`` computes, from packed weights."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.fbgemm_pack_gemm_matrix_fp16(linear.weight)
        bias = torch.zeros(linear.out_features) if linear.bias is None else linear.bias.detach()
        self.bias = bias
        self(torch.zeros(1, linear.in_features))  # warns of its deprecation once per process

    def forward(self, x: Tensor) -> Tensor:
        """Shape (..., in) to (..., out)."""
        out: Tensor = torch.fbgemm_linear_fp16_weight_fp32_activation(x, self.weight, self.bias)
        return out


class PackedRMSNorm(nn.Module):
    """What an ``nn.RMSNorm`` over the last axis computes, up to its eps."""

    def __init__(self, norm: nn.RMSNorm) -> None:
        super().__init__()
        self.weight = norm.weight.detach() * math.sqrt(norm.weight.numel())

    def forward(self, x: Tensor) -> Tensor:
        """Shape (..., d) in and out."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        out: Tensor = x / length.clamp_min(_TINY) * self.weight
        return out


def _twin(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.RMSNorm):
        return PackedRMSNorm(module) if module.weight.device.type == "cpu" else module
    if isinstance(module, nn.Linear):
        weight = module.weight
        exact = weight.device.type == "cpu" and torch.equal(weight, weight.half().float())
        return PackedLinear(module) if exact else module
    twin = copy.copy(module)
    twin._modules = {
        name: None if child is None else _twin(child) for name, child in module._modules.items()
    }
    return twin
