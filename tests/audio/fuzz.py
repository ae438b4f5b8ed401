"""Mutated SoundFonts and MIDI files: nothing may hang, crash, give NaN or take much memory.

``python -m tests.audio.fuzz 10000`` runs so many; the slow test runs a few hundred.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import torch

from musicgen_vae.audio.renderer import limited
from musicgen_vae.audio.score import score_of_midi
from musicgen_vae.audio.soundfont import Gen, SoundFont
from musicgen_vae.audio.synthesizer import Synthesizer
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.audio.voice import Voice
from musicgen_vae.errors import InputError, MusicGenError, RenderError
from tests.audio.fonts import Wave, Zone, font, sine

EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
RATE = 44_100
LONGEST_S = 20.0


def seed_font() -> bytes:
    """A small font with most of what a font can have."""
    waves = [
        Wave(data=sine(2_000, 100), loop=(100, 1_900)),
        Wave(data=sine(700, 33), root=72, rate=22_050, correction=-7),
    ]
    gens = {
        Gen.SAMPLE_MODES: 1, Gen.VOL_ENV_ATTACK: -4_000, Gen.VOL_ENV_DECAY: -2_000,
        Gen.VOL_ENV_SUSTAIN: 300, Gen.VOL_ENV_RELEASE: -2_000, Gen.FILTER_CUTOFF: 9_000,
        Gen.FILTER_Q: 90, Gen.MOD_ENV_TO_CUTOFF: 3_000, Gen.MOD_LFO_TO_VOLUME: 20,
        Gen.VIB_LFO_TO_PITCH: 30, Gen.EXCLUSIVE_CLASS: 1, Gen.START: 3, Gen.LOOP_END: -2,
    }  # fmt: skip
    mods = [(0x0502, int(Gen.ATTENUATION), 500, 0, 0), (0x0081, int(Gen.PAN), 100, 0x0D02, 2)]
    instruments = [
        (Zone(target=None, gens={Gen.PAN: 50}), Zone(gens=gens, mods=mods)),
        (Zone(target=1, gens={Gen.SAMPLE_MODES: 3}, keys=(0, 127)),),
    ]
    presets = {
        (0, 0): (Zone(target=None, gens={Gen.COARSE_TUNE: 1}), Zone(), Zone(target=1)),
        (128, 0): (Zone(target=1),),
    }
    return font(waves=waves, instruments=instruments, presets=presets)


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """``data`` with a few bytes changed and, one time in four, cut out, doubled or cut off."""
    made = bytearray(data)
    for _ in range(int(random.integers(1, 6))):
        at = int(random.integers(len(made)))
        made[at] = int(random.choice([0, 1, 127, 128, 255, int(random.integers(256))]))
    if random.random() < 0.25:
        at, n = int(random.integers(len(made))), int(random.integers(1, 32))
        kind = random.integers(3)
        if kind == 0:
            del made[at : at + n]
        elif kind == 1:
            made[at:at] = made[at : at + n]
        else:
            del made[at:]
    return bytes(made)


def try_font(data: bytes, midi_key: int) -> str:
    """Read a font and play one key of it; what became of it."""
    try:
        made = SoundFont(data)
        regions = [r for bank in (0, 128) for r in made.regions(bank, 0, midi_key, 100)]
    except RenderError:
        return "font refused"
    voices = [
        Voice.strike(r, key=midi_key, velocity=100, controllers={1: 99, 10: 64}) for r in regions
    ]
    pairs = [(v, v.curves(held=40, n_blocks=400, sample_rate=RATE)) for v in voices]
    for wave in Synthesizer(made, RATE, torch.device("cpu")).render(pairs):
        assert torch.isfinite(wave).all()
        assert float(wave.abs().max()) < 1e4
    return "font played" if pairs else "font silent"


def try_midi(data: bytes, renderer: TorchRenderer) -> str:
    """Read a MIDI file, play it if it is short; what became of it."""
    try:
        score = score_of_midi(data)
    except InputError:
        return "file refused"
    if score.duration_s > LONGEST_S or len(score.notes) > 400:
        return "file read"
    samples = np.concatenate(list(limited(renderer.render_midi_chunks(data))))
    assert np.isfinite(samples).all() and np.abs(samples).max(initial=0) <= 1
    return "file played"


def fuzz(n: int, seed: int = 0) -> Counter[str]:
    """``n`` mutations, fonts and files by turns; how often each thing became of them.

    Raises:
        AssertionError: for a sound that is not finite, or more than 20 s spent on one mutation.
    """
    random = np.random.default_rng(seed)
    good_font = seed_font()
    files = [_shortened(path) for path in sorted(EXAMPLES.glob("*.mid"))]
    became: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seed.sf2")
        path.write_bytes(good_font)
        renderer = TorchRenderer(path)
        for i in range(n):
            began = time.monotonic()
            try:
                if i % 2:
                    data = mutate(files[i // 2 % len(files)], random)
                    became[try_midi(data, renderer)] += 1
                else:
                    data = mutate(good_font, random)
                    became[try_font(data, int(random.integers(128)))] += 1
            except MusicGenError:
                raise
            except Exception as error:
                raise AssertionError(f"mutation {i} of seed {seed}: {error!r}") from error
            assert time.monotonic() - began < 20, f"mutation {i} of seed {seed} took too long"
    return became


def _shortened(path: Path) -> bytes:
    """The first events of an example tune."""
    file = mido.MidiFile(path)
    file.tracks = [mido.MidiTrack(track[:40]) for track in file.tracks]
    with tempfile.TemporaryFile() as buffer:
        file.save(file=buffer)
        buffer.seek(0)
        return buffer.read()


if __name__ == "__main__":
    print(dict(fuzz(int(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
