"""The verbs, on a small model that was really trained (on the example tunes)."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from musicgen_vae.errors import CheckpointError, ClipError, ControlError
from musicgen_vae.evaluation.metrics import micro_f1, note_hits
from musicgen_vae.generation.atlas import attribute_groups
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.conditions import (
    ATTRIBUTES,
    asked_condition,
    freed,
    unspecified,
    without_attributes,
)
from musicgen_vae.generation.decoding import DecodeOptions
from musicgen_vae.generation.defaults import (
    NOISE_LEVEL,
    NOISE_LEVEL_OF_ONE_ATTRIBUTE,
    REFINE_STEPS,
)
from musicgen_vae.model.controls import Controls
from musicgen_vae.model.flow import FlowCondition, FlowPrior, Guidance
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.clip import Clip, Key, Meter, Mode, Note, Place, Role, join, tidy
from musicgen_vae.music.key import rank_keys
from musicgen_vae.music.midi import read_midi
from tests.generation.clips import EXAMPLES, clips_of

SCALE = {0, 2, 4, 5, 7, 9, 11}


def test_the_same_seed_gives_the_same_notes_alone_or_in_any_batch(tiny_composer: Composer) -> None:
    together = tiny_composer.sample(n=19, seed=40)
    assert len({clip.notes for clip in together}) > 14
    for i in (0, 3, 9, 15, 16, 18):
        assert tiny_composer.sample(n=1, seed=40 + i)[0] == together[i]
    assert tiny_composer.sample(n=3, seed=45) == together[5:8]


@torch.inference_mode()
def test_elbo_is_the_same_alone_or_in_a_batch(
    tiny_composer: Composer, tune: Clip, other: Clip
) -> None:
    both = tiny_composer.elbo([tune, other])
    torch.testing.assert_close(tiny_composer.elbo([other])[0], both[1], atol=1e-2, rtol=1e-4)
    noise = replace(tune, notes=tidy(replace(n, pitch=(n.pitch * 7) % 128) for n in tune.notes))
    assert tiny_composer.elbo([noise])[0] < both[0]


def test_a_short_piece_takes_the_likeliest_of_three_keys(tiny_composer: Composer) -> None:
    piece = read_midi((EXAMPLES / "ode_to_joy.mid").read_bytes())
    assert tiny_composer.settle_key(piece) is piece  # long enough
    short = replace(
        piece,
        bars=piece.bars[:4],
        notes=tuple(n for n in piece.notes if n.end <= piece.bars[3].end),
    )
    settled = tiny_composer.settle_key(short)
    assert settled.key.shift in [key.shift for key in rank_keys(short.notes)]
    assert settled.notes == short.notes
    elbo = {
        key: float(tiny_composer.elbo(replace(short, key=key).clips()).sum())
        for key in rank_keys(short.notes)
    }
    assert settled.key == max(elbo, key=elbo.__getitem__)


def test_samples_are_music(tiny_composer: Composer) -> None:
    clips = tiny_composer.sample(n=16, seed=0)
    assert sum(len(clip.notes) for clip in clips) > 16 * 8
    pitches = [n.pitch % 12 for clip in clips for n in clip.notes if n.role is not Role.DRUMS]
    assert sum(p in SCALE for p in pitches) / len(pitches) > 0.7


def test_the_scale_can_be_kept(tiny_composer: Composer) -> None:
    clips = tiny_composer.sample(n=8, seed=0, in_scale=True, temperature=1.5, top_p=1.0)
    assert {n.pitch % 12 for clip in clips for n in clip.notes} <= SCALE


def test_key_meter_tempo_are_as_asked(tiny_composer: Composer) -> None:
    key = Key(tonic=4, mode=Mode.MINOR)
    (clip,) = tiny_composer.sample(
        Controls.parse({"meter": "3/4", "mode": "minor"}), seed=3, key=key, tempo_qpm=77
    )
    assert (clip.key, clip.meter, clip.tempo_qpm) == (key, Meter.parse("3/4"), 77)
    fast, slow = (tiny_composer.sample(Controls.parse({"tempo": t}))[0].tempo_qpm for t in (7, 0))
    assert fast > slow
    with pytest.raises(ControlError, match="contradicts"):
        tiny_composer.sample(Controls(mode=Mode.MAJOR), key=key)


def test_the_mode_of_the_key_and_the_class_of_the_tempo_are_asked(tiny_composer: Composer) -> None:
    minor, edges = Key(tonic=9, mode=Mode.MINOR), tiny_composer.spec.edges
    said = tiny_composer.sample(seed=3, key=minor)
    assert said == tiny_composer.sample(Controls(mode=Mode.MINOR), seed=3)
    fast = int(edges.classify("tempo", np.float64(230.0)))
    quick = tiny_composer.sample(seed=3, tempo_qpm=230.0)
    assert quick[0].notes == tiny_composer.sample(Controls(tempo=fast), seed=3)[0].notes
    assert tiny_composer.compose("A", seed=3, key=minor) == tiny_composer.compose(
        "A", seed=3, controls=Controls(mode=Mode.MINOR)
    )


def test_notes_do_not_depend_on_how_z_was_drawn(tiny_composer: Composer, tune: Clip) -> None:
    drawn: list[torch.Tensor] = []
    with pytest.MonkeyPatch.context() as patch:
        real = torch.rand

        def rand(*size: Any, **options: Any) -> torch.Tensor:
            drawn.append(real(*size, **options))
            return drawn[-1]

        patch.setattr(torch, "rand", rand)
        tiny_composer.sample(seed=5)
    of_z = torch.rand(drawn[0].shape, generator=torch.Generator().manual_seed(5))
    assert not torch.equal(drawn[0], of_z)


def test_draws_out_of_range_are_refused() -> None:
    for options in ({"temperature": -1.0}, {"temperature": math.nan}, {"top_p": 0.0}):
        with pytest.raises(ControlError, match=next(iter(options))):
            DecodeOptions(**options)


def test_density_is_heard(tiny_composer: Composer) -> None:
    few, many = (
        sum(len(c.notes) for c in tiny_composer.sample(Controls.parse({"density": d}), n=12))
        for d in (0, 7)
    )
    assert many > 1.5 * few


def test_zero_temperature_needs_no_luck(tiny_composer: Composer, tune: Clip) -> None:
    assert tiny_composer.reconstruct([tune]) == tiny_composer.reconstruct([tune])
    encoded = tiny_composer.encode([tune])
    z = encoded.posterior.mode()
    copies = tiny_composer.reconstruct([tune], refine=0)
    assert tiny_composer.decode(z, encoded.control, [tune]) == copies


def test_reconstructions_resemble_what_was_learnt(tiny_composer: Composer) -> None:
    clips = [
        c for name in ("brahms_lullaby", "korobeiniki", "greensleeves") for c in clips_of(name)
    ]
    copies = tiny_composer.reconstruct(clips)
    shuffled = [*copies[1:], copies[0]]
    hits, chance = (
        micro_f1([note_hits(a, b) for a, b in zip(clips, made, strict=True)])
        for made in (copies, shuffled)
    )
    assert hits > 0.4
    assert hits > 2 * chance


def test_encoding_does_not_depend_on_the_batch(tiny_composer: Composer) -> None:
    clips = clips_of("greensleeves") + clips_of("ode_to_joy")
    together = tiny_composer.encode(clips).posterior.mu
    alone = torch.cat([tiny_composer.encode([clip]).posterior.mu for clip in clips])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_morph_begins_and_ends_at_the_reconstructions(
    tiny_composer: Composer, tune: Clip, other: Clip
) -> None:
    for path in ("line", "circle"):
        morph = tiny_composer.interpolate(tune, other, steps=5, key="switch", path=path)
        ends = tiny_composer.reconstruct([tune, other], refine=REFINE_STEPS)
        assert [morph[0].notes, morph[-1].notes] == [clip.notes for clip in ends]
        assert [clip.key for clip in morph] == [tune.key] * 2 + [other.key] * 3
        assert [clip.meter for clip in morph] == [tune.meter] * 2 + [other.meter] * 3
        tempos = [clip.tempo_qpm for clip in morph]
        assert tempos == sorted(tempos, reverse=tune.tempo_qpm > other.tempo_qpm)
    assert {c.key for c in tiny_composer.interpolate(tune, other, steps=3, key="b")} == {other.key}
    with pytest.raises(ControlError, match="at least 2 steps"):
        tiny_composer.interpolate(tune, other, steps=1)


def test_a_role_of_a_is_kept_all_the_way_to_b(
    tiny_composer: Composer, tune: Clip, other: Clip
) -> None:
    melody = other.keep([Role.MELODY]).notes
    morph = tiny_composer.interpolate(other, tune, steps=5, keep=Role.MELODY)
    assert [clip.keep([Role.MELODY]).notes for clip in morph] == [melody] * 5
    rest = [clip.keep([Role.HARMONY, Role.BASS]).notes for clip in morph]
    assert rest[0] != rest[-1]
    assert {(c.key, c.meter, c.programs[Role.MELODY]) for c in morph} == {
        (other.key, other.meter, other.programs[Role.MELODY])
    }
    for key in ("b", "switch"):
        with pytest.raises(ControlError, match="stays in A's key"):
            tiny_composer.interpolate(other, tune, key=key, keep=Role.MELODY)
    with pytest.raises(ControlError, match="A has no drums to keep"):
        tiny_composer.interpolate(other, tune, keep=Role.DRUMS)


def test_kept_roles_stay(tiny_composer: Composer, other: Clip) -> None:
    made = tiny_composer.complete(other, keep=[Role.MELODY], n=3, seed=1)
    melody = other.keep([Role.MELODY]).notes
    assert all(clip.keep([Role.MELODY]).notes == melody for clip in made)
    assert any(clip.keep([Role.HARMONY]).notes for clip in made)
    assert len({clip.notes for clip in made}) > 1
    assert tiny_composer.complete(other, keep=[Role.MELODY], seed=2)[0] == made[1]


def test_bars_that_are_not_rewritten_stay(tiny_composer: Composer, other: Clip) -> None:
    (made,) = tiny_composer.complete(other, bars=[1, 2], before=clips_of("korobeiniki")[1])
    steps = other.meter.steps

    def outside(clip: Clip) -> list[Note]:
        return [n for n in clip.notes if n.start // steps in (0, 3)]

    assert [(n.start, n.role, n.pitch) for n in outside(made)] == [
        (n.start, n.role, n.pitch) for n in outside(other)
    ]


def test_what_cannot_be_completed_is_said(tiny_composer: Composer, other: Clip) -> None:
    with pytest.raises(ControlError, match="nothing is left to write"):
        tiny_composer.complete(other, keep=tiny_composer.spec.roles)
    with pytest.raises(ControlError, match="must lie in 1 to 4"):
        tiny_composer.complete(other, bars=[4])


def test_another_meter_or_tempo_than_that_of_the_music_is_refused(
    tiny_composer: Composer, tune: Clip
) -> None:
    meter = Meter.parse("3/4" if tune.meter == Meter() else "4/4")
    other = Controls(meter=meter)
    with pytest.raises(ControlError, match=f"in {tune.meter}, not {meter}"):
        tiny_composer.complete(tune, keep=[Role.MELODY], controls=other)
    with pytest.raises(ControlError, match=f"in {tune.meter}, not {meter}"):
        tiny_composer.transfer(tune, other)
    tempo = int(tiny_composer.spec.edges.classify("tempo", np.float64(tune.tempo_qpm)))
    with pytest.raises(ControlError, match=f"tempo class {tempo}, not {(tempo + 3) % 8}"):
        tiny_composer.complete(tune, keep=[Role.MELODY], controls=Controls(tempo=(tempo + 3) % 8))
    slow = tiny_composer.transfer(tune, Controls(tempo=0))
    assert tiny_composer.spec.edges.classify("tempo", np.float64(slow.tempo_qpm)) == 0


def test_too_many_notes_are_refused_before_the_model_meets_them(tiny_composer: Composer) -> None:
    notes = tuple(
        Note(start=start, role=Role.HARMONY, pitch=pitch, duration=1)
        for start in range(192)
        for pitch in range(30, 90)
    )
    full = Clip(notes=notes)
    with pytest.raises(ClipError, match="notes"):
        tiny_composer.encode([full])
    with pytest.raises(ClipError, match="notes"):
        tiny_composer.complete(full, keep=[Role.HARMONY])
    piece = join([full])
    assert tiny_composer.settle_key(piece) == piece


def test_variations_grow_with_the_amount(tiny_composer: Composer, tune: Clip) -> None:
    near, far = (
        sum(note_hits(tune, c).hit for c in tiny_composer.vary(tune, n=6, amount=amount))
        for amount in (0.05, 0.9)
    )
    assert near > far


def test_transfer_changes_what_is_asked(tiny_composer: Composer, tune: Clip) -> None:
    same = tiny_composer.transfer(tune, Controls())
    assert same.notes == tiny_composer.reconstruct([tune])[0].notes
    minor = tiny_composer.transfer(tune, Controls(mode=Mode.MINOR))
    assert minor.key.mode is Mode.MINOR
    assert minor.key.shift == tune.key.shift


def test_steering_goes_as_far_as_it_is_guided(shipped_composer: Composer, tune: Clip) -> None:
    encoded = shipped_composer.encode([tune])
    z, stays = encoded.posterior.mode(), encoded.condition
    nothing = unspecified(stays)
    same, level = shipped_composer.sampling.steer(encoded, stays, nothing, 16.0)
    assert torch.allclose(same, z, atol=1e-3)
    assert float(level) == 0
    asked = asked_condition([Controls.parse({"density": 7})], shipped_composer.spec, [None])
    far = []
    for guidance in (1.0, 4.0, 16.0):
        moved, level = shipped_composer.sampling.steer(encoded, stays, asked, guidance)
        assert float(level) > 0
        far.append(float((moved - z).norm()))
    assert far == sorted(far)


def test_the_fewer_attributes_are_asked_the_less_is_left_to_the_decoder(
    shipped_composer: Composer,
) -> None:
    asked = [
        Controls.parse({"style": "pop"} | dict.fromkeys(ATTRIBUTES[:n], 3))
        for n in range(len(ATTRIBUTES) + 1)
    ]
    condition = asked_condition(asked, shipped_composer.spec, [Meter()] * len(asked))
    noise = shipped_composer.noise([torch.Generator().manual_seed(0)] * len(asked))
    nothing = Rows.none(len(asked), shipped_composer.device)
    _, level = shipped_composer.sampling.draw(condition, nothing, noise)
    assert level[0] == level[-1] == NOISE_LEVEL
    assert level[1] == NOISE_LEVEL_OF_ONE_ATTRIBUTE
    assert level[1:].tolist() == sorted(level.tolist()[1:])


def test_attributes_are_exaggerated_beyond_the_rest_and_the_rest_beyond_nothing(
    shipped_composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer, sampling, flow = shipped_composer, shipped_composer.sampling, FlowPrior
    said = {"style": "pop", "mode": "minor"}
    more = ({}, {"valence": 3}, {"valence": 3, "density": 2}, dict.fromkeys(ATTRIBUTES, 3))
    asked = [Controls.parse(said | each) for each in more]
    condition = asked_condition(asked, composer.spec, [Meter()] * len(asked))
    kept = Rows.none(len(asked), composer.device)
    noise = composer.noise([torch.Generator().manual_seed(0)] * len(asked))
    given: list[list[Guidance]] = []

    def sample(self: FlowPrior, c: FlowCondition, noise: Tensor, **how: Any) -> Tensor:
        given.append(how["guidance"])
        return noise

    monkeypatch.setattr(flow, "sample", sample)
    sampling.draw(condition, kept, noise, guidance=11.0)
    of_attributes, of_rest = given[0]
    few = torch.tensor([6.0, 11.0, 6.14, 2.5])
    torch.testing.assert_close(of_attributes.strength, few, atol=0.01, rtol=0)
    torch.testing.assert_close(of_rest.strength, few.clamp(max=6.0), atol=0.01, rtol=0)
    rest = asked_condition([Controls.parse(said)] * 4, composer.spec, [Meter()] * 4)
    for free, known in ((of_attributes.free, rest), (of_rest.free, unspecified(rest))):
        torch.testing.assert_close(free.control, composer.model.control(known))


def test_without_attributes_only_what_they_are_like_is_forgotten(tiny_composer: Composer) -> None:
    spec = tiny_composer.spec
    asked = {"mode": "minor", "tempo": 3, "density": [1, 2, 3, 4], "register": 5}
    condition = asked_condition([Controls.parse(asked)], spec, [Meter()])
    rest = asked_condition([Controls.parse({"mode": "minor", "tempo": 3})], spec, [Meter()])
    without = without_attributes(condition, spec)
    assert torch.equal(without.clip, rest.clip)
    assert torch.equal(without.bar, rest.bar)
    assert not torch.equal(condition.bar, rest.bar)


def test_the_style_of_the_original_may_be_said(tiny_composer: Composer, tune: Clip) -> None:
    said = tiny_composer.transfer(tune, Controls(), style="folk")
    assert said == tiny_composer.transfer(tune, Controls())  # it knows no other
    with pytest.raises(ControlError, match="unknown style 'jazz'"):
        tiny_composer.transfer(tune, Controls(), style="jazz")
    assert (
        tiny_composer.encode([tune], [None]).condition.clip[0, 0]
        != tiny_composer.encode([tune]).condition.clip[0, 0]
    )


def test_freed_controls_are_unspecified(tiny_composer: Composer, tune: Clip) -> None:
    condition = tiny_composer.encode([tune]).condition
    free = freed(condition, ["density", "mode"], tiny_composer.spec)
    assert (free.bar[..., 0] == 0).all()
    assert (condition.bar[..., 0] > 0).all()
    assert torch.equal(free.bar[..., 1:], condition.bar[..., 1:])
    assert free.clip[0, 1] == 0
    with pytest.raises(ControlError, match="no control 'valence'"):
        tiny_composer.transfer(tune, Controls(), free=["valence"])


def test_controls_that_the_checkpoint_lacks_are_refused(tiny_composer: Composer) -> None:
    for name in ("valence", "arousal", "repetition"):
        with pytest.raises(ControlError, match=f"not trained with the control {name}"):
            tiny_composer.sample(Controls.parse({name: 3}))


def test_an_attribute_vector_moves_the_attribute(tiny_composer: Composer) -> None:
    clips = [
        clip
        for name in ("irish_washerwoman", "old_hundredth", "canon_in_d", "brahms_lullaby")
        for clip in clips_of(name)
    ]
    high, low = attribute_groups(clips, "density")
    assert min(len(c.notes) for c in high) > max(len(c.notes) for c in low)
    vector = tiny_composer.attribute_vector(high, low)
    assert vector.shape == (4, tiny_composer.model.config.d_latent)
    back = tiny_composer.attribute_vector(low, high)
    torch.testing.assert_close(vector, -back)
    fewer, more = (
        sum(
            len(tiny_composer.add_vector(clip, vector, amount=amount, free=["density"]).notes)
            for clip in low
        )
        for amount in (0.0, 1.0)
    )
    assert more > fewer
    still = tiny_composer.add_vector(low[0], vector, amount=0.0)
    assert still == tiny_composer.reconstruct([low[0]])[0]


def test_what_is_written_goes_on(tiny_composer: Composer, other: Clip) -> None:
    made = tiny_composer.extend(other, n_bars=6, seed=3)
    assert [clip.n_bars for clip in made] == [4, 2]
    assert [clip.place for clip in made] == [Place.MIDDLE, Place.END]
    assert {(clip.key, clip.meter, clip.tempo_qpm) for clip in made} == {
        (other.key, other.meter, other.tempo_qpm)
    }
    assert all(clip.notes for clip in made)
    assert tiny_composer.extend(other, n_bars=6, seed=3) == made
    for n_bars in (0, 65):
        with pytest.raises(ControlError, match="1 to 64 bars"):
            tiny_composer.extend(other, n_bars=n_bars)


def test_one_role_is_written_anew(tiny_composer: Composer, other: Clip) -> None:
    keep = [role for role in Role if role is not Role.MELODY]
    (made,) = tiny_composer.complete(other, keep=keep, seed=5)
    assert made.keep(keep).notes == other.keep(keep).notes
    assert made.keep([Role.MELODY]).notes != other.keep([Role.MELODY]).notes


def test_completing_without_z(tiny_composer: Composer, other: Clip) -> None:
    drawn, null = (
        tiny_composer.complete(other, keep=[Role.MELODY], seed=1, latent=latent)[0]
        for latent in ("drawn", "null")
    )
    assert drawn != null
    assert null.keep([Role.MELODY]).notes == other.keep([Role.MELODY]).notes


def test_each_sample_has_its_own_controls(tiny_composer: Composer) -> None:
    asked = [Controls.parse({"density": 0}), Controls.parse({"density": 7, "meter": "3/4"})]
    few, many = tiny_composer.sample_each(asked, seeds=[5, 6])
    assert many.meter == Meter.parse("3/4")
    assert few == tiny_composer.sample(asked[0], seed=5)[0]
    assert many == tiny_composer.sample(asked[1], seed=6)[0]
    assert tiny_composer.sample_each([], seeds=[]) == []


def test_equal_letters_sound_alike(tiny_composer: Composer) -> None:
    a, b, again = tiny_composer.compose("ABA", seed=9, key=Key(tonic=2), tempo_qpm=90)
    assert note_hits(a, again).f1 > note_hits(a, b).f1
    assert {(c.key, c.tempo_qpm, c.meter) for c in (a, b, again)} == {(Key(tonic=2), 90.0, Meter())}


def test_composing_a_form(tiny_composer: Composer) -> None:
    clips = tiny_composer.compose("AABA", seed=4)
    assert [clip.place.value for clip in clips if clip.place] == [
        "start",
        "middle",
        "middle",
        "end",
    ]
    assert tiny_composer.compose("AABA", seed=4) == clips
    for form in ("", "A" * 17, "A1"):
        with pytest.raises(ControlError, match="1 to 16 letters"):
            tiny_composer.compose(form)


def test_short_clips_end_where_they_should(tiny_composer: Composer, tune: Clip) -> None:
    short = replace(
        tune, n_bars=2, notes=tuple(n for n in tune.notes if n.start < 2 * tune.meter.steps)
    )
    (copy,) = tiny_composer.reconstruct([short])
    assert copy.n_bars == 2
    assert all(note.start < 2 * tune.meter.steps for note in copy.notes)


def test_clips_without_readable_notes_are_refused(tiny_composer: Composer) -> None:
    drums = Clip(notes=(Note(start=0, role=Role.DRUMS, pitch=36, duration=3),))
    with pytest.raises(ClipError, match="no notes that the model can read"):
        tiny_composer.encode([drums])


def test_work_can_be_stopped(tiny_composer: Composer) -> None:
    class Stop(Exception):
        pass

    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Stop

    with pytest.raises(Stop):
        tiny_composer.sample(n=2, check=check)
    assert len(calls) == 5


def test_seeds_and_folders_out_of_range(tiny_composer: Composer, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="seed -1"):
        tiny_composer.sample(seed=-1)
    with pytest.raises(CheckpointError):
        Composer.load(tmp_path)


def test_description_is_plain(tiny_composer: Composer) -> None:
    import json

    described = json.loads(json.dumps(tiny_composer.describe()))
    assert described["controls"]["density"] == 8
    assert set(described["roles"]) == {"melody", "harmony", "bass"}
