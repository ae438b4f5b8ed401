"""Asks a running app for one clip, as a newcomer would, and checks that its sound is its notes.

    python scripts/newcomer_check.py http://127.0.0.1:7860

It knows the app only by its published API: the endpoint ``/sample`` with ``seed``, which returns a
MIDI file and a sound file somewhere in its answer. It does not know how either is made. The sound
must not be silent or clipped, must last as long as the notes, and its chroma, the strength of the
12 pitch classes, must agree with the one expected from the notes: at least .9 over the whole sound
and, moment by moment, better than with the same notes in any other key.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pretty_midi
import soundfile

Array = npt.NDArray[np.float64]

ENDPOINT = "/sample"
SEED = 7
MIN_AGREEMENT = 0.9
SILENCE = 1e-3
"""A sound whose root mean square is below this (-60 dB) is silent."""
FULL_SCALE = 0.999
MAX_TAIL_S = 10.0
"""Longest sound after the last note-off."""

FRAME_S = 0.37
"""Window of one spectrum: long enough to tell semitones apart from 100 Hz upwards."""
CHROMA_RANGE_HZ = (100.0, 2000.0)
N_HARMONICS = 6
RELEASE_S = 0.1
"""How long a note rings after its note-off."""


def main(url: str) -> None:
    """Check the app at ``url``.

    Raises:
        SystemExit: if anything is not as it should be; the text says what.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = ask(url, folder)
        midi = find_file(answer, (".mid", ".midi"))
        sound = find_file(answer, (".wav", ".flac", ".ogg", ".mp3"))
        notes = pretty_midi.PrettyMIDI(str(midi))
        samples, rate = soundfile.read(sound, always_2d=True)
        agreement = check(notes, samples, rate)
    print(
        f"{ENDPOINT} made {sum(len(i.notes) for i in notes.instruments)} notes and "
        f"{len(samples) / rate:.1f} s of sound, peak {np.abs(samples).max():.2f}; "
        f"its chroma agrees with the notes {agreement:.3f}"
    )


def ask(url: str, folder: str) -> Any:
    """The answer of the app to ``/sample`` with nothing but a seed; files are put in ``folder``."""
    from gradio_client import Client

    client = Client(url, verbose=False, download_files=folder, analytics_enabled=False)
    endpoints = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    if ENDPOINT not in endpoints:
        sys.exit(f"error: the app has no {ENDPOINT}, only {', '.join(sorted(endpoints))}")
    parameters = endpoints[ENDPOINT]["parameters"]
    missing = [
        parameter["parameter_name"]
        for parameter in parameters
        if not parameter["parameter_has_default"] and parameter["parameter_name"] != "seed"
    ]
    if missing:
        sys.exit(f"error: {ENDPOINT} cannot be called with a seed alone; it asks for {missing}")
    return client.predict(seed=SEED, api_name=ENDPOINT)


def find_file(answer: Any, suffixes: tuple[str, ...]) -> Path:
    """The first existing file with one of ``suffixes`` anywhere in ``answer``."""
    for text in texts(answer):
        if text.lower().endswith(suffixes) and Path(text).is_file():
            return Path(text)
    sys.exit(f"error: no {' or '.join(suffixes)} file in the answer of {ENDPOINT}: {answer!r:.500}")


def texts(answer: Any) -> Iterator[str]:
    """Every text in nested lists and dictionaries, in order."""
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        for value in answer.values():
            yield from texts(value)
    elif isinstance(answer, (list, tuple)):
        for value in answer:
            yield from texts(value)


def check(notes: pretty_midi.PrettyMIDI, samples: Array, rate: int) -> float:
    """The agreement (0 to 1) of the sound's chroma with that of ``notes``.

    Args:
        notes: what should be heard.
        samples: shape (samples, channels), full scale 1.
        rate: samples per second.

    Raises:
        SystemExit: if the sound is silent, clipped, of the wrong length or of other notes.
    """
    level = float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0
    if not level > SILENCE:
        sys.exit(f"error: the sound is silent (root mean square {level:.5f})")
    if (peak := float(np.abs(samples).max())) >= FULL_SCALE:
        sys.exit(f"error: the sound is clipped (peak {peak:.4f})")
    end_s, duration_s = notes.get_end_time(), len(samples) / rate
    if not 0.95 * end_s <= duration_s <= end_s + MAX_TAIL_S:
        sys.exit(f"error: {end_s:.1f} s of notes became {duration_s:.1f} s of sound")
    heard = heard_chroma(samples.mean(axis=1), rate)
    written = written_chroma(notes, n_frames=len(heard))
    agreement = cosine(overall(heard), overall(written))
    if not agreement >= MIN_AGREEMENT:
        sys.exit(f"error: chroma of sound and notes agree {agreement:.3f}, not {MIN_AGREEMENT}")
    by_shift = [cosine(heard, np.roll(written, shift, axis=1)) for shift in range(12)]
    if (best := int(np.argmax(by_shift))) != 0:
        sys.exit(f"error: the sound fits the notes better when they are moved by {best} semitones")
    return agreement


def heard_chroma(samples: Array, rate: int) -> Array:
    """Strength of each pitch class in each frame of a sound, shape (frames, 12).

    Only peaks of the spectrum count: drums and noise have none that stand out.
    """
    size = int(FRAME_S * rate)
    starts = range(0, max(1, len(samples) - size + 1), size // 2)
    frames = np.stack([np.resize(samples[s : s + size], size) for s in starts])
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1))
    hz = np.fft.rfftfreq(size, 1 / rate)
    inner = spectrum[:, 1:-1]
    peaks = (inner > spectrum[:, :-2]) & (inner > spectrum[:, 2:])
    low, high = CHROMA_RANGE_HZ
    in_range = (hz[1:-1] >= low) & (hz[1:-1] <= high)
    strength = np.where(peaks, inner, 0.0)[:, in_range]
    classes = np.round(69 + 12 * np.log2(hz[1:-1][in_range] / 440)).astype(int) % 12
    chroma = np.zeros((len(frames), 12))
    for pitch_class in range(12):
        chroma[:, pitch_class] = np.sqrt(np.sum(strength[:, classes == pitch_class] ** 2, axis=1))
    return chroma


def written_chroma(notes: pretty_midi.PrettyMIDI, n_frames: int) -> Array:
    """What ``heard_chroma`` should find: the first harmonics of each note, drums apart."""
    frame_starts = np.arange(n_frames) * FRAME_S / 2
    power = np.zeros((n_frames, 12))
    low, high = CHROMA_RANGE_HZ
    for instrument in notes.instruments:
        for note in [] if instrument.is_drum else instrument.notes:
            overlap_s = np.minimum(note.end + RELEASE_S, frame_starts + FRAME_S) - np.maximum(
                note.start, frame_starts
            )
            strength = np.clip(overlap_s / FRAME_S, 0, 1) * note.velocity / 127
            for harmonic in range(1, N_HARMONICS + 1):
                pitch = note.pitch + 12 * np.log2(harmonic)
                if low <= 440 * 2 ** ((pitch - 69) / 12) <= high:
                    power[:, round(pitch) % 12] += (strength / harmonic) ** 2
    return np.asarray(np.sqrt(power))


def overall(chroma: Array) -> Array:
    """Root mean square over the frames, shape (12,)."""
    return np.asarray(np.sqrt(np.mean(chroma**2, axis=0)))


def cosine(a: Array, b: Array) -> float:
    """Cosine similarity of two arrays of one shape; 0 if either is all zero."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.sum(a * b)) / norm if norm else 0.0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: newcomer_check.py URL")
    main(sys.argv[1])
