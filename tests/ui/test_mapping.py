from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from musicgen_vae.errors import InputError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui.mapping import Inferred, inferred, map_clip, place
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.uploads import read_upload


def test_a_clip_of_the_map_beside_its_reconstruction(
    tiny_composer: Composer, atlas: Atlas, recorder: Recorder
) -> None:
    original, made, info = map_clip(tiny_composer, atlas, recorder, 4)
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
        map_clip(tiny_composer, atlas, recorder, index)


def test_an_upload_is_placed_and_what_is_recognised_is_told(
    tiny_composer: Composer, atlas: Atlas, recorder: Recorder, midi_file: Callable[..., Path]
) -> None:
    upload = read_upload(midi_file(title="Mine"))
    take, placement, heard = place(tiny_composer, atlas, recorder, upload)
    assert take.title == "Your music: Mine, bars 1 to 4"
    assert list(placement.distances) == sorted(placement.distances)
    assert sum(placement.weights) == pytest.approx(1)
    assert list(placement.weights) == sorted(placement.weights, reverse=True)
    assert heard == inferred(tiny_composer, upload.clip(0))


def test_classes_of_mood_become_quadrants(
    emotional_composer: Composer, clip_of: Callable[..., Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "style": {"folk": 0.9, "rock": 0.1},
        "valence": {"6": 0.75, "0": 0.25},
        "arousal": {"7": 0.6, "1": 0.4},
    }
    monkeypatch.setattr(emotional_composer, "recognise", lambda clips: [found])
    heard = inferred(emotional_composer, clip_of())
    assert dict(heard.quadrants) == pytest.approx({"Q1": 0.45, "Q4": 0.3, "Q2": 0.15, "Q3": 0.1})
    assert heard.told().splitlines()[2:] == [
        "- style: folk 90 % · rock 10 %",
        "- mood: happy, excited 45 % · calm, content 30 % · tense 15 %",
    ]
    assert Inferred().told() == ""
