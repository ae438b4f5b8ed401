from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from musicgen_vae.audio.renderer import TAIL_S, duration_s
from musicgen_vae.errors import ClipError, ControlError, InputError, MidiError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import DEFAULT_GUIDANCE, Composer
from musicgen_vae.music.attributes import Edges
from musicgen_vae.music.clip import Clip, Meter, Mode, Note, Role, tidy
from musicgen_vae.music.midi import read_midi
from musicgen_vae.ui import handlers
from musicgen_vae.ui.handlers import MorphRequest, SampleRequest, read_upload
from musicgen_vae.ui.takes import Recorder, facts, note_name
from musicgen_vae.ui.visit import Stopped, Visit

# -- Create --------------------------------------------------------------------------------------


def test_a_take_is_heard_as_it_is_written(tiny_composer: Composer, recorder: Recorder) -> None:
    (take,) = handlers.sample(tiny_composer, recorder, SampleRequest(seed=7))
    assert take.title == "Seed 7"
    again = read_midi(take.midi.read_bytes())
    assert {(n.start, n.pitch) for n in again.notes} == {
        (n.start - take.piece.notes[0].start // 48 * 48, n.pitch) for n in take.piece.notes
    }
    info = soundfile.info(take.audio)
    assert info.format == "WAV"
    assert info.duration == pytest.approx(duration_s(take.piece) + TAIL_S, abs=0.01)


def test_variation_i_is_the_one_of_seed_plus_i(tiny_composer: Composer) -> None:
    several = handlers.write(tiny_composer, SampleRequest(seed=3, variations=3))
    alone = handlers.write(tiny_composer, SampleRequest(seed=5))
    assert [seed for seed, _ in several] == [3, 4, 5]
    assert several[2] == alone[0]
    assert several[0][1] != several[2][1]


def test_takes_do_not_share_files(tiny_composer: Composer, recorder: Recorder) -> None:
    takes = handlers.sample(tiny_composer, recorder, SampleRequest(variations=2))
    takes += handlers.sample(tiny_composer, recorder, SampleRequest())
    files = {path for take in takes for path in (take.midi, take.audio, take.parameters)}
    assert len(files) == 9
    assert all(path.is_file() and recorder.folder in path.parents for path in files)


def test_a_take_tells_how_it_was_made(tiny_composer: Composer, recorder: Recorder) -> None:
    takes = handlers.sample(tiny_composer, recorder, SampleRequest(seed=3, variations=2))
    said = json.loads(takes[1].parameters.read_text())
    assert said["checkpoint"] == tiny_composer.checkpoint.hash
    again = SampleRequest(**said["parameters"])
    assert handlers.sample(tiny_composer, recorder, again)[0].clips == takes[1].clips


def test_what_is_asked_is_what_is_made(tiny_composer: Composer) -> None:
    request = SampleRequest(key="F#", mode="minor", meter="3/4", tempo_qpm=90)
    ((_, (clip,)),) = handlers.write(tiny_composer, request)
    assert str(clip.key) == "F# minor"
    assert clip.meter == Meter(numerator=3)
    assert clip.tempo_qpm == 90


def test_a_key_without_a_mode_is_major(tiny_composer: Composer) -> None:
    request = SampleRequest(key="Eb")
    assert request.controls(tiny_composer.spec).mode is Mode.MAJOR
    ((_, (clip,)),) = handlers.write(tiny_composer, request)
    assert str(clip.key) == "Eb major"


def test_levels_hold_for_all_bars_and_the_rest_is_free(tiny_composer: Composer) -> None:
    controls = SampleRequest(density=7, register=0).controls(tiny_composer.spec)
    assert controls.density == (7,) * 4
    assert controls.register == (0,) * 4
    assert controls.polyphony == controls.syncopation == (None,) * 4
    assert controls.mode is None and controls.tempo is None


def test_levels_can_differ_from_bar_to_bar(tiny_composer: Composer) -> None:
    controls = SampleRequest(density=(0, None, 7, 3)).controls(tiny_composer.spec)
    assert controls.density == (0, None, 7, 3)


def test_a_mood_is_asked_only_of_a_model_that_knows_moods(
    tiny_composer: Composer, emotional_composer: Composer
) -> None:
    request = SampleRequest(valence=0.9, arousal=-0.9)
    with pytest.raises(ControlError, match="not trained with valence, arousal"):
        handlers.write(tiny_composer, request)
    controls = request.controls(emotional_composer.spec)
    assert (controls.valence, controls.arousal) == (7, 0)
    assert handlers.write(emotional_composer, request)


def test_guidance_is_the_models_own() -> None:
    assert handlers.GUIDANCE == DEFAULT_GUIDANCE


def test_variations_of_a_take_vary_each_of_its_clips(
    tiny_composer: Composer, recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    take = recorder.take([clip_of(0), clip_of(1)], title="T", name="t")
    made = list(handlers.varying(tiny_composer, recorder, take, n=2, seed=5, check=lambda: None))
    assert [len(one.clips) for one in made] == [2, 2]
    assert made[0].clips[0] == tiny_composer.vary(clip_of(0), seed=5)[0]
    assert made[0].title == "Variation 1 of T"
    long = recorder.take([clip_of(0)] * 11, title="T", name="t")
    with pytest.raises(ControlError, match="at most 128"):
        next(handlers.varying(tiny_composer, recorder, long, n=3, seed=5, check=lambda: None))


def test_novelty_names_the_nearest_clip_of_the_map(atlas: Atlas) -> None:
    assert handlers.novelty_facts(None, [atlas.clip(3)]) == ()
    assert handlers.novelty_facts(atlas, [atlas.clip(3)])[0].startswith(
        "novelty 0.00; nearest on the map: "
    )
    assert handlers.novelty_facts(atlas, [atlas.clip(3)] * 2) == ("novelty 0.00",)


def test_a_form_makes_a_clip_for_each_letter(tiny_composer: Composer, recorder: Recorder) -> None:
    (take,) = handlers.sample(tiny_composer, recorder, SampleRequest(form=" aab ", seed=4))
    assert len(take.piece.bars) == 12
    assert take.title == "AAB, seed 4"


@pytest.mark.parametrize(
    "bad",
    [
        {"variations": 0},
        {"variations": 9},
        {"variations": 8, "form": "AABAA"},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": None},
        {"density": 8},
        {"syncopation": -1},
        {"temperature": 2.1},
        {"creativity": float("nan")},
        {"tempo_qpm": 19},
        {"valence": 1.1},
        {"arousal": -2},
        {"repetition": 8},
        {"density": (1, None, 8, 1)},
        {"prior": "uniform"},
        {"guidance": 7},
        {"mode": "dorian"},
        {"key": "H"},
        {"meter": "5/4"},
    ],
)
def test_limits_are_held_here(bad: dict[str, object]) -> None:
    with pytest.raises(ControlError) as raised:
        SampleRequest(**bad)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("form", ["", "A1", "1", "A B", "A" * 17])
def test_a_form_is_1_to_16_letters(tiny_composer: Composer, form: str) -> None:
    with pytest.raises(ControlError, match="1 to 16 letters"):
        handlers.write(tiny_composer, SampleRequest(form=form))


def test_parameters_and_attributes_are_plain_values(
    tiny_composer: Composer, recorder: Recorder
) -> None:
    take, info = handlers.sample_one(
        tiny_composer, recorder, SampleRequest(seed=2, density=3, variations=5)
    )
    assert json.loads(json.dumps(info)) == info
    assert info["parameters"]["seed"] == 2 and info["parameters"]["density"] == 3
    assert info["checkpoint"] == tiny_composer.checkpoint.hash
    (clip,) = info["clips"]
    assert clip["n_notes"] == len(take.piece.notes)


# -- Files ---------------------------------------------------------------------------------------


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
    assert handlers.preview(tiny_composer, recorder, upload, 1).remark == ""
    drums = Note(start=0, role=Role.DRUMS, pitch=36, duration=3, velocity=4)
    piece = replace(upload.piece, notes=tidy([drums, *upload.piece.notes]))
    performed = replace(upload, piece=replace(piece, beats_estimated=True))
    remark = handlers.preview(tiny_composer, recorder, performed, 0).remark
    assert "estimated" in remark
    assert ("drums" in remark) == (Role.DRUMS not in tiny_composer.spec.roles)


def test_a_reconstruction_has_the_bars_of_its_file(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    take, info = handlers.reconstruct(tiny_composer, recorder, midi_file(n_clips=3))
    assert len(take.piece.bars) == 12
    assert len(info["clips"]) == 3
    assert all(clip["n_notes"] for clip in info["clips"])


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
    monkeypatch.setattr(handlers, "read_upload", lambda _, composer: gap)
    _, info = handlers.reconstruct(tiny_composer, recorder, "gap.mid")
    counts = [clip["n_notes"] for clip in info["clips"]]
    assert counts[1] == 0 and counts[0] and counts[2]
    silent = replace(upload, piece=replace(upload.piece, notes=()))
    monkeypatch.setattr(handlers, "read_upload", lambda _, composer: silent)
    with pytest.raises(ClipError, match="no notes that the model can read"):
        handlers.reconstruct(tiny_composer, recorder, "silent.mid")


def test_too_long_a_file_is_not_reconstructed(
    tiny_composer: Composer, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    with pytest.raises(ControlError, match="132 bars"):
        handlers.reconstruct(tiny_composer, recorder, midi_file(n_clips=33))


# -- Morph ---------------------------------------------------------------------------------------


@pytest.fixture
def morph_request(midi_file: Callable[..., Path]) -> MorphRequest:
    return MorphRequest(
        a=read_upload(midi_file("a.mid", title="A")),
        b=read_upload(midi_file("b.mid", title="B", variant=4)),
        clip_b=1,
        steps=3,
        key="switch",
        path="circle",
    )


def test_a_morph_is_heard_by_its_ends_first_and_then_where_one_looks(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    request = replace(morph_request, steps=6)
    seen = [2, 2, 5, 5, 5, 5]  # the visitor moves on after two steps
    asked: list[int] = []

    def focus() -> int:
        asked.append(0)
        return seen[len(asked) - 1]

    grown = list(
        handlers.morphing(tiny_composer, recorder, request, focus=focus, check=lambda: None)
    )
    there = [{i for i, take in enumerate(takes, 1) if take} for takes in grown]
    new = [later - earlier for earlier, later in zip([set(), *there], there, strict=False)]
    assert [*new[0], *new[1]] == [1, 6]
    assert new[2:] == [{5}, {4}, {3}, {2}]
    steps = [take for take in grown[-1] if take]
    assert [steps[0].title, steps[-1].title] == [f"{x}, as the model plays it" for x in "AB"]
    assert steps[2].title == "40 % of the way from A to B"
    assert [take.clips[0] for take in steps] == list(handlers.interpolate(tiny_composer, request))
    assert steps[0].facts[0].startswith("cost ")
    whole = handlers.morph_whole(recorder, [take.clips[0] for take in steps])
    assert len(whole.piece.bars) == 24


def test_a_morph_stops_when_told(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    visit = Visit()
    steps = handlers.morphing(
        tiny_composer, recorder, morph_request, focus=lambda: 1, check=visit.check()
    )
    next(steps)
    visit.stop()
    with pytest.raises(Stopped):
        next(steps)
    with pytest.raises(Stopped):  # while notes are being written, too
        check = visit.check()
        visit.stop()
        handlers.interpolate(tiny_composer, morph_request, check)


def test_a_naive_fade_has_the_notes_of_both_ends(
    recorder: Recorder, clip_of: Callable[..., Clip]
) -> None:
    a, b = clip_of(0), clip_of(3)
    fade = handlers.naive_fade(recorder, [a, clip_of(1), b])
    assert len(fade.clips) == 3
    assert {n.pitch for n in fade.clips[0].notes} == {n.pitch for n in a.notes}
    assert {n.pitch for n in fade.clips[1].notes} == {n.pitch for n in (*a.notes, *b.notes)}


def test_a_morph_tells_how_it_was_made(
    tiny_composer: Composer, recorder: Recorder, morph_request: MorphRequest
) -> None:
    _, info = handlers.morph_all(tiny_composer, recorder, morph_request)
    assert info["parameters"]["b"] == "B, bars 5 to 8"
    assert len(info["clips"]) == 3


@pytest.mark.parametrize("bad", [{"steps": 1}, {"steps": 18}, {"key": "c"}, {"path": "spiral"}])
def test_limits_of_a_morph(morph_request: MorphRequest, bad: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        replace(morph_request, **bad)  # type: ignore[arg-type]


def test_a_clip_that_is_not_there_cannot_be_morphed(
    tiny_composer: Composer, morph_request: MorphRequest
) -> None:
    with pytest.raises(ControlError, match="B has no clip 2; it has 0 to 1"):
        handlers.interpolate(tiny_composer, replace(morph_request, clip_b=2))


# -- Map -----------------------------------------------------------------------------------------


def test_a_clip_of_the_map_beside_its_reconstruction(
    tiny_composer: Composer, atlas: Atlas, recorder: Recorder
) -> None:
    original, made, info = handlers.map_clip(tiny_composer, atlas, recorder, 4)
    assert original.title == "Original: <img src=x onerror=alert(1)>, bars 5 to 8"
    assert {n.pitch for n in original.piece.notes} == {n.pitch for n in atlas.clip(4).notes}
    assert original.midi.read_bytes() != made.midi.read_bytes()
    assert info["parameters"]["licence"] == "CC0"
    assert [clip["n_notes"] for clip in info["clips"]] == [
        len(original.piece.notes),
        len(made.piece.notes),
    ]
    assert "<" not in original.midi.name + made.audio.name


@pytest.mark.parametrize("index", [-1, 12])
def test_a_clip_off_the_map(
    tiny_composer: Composer, atlas: Atlas, recorder: Recorder, index: int
) -> None:
    with pytest.raises(InputError, match="not on the map"):
        handlers.map_clip(tiny_composer, atlas, recorder, index)


# -- Facts and texts -----------------------------------------------------------------------------

EDGES = Edges(
    values={
        name: tuple(float(edge) for edge in edges)
        for name, edges in {
            "density": range(1, 8),
            "polyphony": range(1, 8),
            "register": range(50, 57),
            "syncopation": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        }.items()
    }
)


def test_facts_are_as_measured(clip_of: Callable[..., Clip]) -> None:
    # 8 notes struck a bar of 4 quarters; melody, 3 chord notes and bass sound throughout.
    said = facts([clip_of(key="G major", tempo_qpm=96.4)], EDGES)
    assert said[:5] == ("G major", "4/4", "♩ = 96", "4 bars", "32 notes")
    assert "density 2 a quarter (level 2)" in said
    assert "polyphony 5 (level 5)" in said
    assert "syncopation 0 (level 0)" in said
    (register,) = (fact for fact in said if fact.startswith("register"))
    assert "(level 6)" in register or "(level 7)" in register
    assert said[-1].startswith("chords G")


def test_facts_of_several_clips_name_what_changes(clip_of: Callable[..., Clip]) -> None:
    said = facts([clip_of(), clip_of(1, key="D major", tempo_qpm=90)], EDGES)
    assert said[:5] == ("C major → D major", "4/4", "♩ = 90-120", "8 bars", "64 notes")
    assert not any(fact.startswith("chords") for fact in said)


def test_facts_of_silence() -> None:
    assert facts([Clip(n_bars=1)], EDGES) == (
        "C major",
        "4/4",
        "♩ = 120",
        "1 bar",
        "0 notes",
        "density 0 a quarter (level 0)",
    )


def test_note_names() -> None:
    assert [note_name(pitch) for pitch in (0, 60, 69, 127)] == ["C-1", "C4", "A4", "G9"]
