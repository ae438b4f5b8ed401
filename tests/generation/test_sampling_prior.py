"""A draw depends on its noise, its controls and its kept notes, not on its company."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.conditions import asked_condition
from musicgen_vae.generation.keeping import keep_notes
from musicgen_vae.generation.reading import control_of
from musicgen_vae.generation.sampling_prior import PriorChoice
from musicgen_vae.model.controls import Controls
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.clip import Clip, Role


@pytest.mark.parametrize("prior", ["gaussian", "flow"])
def test_a_draw_is_the_same_alone_or_in_any_batch(
    shipped_composer: Composer, tune: Clip, other: Clip, prior: PriorChoice
) -> None:
    asked = [
        {"style": "pop", "density": [1, 3, 5, 7]},
        {},
        {"style": "waltz", "valence": 6},
        {"register": [2, 2, 6, 6]},
        {"style": "hymn", "mode": "minor", "polyphony": [4, 4, 5, 5]},
        {},  # once more, with the same notes
    ]
    kept = [keep_notes(clip, roles=[Role.MELODY]) for clip in (tune, other)]
    kept += [keep_notes(tune), keep_notes(other, roles=[Role.HARMONY]), keep_notes(tune), kept[1]]
    condition = replace(
        asked_condition([Controls.parse(one) for one in asked], shipped_composer.spec, [None] * 6),
        kept_roles=torch.tensor([one.roles for one in kept]),
    )
    shown = Rows.pad([one.shown for one in kept])
    noise = shipped_composer.noise([torch.Generator().manual_seed(i) for i in range(6)])
    draw, model = shipped_composer.sampling.draw, shipped_composer.model
    together, levels = draw(condition, shown, noise, prior)
    control = control_of(model, condition)
    for i in range(6):
        alone, level = draw(condition.item(i), shown.item(i), noise[i : i + 1], prior)
        assert torch.equal(alone[0], together[i])
        assert level[0] == levels[i]
        assert torch.equal(control_of(model, condition.item(i))[0], control[i])


def test_how_much_the_flow_leaves_to_the_decoder_can_be_asked(
    shipped_composer: Composer,
) -> None:
    draw = shipped_composer.sampling.draw
    condition = asked_condition([Controls(style="pop")], shipped_composer.spec, [None])
    nothing = Rows.none(1, shipped_composer.device)
    noise = shipped_composer.noise([torch.Generator().manual_seed(0)])
    usual, level = draw(condition, nothing, noise)
    same, same_level = draw(condition, nothing, noise, noise_level=float(level[0]))
    assert torch.equal(same, usual)
    assert torch.equal(same_level, level)
    exact, none = draw(condition, nothing, noise, noise_level=0.0)
    assert none.tolist() == [0.0]
    assert not torch.allclose(exact, usual)
    with pytest.raises(ControlError, match="noise level needs the flow"):
        draw(condition, nothing, noise, "gaussian", noise_level=0.5)
    with pytest.raises(ControlError, match=r"noise level 1\.5 is outside 0 to 1"):
        draw(condition, nothing, noise, noise_level=1.5)
