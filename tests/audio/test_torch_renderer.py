from __future__ import annotations

import threading
from io import BytesIO

import mido
import numpy as np
import pytest

from musicgen_vae.audio import torch_renderer
from musicgen_vae.audio.fluidsynth import with_mix
from musicgen_vae.audio.mix import BAND, NEUTRAL
from musicgen_vae.audio.renderer import CHUNK, PEAK, limited, n_samples
from musicgen_vae.audio.soundfont import SOUNDFONT_VARIABLE, Gen
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.errors import SoundFontError
from musicgen_vae.music.midi import write_midi
from tests.audio.fonts import Wave, Zone, font, sine

RATE = 44_100


@pytest.fixture(scope="module")
def renderer() -> TorchRenderer:
    return TorchRenderer()


@pytest.fixture
def renderer_of(tmp_path):
    """A renderer of a font with one looped sine, in every zone given."""

    def make(*zones: Zone, mix=NEUTRAL, bank=0) -> TorchRenderer:
        path = tmp_path / "made.sf2"
        wave = Wave(data=sine(20_000, 100), loop=(0, 20_000))
        presets = {(bank, 0): (Zone(),)}
        path.write_bytes(font(waves=[wave], instruments=[zones], presets=presets))
        return TorchRenderer(path, mix=mix)

    return make


def test_a_band_is_heard_and_not_clipped(band, renderer):
    piece = band()
    samples = renderer.render(piece)
    assert samples.dtype == np.float32
    assert samples.shape == (n_samples(piece, RATE), 2)
    assert 0.1 < np.abs(samples).max() <= PEAK + 1e-6
    assert np.abs(samples[-50:]).max() < 1e-3


def test_the_same_notes_give_the_same_samples_alone_in_any_batch_and_from_the_cache(
    band, piece_of, renderer
):
    pieces = [band(), piece_of((0, 0, 60, 48, 6)), band((0, 48, 32, 0)), band(drums=False)]
    batch = renderer.render_many(pieces)
    for piece, heard in zip(pieces, batch, strict=True):
        assert np.array_equal(TorchRenderer().render(piece), heard)
        assert np.array_equal(renderer.render(piece), heard)
    for piece, heard in zip(reversed(pieces), renderer.render_many(pieces[::-1]), strict=True):
        assert np.array_equal(heard, batch[pieces.index(piece)])


def test_a_full_cache_and_small_groups_change_nothing(band, renderer, monkeypatch):
    wanted = renderer.render(band())
    monkeypatch.setattr(torch_renderer, "_CACHE_BYTES", 1_000_000)
    monkeypatch.setattr(torch_renderer, "_GROUP_SAMPLES", 200_000)
    small = TorchRenderer()
    for _ in range(2):
        assert np.array_equal(small.render(band()), wanted)
    assert small._cached_bytes <= 1_000_000
    assert small._cached_bytes == sum(wave.nbytes for wave in small._cache.values())


def test_chunks_joined_are_the_rendering(band, renderer, piece_of):
    for piece in (band(), piece_of((0, 0, 60, 12), n_bars=1), piece_of(n_bars=2)):
        chunks = list(renderer.render_chunks(piece))
        assert {len(chunk) for chunk in chunks[:-1]} <= {CHUNK}
        assert np.array_equal(np.concatenate(chunks), renderer.render(piece))


def test_the_first_chunk_comes_before_the_rest_is_rendered(band, renderer_of):
    made = renderer_of(Zone(gens={Gen.SAMPLE_MODES: 1}))
    chunks = made.render_chunks(band(drums=False))
    next(chunks)
    begun = len(made._cache)
    list(chunks)
    assert 0 < begun < len(made._cache)


def test_loud_music_is_turned_down_and_not_clipped(piece_of, renderer):
    notes = [(0, role, pitch, 48, 7) for role in range(3) for pitch in range(36, 96, 3)]
    piece = piece_of(*notes, programs=(73, 48, 33, 0))
    samples = renderer.render(piece)
    assert np.abs(samples).max() == pytest.approx(PEAK)
    assert np.mean(np.abs(samples) > 0.999 * PEAK) < 1e-4
    chunks = list(renderer.render_chunks(piece))
    joined = np.concatenate(chunks)
    assert np.array_equal(joined * np.float32(PEAK / float(np.abs(joined).max())), samples)
    assert max(np.abs(chunk).max() for chunk in limited(chunks)) <= PEAK + 1e-6


@pytest.mark.parametrize("programs", [(73, 0, 33, 0), (40, 48, 43, 0), (24, 11, 32, 0)])
def test_what_sounds_is_what_is_written(band, chroma_agreement, renderer, programs):
    piece = band(programs, drums=False)
    assert chroma_agreement(renderer.render(piece), RATE, piece) >= 0.9


def test_onsets_follow_the_tempo_of_each_bar(piece_of, onsets_s):
    hits = [(48 * bar + beat, 3, 36, 3, 5) for bar in range(3) for beat in (0, 24)]
    piece = piece_of(*hits, n_bars=3, tempi=(60.0, 120.0, 90.0))
    measured = onsets_s(TorchRenderer(mix=NEUTRAL).render(piece), RATE)
    assert measured == pytest.approx([0, 2, 4, 5, 6, 6 + 4 / 3], abs=0.005)


def test_silence_is_silent(piece_of, renderer):
    assert not renderer.render(piece_of(n_bars=2)).any()


def test_velocity_sets_the_level(piece_of, renderer_of):
    made = renderer_of(Zone(gens={Gen.SAMPLE_MODES: 1}))
    soft, loud = (np.abs(made.render(piece_of((0, 0, 60, 24, v)))).max() for v in (2, 6))
    assert loud / soft == pytest.approx((104 / 40) ** 2, rel=1e-3)


def test_roles_are_panned_and_sent_to_the_room_as_the_mix_says(piece_of, renderer_of):
    made = renderer_of(Zone(gens={Gen.SAMPLE_MODES: 1}), mix=BAND)
    right = made.render(piece_of((0, 0, 60, 24, 5)))
    assert np.abs(right[:RATE, 1]).sum() > 1.02 * np.abs(right[:RATE, 0]).sum()
    after = slice(round(1.2 * RATE), round(1.4 * RATE))
    assert np.abs(right[after]).max() > 1e-4
    dry = renderer_of(Zone(gens={Gen.SAMPLE_MODES: 1})).render(piece_of((0, 0, 60, 24, 5)))
    assert np.abs(dry[after]).max() < 1e-6
    assert np.array_equal(dry[:, 0], dry[:, 1])


def test_an_exclusive_class_cuts_off_what_rings(piece_of, renderer_of):
    ring = {Gen.SAMPLE_MODES: 1, Gen.VOL_ENV_RELEASE: 3_000}
    piece = piece_of((0, 3, 46, 3, 7), (24, 3, 42, 3, 0))
    late = slice(round(1.7 * RATE), round(1.9 * RATE))
    rings, is_cut = (
        np.abs(renderer_of(Zone(gens=gens), bank=128).render(piece)[late]).max()
        for gens in (ring, {**ring, Gen.EXCLUSIVE_CLASS: 1})
    )
    assert is_cut < 0.3 * rings


def test_voices_of_one_note_do_not_cut_each_other_off(piece_of, renderer_of):
    gens = {Gen.SAMPLE_MODES: 1, Gen.EXCLUSIVE_CLASS: 1}
    one, two = (
        np.abs(renderer_of(*zones, bank=128).render(piece_of((0, 3, 38, 3, 5)))).max()
        for zones in ((Zone(gens=gens),), (Zone(gens=gens), Zone(gens=gens)))
    )
    assert two == pytest.approx(2 * one, rel=1e-4)


def _file(*messages: mido.Message) -> bytes:
    file = mido.MidiFile(ticks_per_beat=500)
    file.tracks.append(mido.MidiTrack(messages))
    buffer = BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def test_midi_files_bend_and_swell(renderer_of):
    made = renderer_of(Zone(gens={Gen.SAMPLE_MODES: 1}))
    data = _file(
        mido.Message("note_on", note=60, velocity=100),
        mido.Message("pitchwheel", pitch=8191, time=1_000),
        mido.Message("control_change", control=7, value=50, time=1_000),
        mido.Message("note_off", note=60, time=1_000),
    )
    samples = np.concatenate(list(made.render_midi_chunks(data)))[:, 0]

    def hertz(second):
        part = samples[round(second * RATE) : round((second + 0.6) * RATE)]
        return np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18)).argmax() * RATE / 2**18

    assert hertz(0.2) == pytest.approx(441, rel=1e-3)
    assert hertz(1.2) == pytest.approx(441 * 2 ** (2 / 12), rel=1e-3)
    levels = [np.abs(samples[round(t * RATE) :][:2_000]).max() for t in (1.5, 2.5)]
    assert levels[1] / levels[0] == pytest.approx((50 / 100) ** 2, rel=1e-2)
    assert np.abs(np.diff(samples)).max() < 0.05, "no clicks"


def test_a_piece_sounds_like_its_file(band):
    made = TorchRenderer(mix=NEUTRAL)
    piece = band()
    one = made.render(piece)
    other = np.concatenate(list(made.render_midi_chunks(with_mix(write_midi(piece), NEUTRAL))))
    n = min(len(one), len(other)) - RATE  # without the end, where they fade
    assert np.abs(one[:n] - other[:n]).max() < 1e-5


def test_a_long_piece_takes_no_more_memory_than_a_short_one(piece_of, monkeypatch):
    held: list[int] = []

    class Desk(torch_renderer._Desk):
        def finish(self):
            held.append(len(self._buses))
            return super().finish()

    monkeypatch.setattr(torch_renderer, "_Desk", Desk)
    piece = piece_of(*((48 * i, 0, 60 + i % 5, 36, 5) for i in range(60)), n_bars=60)
    assert sum(map(len, TorchRenderer().render_chunks(piece))) == n_samples(piece, RATE)
    assert len(held) > 80 and max(held) <= 4


def test_humanised_playing_is_repeatable_and_different(band, renderer):
    plain, one, two = (
        np.concatenate(list(renderer.render_chunks(band(), human_seed=s))) for s in (None, 1, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, plain)


def test_threads_may_share_a_renderer(band, renderer):
    pieces = [band((p, 0, 33, 0)) for p in (73, 40, 56, 24)]
    wanted = [TorchRenderer().render(piece) for piece in pieces]
    shared, heard = TorchRenderer(), {}
    threads = [
        threading.Thread(target=lambda i=i, p=p: heard.update({i: shared.render(p)}))
        for i, p in enumerate(pieces)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(heard[i], samples) for i, samples in enumerate(wanted))


def test_another_font_by_path_or_setting(tmp_path, monkeypatch, piece_of):
    with pytest.raises(SoundFontError, match=r"none\.sf2"):
        TorchRenderer(tmp_path / "none.sf2")
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "other.sf2"))
    with pytest.raises(SoundFontError, match=r"no SoundFont .*other\.sf2"):
        TorchRenderer()
    wave = Wave(data=sine(20_000, 100), loop=(0, 20_000))
    (tmp_path / "other.sf2").write_bytes(font(waves=[wave]))
    assert TorchRenderer().render(piece_of((0, 0, 60, 12))).any()
