"""The check of a running app hears right notes from wrong ones."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "newcomer_check.py"
RATE = 22050


@pytest.fixture(scope="module")
def script() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("newcomer_check", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tune(shift: int = 0) -> pretty_midi.PrettyMIDI:
    """Two bars of a melody over chords, with a drum on every beat."""
    midi = pretty_midi.PrettyMIDI()
    piano, drums = pretty_midi.Instrument(0), pretty_midi.Instrument(0, is_drum=True)
    for beat, pitch in enumerate((64, 65, 67, 72, 69, 67, 65, 62)):
        piano.notes.append(pretty_midi.Note(100, pitch + shift, beat / 2, beat / 2 + 0.45))
        drums.notes.append(pretty_midi.Note(90, 42, beat / 2, beat / 2 + 0.1))
    for bar, chord in enumerate(((48, 52, 55), (53, 57, 60))):
        piano.notes += [
            pretty_midi.Note(80, pitch + shift, 2.0 * bar, 2.0 * bar + 1.9) for pitch in chord
        ]
    midi.instruments += [piano, drums]
    return midi


def play(midi: pretty_midi.PrettyMIDI) -> np.ndarray:
    """Decaying tones of five harmonics, noise for drums, in stereo, peak .8."""
    noise = np.random.default_rng(1)
    sound = np.zeros(int((midi.get_end_time() + 1.0) * RATE))
    for instrument in midi.instruments:
        for note in instrument.notes:
            time = np.arange(int((note.end - note.start + 0.05) * RATE)) / RATE
            hz = pretty_midi.note_number_to_hz(note.pitch)
            tone = sum(np.sin(2 * np.pi * h * hz * time) / h for h in range(1, 6))
            if instrument.is_drum:
                tone = noise.normal(size=len(time))
            start = int(note.start * RATE)
            sound[start : start + len(time)] += note.velocity / 127 * tone * np.exp(-2 * time)
    return np.stack([sound, sound], axis=1) * 0.8 / np.abs(sound).max()


def test_right_notes_agree(script: types.ModuleType) -> None:
    assert script.check(tune(), play(tune()), RATE) > 0.95


@pytest.mark.parametrize("shift", [-5, -2, -1, 1, 3, 6, 7])
def test_the_same_tune_in_another_key_does_not(script: types.ModuleType, shift: int) -> None:
    with pytest.raises(SystemExit, match="chroma of sound and notes|fits the notes better"):
        script.check(tune(shift), play(tune()), RATE)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda sound: sound * 0.0, "silent"),
        (lambda sound: sound[:0], "silent"),
        (lambda sound: sound * np.nan, "silent"),
        (lambda sound: np.clip(sound * 2, -1, 1), "clipped"),
        (lambda sound: sound[: RATE * 2], "4.0 s of notes became 2.0 s of sound"),
        (lambda sound: np.concatenate([sound] * 4), "became 19.8 s of sound"),
        (lambda sound: np.random.default_rng(2).normal(0, 0.1, sound.shape), "chroma|fits"),
    ],
)
def test_spoilt_sound_is_refused(script: types.ModuleType, spoil: object, message: str) -> None:
    assert callable(spoil)
    with pytest.raises(SystemExit, match=message):
        script.check(tune(), spoil(play(tune())), RATE)


def test_files_are_found_anywhere_in_an_answer(script: types.ModuleType, tmp_path: Path) -> None:
    midi, sound = tmp_path / "a.mid", tmp_path / "a.WAV"
    for path in (midi, sound):
        path.write_bytes(b"x")
    answer = ("text", {"value": [None, str(tmp_path / "gone.mid"), str(midi)]}, [{"f": str(sound)}])
    assert script.find_file(answer, (".mid",)) == midi
    assert script.find_file(answer, (".wav",)) == sound
    with pytest.raises(SystemExit, match=r"no \.flac file"):
        script.find_file(answer, (".flac",))
