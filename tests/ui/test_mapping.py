from __future__ import annotations

import pytest

from musicgen_vae.errors import InputError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.ui.mapping import map_clip
from musicgen_vae.ui.takes import Recorder


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
