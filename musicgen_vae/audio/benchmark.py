"""The renderer in PyTorch beside the FluidSynth program, in the same run.

FluidSynth plays the same notes dry (no reverb, no chorus) with the same SoundFont, one piece after
another, as its command line does; the renderer gets the same notes without a room. Likeness is
``compare``'s. Times are medians over runs that take turns, each with nothing kept from the last.
"""

from __future__ import annotations

import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from musicgen_vae.audio.compare import Likeness, compare
from musicgen_vae.audio.mix import BAND, NEUTRAL
from musicgen_vae.audio.renderer import SAMPLE_RATE
from musicgen_vae.audio.soundfont import find_soundfont
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.errors import RenderError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.music.clip import (
    DRUM_PITCHES,
    STEPS_PER_BEAT,
    Bar,
    Clip,
    Meter,
    Note,
    Piece,
    Role,
    join,
    tidy,
)
from musicgen_vae.music.midi import read_midi, write_midi

EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
N_CLIPS = 16
CLIP_S = 8.0
SOLO_PROGRAMS = tuple(range(0, 112, 4))
"""28 programs from piano to bagpipe; sound effects are left out."""
_REPEATS = 3
_TIMEOUT_S = 120.0


def benchmark_audio(log: Callable[[str], None]) -> dict[str, Any]:
    """Likeness to FluidSynth, and times beside it, as plain numbers.

    Raises:
        RenderError: if FluidSynth is not installed or fails.
    """
    bands, solos = band_pieces(), [solo_piece(program) for program in SOLO_PROGRAMS]
    drums = drum_piece()
    log("comparing with FluidSynth")
    mixes = [_likeness(piece) for piece in bands]
    alone = [_likeness(piece) for piece in solos]
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "full_mixes": {"n": len(mixes), "n_programs": len(programs_of(bands)), **_summary(mixes)},
        "solo_programs": {"n": len(alone), **_summary(alone)},
        "drums": _summary([_likeness(drums)]),
        "each_program": {
            str(program): round(heard.log_mel_db, 3)
            for program, heard in zip(SOLO_PROGRAMS, alone, strict=True)
        },
    }
    log("timing")
    result["time"] = _times(bands)
    log("measuring memory")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        result["peak_memory_mb"] = pool.submit(_peak_mb).result()
    return result | {"goals": goals(result)}


def goals(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each figure that has a goal, with the goal and whether it is met."""
    mixes, solos, seconds = (result[name] for name in ("full_mixes", "solo_programs", "time"))
    return {
        "log_mel_db_full_mixes": _at_most(1.0, mixes["log_mel_db_mean"]),
        "log_mel_db_solo_median": _at_most(0.5, solos["log_mel_db_median"]),
        "onset_correlation": _at_least(0.99, mixes["onset_correlation_mean"]),
        "loudness_correlation": _at_least(0.995, mixes["loudness_correlation_mean"]),
        "time_ratio_to_fluidsynth": _at_most(1.0, seconds["ratio_to_fluidsynth"]),
        "first_chunk_s": _at_most(0.3, seconds["first_chunk_median_s"]),
        "peak_memory_mb": _at_most(600.0, result["peak_memory_mb"]),
    }


def _at_most(goal: float, value: float | None) -> dict[str, Any]:
    return {"value": value, "at_most": goal, "met": None if value is None else value <= goal}


def _at_least(goal: float, value: float) -> dict[str, Any]:
    return {"value": value, "at_least": goal, "met": value >= goal}


# -- music ---------------------------------------------------------------------------------------


def band_pieces() -> list[Piece]:
    """16 clips of 8 s of different music for a band with drums, over many programs."""
    clips = [read_midi(path.read_bytes()).clips()[0] for path in sorted(EXAMPLES.glob("*.mid"))][
        : N_CLIPS - 4
    ]
    atlas = Atlas.load()
    clips += [atlas.clip(i) for i in np.linspace(0, len(atlas) - 1, 4).astype(int).tolist()]
    return [_arrange(clip, i) for i, clip in enumerate(clips)]


def programs_of(pieces: Sequence[Piece]) -> set[int]:
    """General MIDI programs that are heard in ``pieces``, drums aside."""
    return {
        piece.programs[note.role]
        for piece in pieces
        for note in piece.notes
        if note.role is not Role.DRUMS
    }


def _arrange(clip: Clip, i: int) -> Piece:
    """A clip with programs of its own, with drums, in 8 s."""
    programs = ((7 * i + 40) % 112, (5 * i) % 32, 32 + i % 8, 0)
    beat = STEPS_PER_BEAT
    hits = [(at, 42) for at in range(0, clip.n_steps, beat // 2)]
    hits += [(at, 36 if at // beat % 2 == 0 else 38) for at in range(0, clip.n_steps, beat)]
    hits += [(0, 49)] if i % 3 == 0 else [(clip.n_steps - beat // 2, 46)]
    drums = [
        Note(start=at, role=Role.DRUMS, pitch=pitch, duration=3, velocity=4) for at, pitch in hits
    ]
    made = replace(
        clip,
        notes=tidy([*clip.keep((Role.MELODY, Role.HARMONY, Role.BASS)).notes, *drums]),
        programs=programs,
        tempo_qpm=clip.n_steps / STEPS_PER_BEAT * 60 / CLIP_S,
    )
    return join([made])


def solo_piece(program: int) -> Piece:
    """16 notes of several lengths and strengths, different for each program, in 8 s."""
    random = np.random.default_rng(program)
    notes = tidy(
        Note(
            start=STEPS_PER_BEAT * i,
            role=Role.MELODY,
            pitch=int(random.integers(45, 80)),
            duration=(6, 12, 18, 9)[i % 4],
            velocity=int(random.integers(2, 8)),
        )
        for i in range(16)
    )
    return Piece(bars=_four_bars(), notes=notes, programs=(program, 0, 32, 0))


def drum_piece() -> Piece:
    """Every drum class in turn, in eighths over 8 s."""
    notes = tidy(
        Note(
            start=6 * i,
            role=Role.DRUMS,
            pitch=DRUM_PITCHES[5 * i % len(DRUM_PITCHES)],
            duration=3,
            velocity=3 + i % 4,
        )
        for i in range(32)
    )
    return Piece(bars=_four_bars(), notes=notes)


def _four_bars() -> tuple[Bar, ...]:
    return tuple(Bar(start=48 * i, meter=Meter(), tempo_qpm=120.0) for i in range(4))


# -- FluidSynth, dry -----------------------------------------------------------------------------


def fluidsynth_dry(midi: Path, wav: Path) -> None:
    """Play a MIDI file with the FluidSynth program, without effects, into float samples.

    Raises:
        RenderError: if it is not installed or fails.
    """
    font = find_soundfont()
    command = ["fluidsynth", "-ni", "-g", "0.8", "-R", "0", "-C", "0", "-r", str(SAMPLE_RATE)]
    command += ["-O", "float", "-F", str(wav), str(font), str(midi)]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT_S)
    except FileNotFoundError:
        raise RenderError("FluidSynth is not installed: it is what this is compared with") from None
    except subprocess.SubprocessError as error:
        raise RenderError(f"FluidSynth failed: {error}") from error


def _likeness(piece: Piece) -> Likeness:
    with tempfile.TemporaryDirectory(prefix="musicgen-vae-") as folder:
        midi, wav = Path(folder, "a.mid"), Path(folder, "a.wav")
        midi.write_bytes(write_midi(piece))
        fluidsynth_dry(midi, wav)
        reference: NDArray[np.float32] = soundfile.read(wav, dtype="float32")[0]
    return compare(TorchRenderer(mix=NEUTRAL).render(piece), reference, SAMPLE_RATE)


def _summary(heard: Sequence[Likeness]) -> dict[str, float]:
    db, onsets, loudness = (
        [getattr(one, name) for one in heard] for name in ("log_mel_db", "onsets", "loudness")
    )
    return {
        "log_mel_db_median": round(statistics.median(db), 3),
        "log_mel_db_mean": round(statistics.fmean(db), 3),
        "log_mel_db_worst": round(max(db), 3),
        "onset_correlation_mean": round(statistics.fmean(onsets), 4),
        "onset_correlation_worst": round(min(onsets), 4),
        "loudness_correlation_mean": round(statistics.fmean(loudness), 4),
        "loudness_correlation_worst": round(min(loudness), 4),
    }


# -- time and memory -----------------------------------------------------------------------------


def _times(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Seconds for all ``pieces``; every run starts with a fresh renderer or program."""
    dry, wet, kept, peer, first, gpu = [], [], [], [], [], []
    has_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="musicgen-vae-") as folder:
        files = [Path(folder, f"{i}.mid") for i in range(len(pieces))]
        for file, piece in zip(files, pieces, strict=True):
            file.write_bytes(write_midi(piece))
        for device in ("cpu", "cuda") if has_gpu else ("cpu",):  # libraries warm up once
            TorchRenderer(mix=NEUTRAL, device=device).render(pieces[0])
        for _ in range(_REPEATS):
            renderer = TorchRenderer(mix=NEUTRAL)
            dry.append(_seconds(partial(renderer.render_many, pieces)))
            kept.append(_seconds(partial(renderer.render_many, pieces)))
            wet.append(_seconds(partial(TorchRenderer(mix=BAND).render_many, pieces)))
            for piece in pieces[:4]:
                chunks = TorchRenderer(mix=BAND).render_chunks(piece)
                first.append(_seconds(partial(next, chunks)))
            if has_gpu:
                renderer = TorchRenderer(mix=NEUTRAL, device="cuda")
                gpu.append(_seconds(partial(renderer.render_many, pieces)))
            peer.append(_seconds(partial(_play_all, files)))
    ours, theirs = statistics.median(dry), statistics.median(peer)
    lent = (
        {
            "gpu": torch.cuda.get_device_name(),
            "gpu_dry_s": round(statistics.median(gpu), 3),
            "gpu_ratio_to_fluidsynth": round(statistics.median(gpu) / theirs, 3),
        }
        if has_gpu
        else {}
    )
    return {
        "clips": len(pieces),
        "torch_dry_s": round(ours, 3),
        "fluidsynth_dry_s": round(theirs, 3),
        "ratio_to_fluidsynth": round(ours / theirs, 3),
        "torch_with_room_s": round(statistics.median(wet), 3),
        "torch_again_from_cache_s": round(statistics.median(kept), 3),
        "first_chunk_median_s": round(statistics.median(first), 3),
        "first_chunk_worst_s": round(max(first), 3),
        **lent,
    }


def _play_all(files: Sequence[Path]) -> None:
    for file in files:
        fluidsynth_dry(file, file.with_suffix(".wav"))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _peak_mb() -> float | None:
    """Largest memory of a process that renders the 16 clips; None where it cannot be read."""
    TorchRenderer(mix=BAND).render_many(band_pieces())
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return round(int(lines["VmHWM"].split()[0]) / 1024, 1)
