from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.audio.soundfont import Gen, SoundFont
from musicgen_vae.audio.voice import BLOCK, MAX_RATIO, Voice
from tests.audio.fonts import Wave, Zone, font, sine

RATE = 44_100
PER_S = RATE / BLOCK


def cents(seconds: float) -> int:
    return round(1200 * np.log2(seconds))


def voice(gens=None, *, key=60, velocity=127, loop=(100, 900), root=60, controllers=None):
    wave = Wave(data=sine(1000, 100), loop=loop, root=root)
    made = SoundFont(font(waves=[wave], instruments=[(Zone(gens=gens or {}),)]))
    (region,) = made.regions(0, 0, key, velocity)
    return Voice.strike(region, key=key, velocity=velocity, controllers=controllers or {10: 64})


def curves(gens=None, *, held_s=1.0, killed_s=None, bend=None, **options):
    gens = {Gen.SAMPLE_MODES: 1, **(gens or {})}
    return voice(gens, **options).curves(
        held=round(held_s * PER_S),
        n_blocks=round(4 * PER_S),
        sample_rate=RATE,
        killed=None if killed_s is None else round(killed_s * PER_S),
        bend=bend,
    )


def decibels(level, seconds):
    return 20 * np.log10(level[round(seconds * PER_S)])


def test_a_plain_voice_is_at_full_level_until_it_is_released():
    made = curves()
    off = round(PER_S)
    assert made.level[0] == 0 and np.all(made.level[1 : off + 1] == 1)
    assert made.level[-1] == 0 and len(made.level) < off + 5
    assert np.all(made.ratio == 1)


def test_the_volume_envelope_has_the_times_that_it_is_given():
    made = curves(
        {
            Gen.VOL_ENV_DELAY: cents(0.1),
            Gen.VOL_ENV_ATTACK: cents(0.2),
            Gen.VOL_ENV_HOLD: cents(0.1),
            Gen.VOL_ENV_DECAY: cents(0.96),  # 96 dB: 1 dB every 10 ms
            Gen.VOL_ENV_SUSTAIN: 250,
            Gen.VOL_ENV_RELEASE: cents(0.96),
        }
    )
    level = made.level
    assert np.all(level[: round(0.099 * PER_S)] == 0)
    assert level[round(0.2 * PER_S)] == pytest.approx(0.5, abs=0.02)
    assert level[round(0.35 * PER_S)] == 1
    assert decibels(level, 0.5) == pytest.approx(-10, abs=0.5)
    assert decibels(level, 0.9) == pytest.approx(-24, abs=0.1)
    assert decibels(level, 1.2) == pytest.approx(-44, abs=0.5)


def test_a_note_released_in_its_attack_falls_from_where_it_was():
    made = curves({Gen.VOL_ENV_ATTACK: cents(1.0), Gen.VOL_ENV_RELEASE: cents(0.96)}, held_s=0.5)
    assert decibels(made.level, 0.5) == pytest.approx(-6, abs=0.1)
    assert decibels(made.level, 0.6) == pytest.approx(-16, abs=0.3)


def test_keys_above_middle_c_decay_sooner_where_the_font_says_so():
    gens = {
        Gen.VOL_ENV_DECAY: cents(0.96), Gen.VOL_ENV_SUSTAIN: 1000, Gen.KEY_TO_VOL_ENV_DECAY: 100,
    }  # fmt: skip
    assert decibels(curves(gens, key=60).level, 0.2) == pytest.approx(-20, abs=0.5)
    assert decibels(curves(gens, key=72).level, 0.2) == pytest.approx(-40, abs=1)


def test_a_voice_ends_once_it_cannot_be_heard():
    made = curves({Gen.VOL_ENV_DECAY: cents(0.48), Gen.VOL_ENV_SUSTAIN: 1000}, held_s=3.0)
    assert 0.4 < len(made.ratio) / PER_S < 0.48
    assert curves({Gen.VOL_ENV_RELEASE: 8_000}).level.shape[0] <= 4 * PER_S + 1


def test_a_killed_voice_fades_at_once():
    made = curves(held_s=3.0, killed_s=0.5)
    assert made.level[round(0.5 * PER_S)] == 1
    assert decibels(made.level, 0.7) == pytest.approx(-21.6, abs=1)


@pytest.mark.parametrize(
    ("gens", "key", "wanted"),
    [
        ({}, 72, 1200),
        ({Gen.SCALE_TUNING: 50}, 72, 600),
        ({Gen.SCALE_TUNING: 0, Gen.COARSE_TUNE: -3, Gen.FINE_TUNE: 25}, 90, -275),
        ({Gen.ROOT_KEY: 48}, 60, 1200),
        ({Gen.KEY: 64}, 30, 400),
    ],
)
def test_tuning(gens, key, wanted):
    assert 1200 * np.log2(curves(gens, key=key).ratio) == pytest.approx(wanted)


def test_ratios_are_bounded():
    assert curves({Gen.ROOT_KEY: 0}, key=127).ratio.max() == MAX_RATIO
    assert curves({Gen.COARSE_TUNE: -120, Gen.ROOT_KEY: 127}, key=0).ratio.min() > 0


def test_vibrato_starts_after_its_delay_and_swings_both_ways_upwards_first():
    made = curves(
        {Gen.VIB_LFO_DELAY: cents(0.2), Gen.VIB_LFO_RATE: 0, Gen.VIB_LFO_TO_PITCH: 50}, held_s=2.0
    )
    swing = 1200 * np.log2(made.ratio)
    assert np.all(swing[: round(0.19 * PER_S)] == 0)
    first = swing[round(0.2 * PER_S) + 2 : round(0.25 * PER_S)]
    assert np.all(first > 0)
    assert swing.max() == pytest.approx(50, abs=2) and swing.min() == pytest.approx(-50, abs=2)
    turns = np.flatnonzero(np.diff(np.sign(swing[round(0.25 * PER_S) :])))
    assert 2 * PER_S / np.diff(turns).mean() == pytest.approx(2 * 2 * 8.176, rel=0.05)


def test_the_wheel_adds_vibrato():
    still, moved = (
        Voice.strike(made.region, key=60, velocity=100, controllers=wheel).values
        for made in [voice()]
        for wheel in ({}, {1: 127})
    )
    assert moved[Gen.VIB_LFO_TO_PITCH] - still[Gen.VIB_LFO_TO_PITCH] == 50


def test_tremolo_filter_sweep_and_bend():
    sweep = {
        Gen.MOD_ENV_ATTACK: cents(0.5), Gen.MOD_ENV_TO_CUTOFF: 4_000, Gen.FILTER_CUTOFF: 6_000,
        Gen.MOD_ENV_TO_PITCH: 100,
    }  # fmt: skip
    made = curves(sweep)
    assert made.cutoff[-1] < 10_100 and made.cutoff[round(0.6 * PER_S)] == 10_000
    halfway = 6_000 + 4_000 * (1 + 40 / 96 * np.log10(0.5))  # convex
    assert made.cutoff[round(0.25 * PER_S)] == pytest.approx(halfway, abs=30)
    assert 1200 * np.log2(made.ratio[round(0.6 * PER_S)]) == pytest.approx(100)
    tremolo = curves({Gen.MOD_LFO_TO_VOLUME: 60, Gen.MOD_LFO_RATE: 0}).level[1 : round(PER_S)]
    assert 20 * np.log10(tremolo.max()) == pytest.approx(6, abs=0.3)
    assert 20 * np.log10(tremolo.min()) == pytest.approx(-6, abs=0.3)
    bend = np.full(round(4 * PER_S), 200.0)
    assert 1200 * np.log2(curves(bend=bend).ratio) == pytest.approx(200)


def test_loops_go_round_or_end_as_the_mode_says():
    looped = curves({}, held_s=2.0)
    assert looped.position.max() < 902 and looped.position.min() == 0
    assert looped.loops_until == len(looped.ratio)
    once = curves({Gen.SAMPLE_MODES: 0}, held_s=2.0)
    assert len(once.ratio) == -(-1000 // BLOCK) and once.loops_until == 0
    gens = {Gen.SAMPLE_MODES: 3, Gen.VOL_ENV_RELEASE: cents(2.0)}
    until = curves(gens, held_s=1.0)
    off = round(PER_S)
    assert until.loops_until == off
    assert np.all(np.diff(until.position[off:]) == BLOCK)
    assert until.position[-1] < 1000 and len(until.ratio) < off + 1000 / BLOCK


def test_gain_goes_with_the_square_of_velocity_and_four_tenths_of_the_attenuation():
    assert voice(velocity=64).gain / voice().gain == pytest.approx((64 / 127) ** 2)
    gens = {Gen.ATTENUATION: 100}
    assert 20 * np.log10(voice(gens).gain / voice().gain) == pytest.approx(-4)
    assert voice({Gen.VELOCITY: 64}).gain == pytest.approx(voice(velocity=64).gain)


def test_pan_keeps_the_power():
    for pan, wanted in ((-500, (1, 0)), (0, (0.5**0.5, 0.5**0.5)), (500, (0, 1))):
        assert voice({Gen.PAN: pan}).pan == pytest.approx(wanted)
    assert voice(controllers={10: 0}).pan == pytest.approx((1, 0))


def test_voices_alike_but_for_gain_and_pan_have_one_shape():
    one, other = voice(velocity=64), voice(velocity=100, controllers={10: 0})
    assert one.shape == other.shape
    assert voice(key=61).shape != one.shape
