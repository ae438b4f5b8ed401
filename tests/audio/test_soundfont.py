from __future__ import annotations

import struct

import numpy as np
import pytest

from musicgen_vae.audio.soundfont import (
    DEFAULT_MODULATORS,
    MAX_REGIONS,
    MAX_ZONES,
    PAN_TO_PAN,
    VELOCITY_TO_ATTENUATION,
    Gen,
    Modulator,
    SoundFont,
    find_soundfont,
    modulation,
)
from musicgen_vae.errors import SoundFontError
from tests.audio.fonts import Wave, Zone, font, sine

WAVE = Wave(data=sine(1000, 100), loop=(100, 900))


def regions(key=60, velocity=100, bank=0, program=0, **parts):
    return SoundFont(font(waves=[WAVE], **parts)).regions(bank, program, key, velocity)


@pytest.fixture(scope="module")
def shipped() -> SoundFont:
    path = find_soundfont()
    assert path is not None
    return SoundFont.load(path)


def test_every_program_and_the_drums_sound_in_the_font_that_pretty_midi_ships(shipped):
    for program in range(128):
        assert shipped.regions(0, program, 60, 100), program
    for pitch in (36, 38, 42, 46, 43, 47, 50, 49, 51):
        assert shipped.regions(128, 0, pitch, 100), pitch


def test_a_region_of_that_font_reads_as_it_stands_in_the_file(shipped):
    """Checked by hand against the records of the file."""
    (region,) = {r.sample: r for r in shipped.regions(0, 125, 60, 90)}.values()
    assert region.sample.rate == 44_100 and region.sample.root_key == 112
    assert region.sample.correction == -24
    assert region.sample.end - region.sample.start == 4165
    assert region.generators[Gen.SCALE_TUNING] == 10
    assert region.generators[Gen.VOL_ENV_ATTACK] == 2168
    assert region.loops_after_release


def test_defaults_are_those_of_the_specification():
    (region,) = regions()
    generators = region.generators
    assert generators[Gen.FILTER_CUTOFF] == 13_500
    assert generators[Gen.SCALE_TUNING] == 100
    assert generators[Gen.VOL_ENV_ATTACK] == generators[Gen.MOD_ENV_RELEASE] == -12_000
    assert generators[Gen.ROOT_KEY] == generators[Gen.KEY] == -1
    assert generators[Gen.VIB_LFO_RATE] == generators[Gen.PAN] == 0
    assert set(region.modulators) == set(DEFAULT_MODULATORS)
    assert not region.loops


def test_ranges_select_zones():
    instrument = (
        Zone(keys=(0, 59), gens={Gen.PAN: -1}),
        Zone(keys=(60, 127), velocities=(1, 64), gens={Gen.PAN: 1}),
        Zone(keys=(60, 127), velocities=(65, 127), gens={Gen.PAN: 2}),
    )
    for key, velocity, pan in ((59, 64, -1), (60, 64, 1), (60, 65, 2)):
        (region,) = regions(key, velocity, instruments=[instrument])
        assert region.generators[Gen.PAN] == pan
    presets = {(0, 0): (Zone(keys=(60, 60)), Zone(velocities=(100, 127)))}
    assert len(regions(60, 100, presets=presets)) == 2
    assert len(regions(61, 100, presets=presets)) == 1
    assert not regions(61, 99, presets=presets)


def test_a_global_zone_is_inherited_and_a_local_one_goes_before_it():
    instrument = (
        Zone(target=None, gens={Gen.PAN: 100, Gen.ATTENUATION: 50}),
        Zone(gens={Gen.PAN: -100}),
    )
    (region,) = regions(instruments=[instrument])
    assert region.generators[Gen.PAN] == -100
    assert region.generators[Gen.ATTENUATION] == 50


def test_a_later_zone_without_a_target_is_ignored():
    instrument = (Zone(gens={Gen.PAN: 3}), Zone(target=None, gens={Gen.PAN: 9}), Zone())
    assert [r.generators[Gen.PAN] for r in regions(instruments=[instrument])] == [3, 0]


def test_preset_values_are_added_and_kept_within_limits():
    presets = {(0, 0): (Zone(gens={Gen.COARSE_TUNE: 3, Gen.PAN: 400, Gen.SAMPLE_MODES: 1}),)}
    instrument = (Zone(gens={Gen.COARSE_TUNE: 4, Gen.PAN: 300, Gen.SAMPLE_MODES: 0}),)
    (region,) = regions(presets=presets, instruments=[instrument])
    assert region.generators[Gen.COARSE_TUNE] == 7
    assert region.generators[Gen.PAN] == 500
    assert region.generators[Gen.SAMPLE_MODES] == 0, "not allowed in a preset"


def test_an_instruments_modulator_takes_the_place_of_a_default_and_a_presets_is_added():
    softer = (VELOCITY_TO_ATTENUATION.source, Gen.ATTENUATION, 100, 0, 0)
    presets = {(0, 0): (Zone(mods=[softer]),)}
    (region,) = regions(instruments=[(Zone(mods=[softer]),)], presets=presets)
    amounts = [m.amount for m in region.modulators if m.target == Gen.ATTENUATION]
    assert amounts == [100, 100]


def test_offsets_move_within_the_sample():
    offsets = {Gen.START: 10, Gen.END: -20, Gen.LOOP_START: 5, Gen.LOOP_END: -5}
    (region,) = regions(instruments=[(Zone(gens={**offsets, Gen.SAMPLE_MODES: 1}),)])
    sample = region.sample
    assert (sample.start, sample.end) == (10, 980)
    assert (sample.loop_start, sample.loop_end) == (105, 895)
    for wild in ({Gen.START: -5, Gen.END_COARSE: 100}, {Gen.LOOP_END_COARSE: 7}):
        (region,) = regions(instruments=[(Zone(gens={**wild, Gen.SAMPLE_MODES: 1}),)])
        assert 0 <= region.sample.start < region.sample.end <= 1000
        assert region.sample.loop_end <= 1000


@pytest.mark.parametrize(
    "wave",
    [
        Wave(data=sine(1000, 100), kind=0x8001),
        Wave(data=sine(1000, 100), rate=0),
        Wave(data=sine(3, 100)),
    ],
)
def test_a_bad_sample_is_silent_and_not_an_error(wave):
    assert SoundFont(font(waves=[wave])).regions(0, 0, 60, 100) == ()


def test_missing_banks_and_kits_fall_back():
    presets = {(0, 5): (Zone(),), (128, 0): (Zone(gens={Gen.PAN: 7}),)}
    made = SoundFont(font(waves=[WAVE], presets=presets))
    assert made.regions(3, 5, 60, 100) == made.regions(0, 5, 60, 100) != ()
    assert made.regions(128, 40, 60, 100) == made.regions(128, 0, 60, 100) != ()
    assert made.regions(0, 6, 60, 100) == ()


def test_velocity_and_pan_act_as_the_specification_says():
    def added(velocity=127, **controllers):
        numbers = {int(name[2:]): value for name, value in controllers.items()}
        return modulation(DEFAULT_MODULATORS, key=60, velocity=velocity, controllers=numbers)

    for velocity in (1, 32, 64, 100):  # amplitude goes with the square
        decibels = 40 * np.log10(127 / velocity)
        assert added(velocity)[Gen.ATTENUATION] == pytest.approx(10 * min(decibels, 96), abs=0.1)
    assert added(127)[Gen.ATTENUATION] == 0
    assert added(cc10=64)[Gen.PAN] == 0
    assert added(cc10=0)[Gen.PAN] == -500
    assert added(cc10=127)[Gen.PAN] == pytest.approx(500, abs=8)
    assert added(cc1=127)[Gen.VIB_LFO_TO_PITCH] == 50


@pytest.mark.parametrize(
    ("curve", "values"), [(0, (0, 0.5, 1)), (1, (0, 0.125, 1)), (2, (0, 0.875, 1)), (3, (0, 1, 1))]
)
def test_curves_of_controllers(curve, values):
    modulator = Modulator(
        source=0x8C | curve << 10, target=Gen.PAN, amount=100, amount_source=0, transform=0
    )
    for raw, wanted in zip((0, 64, 127), values, strict=True):
        got = modulation([modulator], key=60, velocity=64, controllers={12: raw})
        assert got[Gen.PAN] == pytest.approx(100 * wanted, abs=1)


def test_modulators_multiply_take_the_absolute_value_and_may_be_off():
    by_key = Modulator(
        source=PAN_TO_PAN.source, target=Gen.PAN, amount=100, amount_source=3, transform=2
    )
    got = modulation([by_key], key=64, velocity=64, controllers={10: 0})
    assert got[Gen.PAN] == pytest.approx(100 * 64 / 127)
    chained = Modulator(source=2, target=0x8000, amount=100, amount_source=0, transform=0)
    assert modulation([chained], key=64, velocity=64, controllers={}) == {}


# -- damage --------------------------------------------------------------------------------------

GOOD = font(waves=[WAVE])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a SoundFont"),
        (b"MThd" + bytes(100), "not a SoundFont"),
        (GOOD[:200], "cut short"),
        (GOOD[: GOOD.index(b"pdta") - 8], "cut short|no pdta"),
        (font(waves=[WAVE], version=(3, 0)), "version 3"),
        (font(waves=[WAVE], presets={}), "no presets"),
        (GOOD.replace(b"igen", b"xgen"), "igen is missing"),
        (
            GOOD.replace(b"smpl" + GOOD[GOOD.index(b"smpl") + 4 :][:4], b"smpl\xff\xff\xff\x7f"),
            "cut",
        ),
    ],
)
def test_damage_is_a_clear_error(data, says):
    with pytest.raises(SoundFontError, match=says) as caught:
        SoundFont(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["phdr", "pbag", "inst", "ibag"])
def test_indices_out_of_order_are_an_error(name):
    offset = {"phdr": 24, "pbag": 0, "inst": 20, "ibag": 0}[name]
    at = GOOD.index(name.encode()) + 8 + offset
    data = GOOD[:at] + struct.pack("<H", 60_000) + GOOD[at + 2 :]
    with pytest.raises(SoundFontError, match=f"{name} points outside"):
        SoundFont(data)


def test_too_many_samples_or_zones_at_once_are_an_error():
    many = [(Zone(),) * (MAX_REGIONS + 1)]
    with pytest.raises(SoundFontError, match="more than 64 samples"):
        regions(instruments=many)
    with pytest.raises(SoundFontError, match="zones"):
        regions(instruments=[(Zone(keys=(0, 0)),) * (MAX_ZONES + 1)])


def test_files_that_cannot_be_read_are_named(tmp_path):
    for name, content in (("empty.sf2", b""), ("text.sf2", b"Dear Sir or Madam")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SoundFontError, match=name):
            SoundFont.load(path)
    with pytest.raises(SoundFontError, match=r"none\.sf2"):
        SoundFont.load(tmp_path / "none.sf2")
