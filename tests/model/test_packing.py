import pytest
import torch
from torch import nn

from musicgen_vae.generation.decoding import BLOCK, GROUP
from musicgen_vae.model.packing import PackedLinear, is_packed, packed


def half(linear: nn.Linear) -> nn.Linear:
    return linear.half().float()


def test_packing_changes_nothing_but_rounding() -> None:
    torch.manual_seed(0)
    norm = nn.RMSNorm(48)
    nn.init.normal_(norm.weight)
    module = nn.Sequential(half(nn.Linear(32, 48)), norm, half(nn.Linear(48, 5, bias=False)))
    x = torch.randn(3, 7, 32)
    with torch.inference_mode():
        torch.testing.assert_close(packed(module)(x), module(x), atol=1e-5, rtol=1e-5)
    assert all(isinstance(part, nn.Linear) for part in (module[0], module[2]))


def test_the_norm_of_nothing_is_nothing() -> None:
    assert torch.equal(packed(nn.RMSNorm(8))(torch.zeros(2, 8)), torch.zeros(2, 8))


def test_full_precision_is_left_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(8, 8))
    twin = packed(module)
    assert not is_packed(twin)
    x = torch.randn(2, 8)
    assert torch.equal(twin(x), module(x))


@pytest.mark.parametrize(("n_in", "n_out"), [(32, 256), (256, 768), (512, 256), (256, 5)])
def test_items_round_alike_in_every_number_of_groups(n_in: int, n_out: int) -> None:
    """What lets decode write 4, 8 or 12 items at once and always give the same notes."""
    module = packed(nn.Sequential(half(nn.Linear(n_in, n_out)), nn.RMSNorm(n_out)))
    if not isinstance(module[0], PackedLinear):
        pytest.skip("PyTorch has no FBGEMM on this machine: decode always writes full blocks")
    x = torch.randn(BLOCK, n_in)
    with torch.inference_mode():
        whole = module(x)
        for n in range(GROUP, BLOCK, GROUP):
            assert torch.equal(module(x[:n]), whole[:n])
            assert torch.equal(module(x[-n:]), whole[-n:])
