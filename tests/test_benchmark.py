"""The yardstick of the benchmark: matrix products, recorded and run again alone."""

from __future__ import annotations

import torch
from torch import nn

from musicgen_vae.benchmark import Products, beside_products
from musicgen_vae.generation.composer import Composer
from tests.evaluation.clips import songs


def test_every_product_is_recorded_once() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4))
    x = torch.randn(5, 8)
    for inference in (True, False):
        with torch.inference_mode(inference), Products([model]) as products:
            model(x)
        assert len(products.calls) == 2
        with torch.inference_mode():
            shapes = [tuple(call().shape) for call in products.calls]  # type: ignore[attr-defined]
        assert shapes == [(5, 16), (5, 4)]
    with torch.inference_mode(), Products([model]) as products:
        nn.functional.scaled_dot_product_attention(*torch.randn(3, 1, 2, 6, 4).unbind())
        torch.softmax(x, -1)
    assert len(products.calls) == 1


def test_weights_are_the_models_own() -> None:
    model = nn.Linear(8, 16)
    with torch.inference_mode(), Products([model]) as products:
        first = model(torch.zeros(3, 8))
    (product,) = products.calls
    with torch.inference_mode():
        assert torch.equal(first, model.bias.expand(3, -1))
        assert not torch.equal(product(), first)  # type: ignore[arg-type]  # another input
        model.weight.zero_()
        assert torch.equal(product(), first)  # type: ignore[arg-type]


def test_products_are_part_of_the_whole(tiny_composer: Composer) -> None:
    clips = songs(0, 2).clips
    times = beside_products(lambda: tiny_composer.encode(clips), [tiny_composer.model])
    assert 0 < times["products_s"] < times["seconds"]
    with Products([tiny_composer.model]) as products:
        tiny_composer.encode(clips)
    assert len(products.calls) > 12
