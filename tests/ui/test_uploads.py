from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from musicgen_vae.errors import ClipError, ControlError, MidiError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.defaults import RECONSTRUCT_STEPS
from musicgen_vae.music.clip import Clip, Note, Role, tidy
from musicgen_vae.ui import uploads
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.uploads import preview, read_upload, reconstruct


def test_an_upload_lists_its_clips(midi_file: Callable[..., Path]) -> None:
    upload = read_upload(midi_file(n_clips=3, title="A tune"))
    assert upload.title == "A tune"
    assert upload.choices[0] == "bars 1 to 4 · 32 notes"
    assert [choice.split(" ·")[0] for choice in upload.choices[1:]] == [
        "bars 5 to 8",
        "bars 9 to 12",
    ]
    assert upload.clip_title(2) == "A tune, bars 9 to 12"
    for index in (-1, 3):
        with pytest.raises(ControlError, match="no clip"):
            upload.clip(index)


def test_a_file_without_a_title_is_called_by_its_name(midi_file: Callable[..., Path]) -> None:
    assert read_upload(midi_file("my tune.mid", title="")).title == "my tune"


def test_bad_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.mid"
    for data in (b"", b"MThd", b"<html>", b"\0" * 5_000_000):
        path.write_bytes(data)
        with pytest.raises(MidiError) as raised:
            read_upload(path)
        assert "\n" not in str(raised.value)
    with pytest.raises(MidiError, match="no file"):
        read_upload(None)


def test_a_preview_says_what_a_listener_ought_to_know(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    upload = read_upload(midi_file())
    assert preview(tiny_composer, recorder, upload, 1).remark == ""
    drums = Note(start=0, role=Role.DRUMS, pitch=36, duration=3, velocity=4)
    piece = replace(upload.piece, notes=tidy([drums, *upload.piece.notes]))
    performed = replace(upload, piece=replace(piece, beats_estimated=True))
    remark = preview(tiny_composer, recorder, performed, 0).remark
    assert "estimated" in remark
    assert ("drums" in remark) == (Role.DRUMS not in tiny_composer.spec.roles)


def test_a_reconstruction_has_the_bars_of_its_file(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    take, info = reconstruct(tiny_composer, recorder, midi_file(n_clips=3))
    assert len(take.piece.bars) == 12
    assert len(info["clips"]) == 3
    assert all(clip["n_notes"] for clip in info["clips"])


def test_the_more_clips_the_less_each_is_refined(
    tiny_composer: Composer,
    recorder: Recorder,
    midi_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def reconstructed(clips: list[Clip], refine: int, check: object) -> list[Clip]:
        asked.append(refine)
        return clips

    monkeypatch.setattr(tiny_composer, "reconstruct", reconstructed)
    for n_clips in (1, 32):
        reconstruct(tiny_composer, recorder, midi_file(n_clips=n_clips))
    assert asked == [RECONSTRUCT_STEPS, 2]


def test_silent_clips_stay_silent(
    tiny_composer: Composer,
    recorder: Recorder,
    midi_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = read_upload(midi_file(n_clips=3))
    middle = range(4 * 48, 8 * 48)
    notes = tuple(note for note in upload.piece.notes if note.start not in middle)
    gap = replace(upload, piece=replace(upload.piece, notes=notes))
    monkeypatch.setattr(uploads, "read_upload", lambda _, composer: gap)
    _, info = reconstruct(tiny_composer, recorder, "gap.mid")
    counts = [clip["n_notes"] for clip in info["clips"]]
    assert counts[1] == 0 and counts[0] and counts[2]
    silent = replace(upload, piece=replace(upload.piece, notes=()))
    monkeypatch.setattr(uploads, "read_upload", lambda _, composer: silent)
    with pytest.raises(ClipError, match="no notes that the model can read"):
        reconstruct(tiny_composer, recorder, "silent.mid")


def test_too_long_a_file_is_not_reconstructed(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    with pytest.raises(ControlError, match="132 bars"):
        reconstruct(tiny_composer, recorder, midi_file(n_clips=33))
