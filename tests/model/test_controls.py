"""Controls: parsing, arrays, measuring."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.model.controls import Controls, ControlSpec, measured_arrays
from musicgen_vae.music.attributes import Edges, measure
from musicgen_vae.music.clip import Clip, Meter, Mode, Note, Place, Role

INNER = tuple(float(i) for i in range(1, 8))
SPEC = ControlSpec(
    styles=("folk", "pop"),
    edges=Edges(
        values=dict.fromkeys(("density", "polyphony", "register", "syncopation", "tempo"), INNER)
    ),
    roles=(Role.MELODY, Role.HARMONY),
)


def test_nothing_asked_is_all_zeros() -> None:
    clip, bar = Controls().arrays(SPEC)
    assert clip.shape == (5,)
    assert bar.shape == (4, 6)
    assert not clip.any()
    assert not bar.any()


def test_classes_are_shifted_by_one() -> None:
    controls = Controls.parse(
        {"style": "pop", "mode": "minor", "meter": "7/8", "tempo": 3, "place": "end",
         "density": 0, "register": [None, 2, "", 7]}
    )  # fmt: skip
    clip, bar = controls.arrays(SPEC)
    assert clip.tolist() == [2, 2, 4, 4, 3]
    assert bar[:, 0].tolist() == [1, 1, 1, 1]
    assert bar[:, 2].tolist() == [0, 3, 0, 8]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"density": 8}, "density 8 is outside 0 to 7"),
        ({"tempo": -1}, "tempo -1 is outside"),
        ({"style": "polka"}, "unknown style 'polka'; known are folk, pop"),
        ({"loudness": 3}, "unknown control 'loudness'"),
        ({"mode": "dorian"}, "'dorian' is no value for the control mode"),
        ({"density": "many"}, "'many' is no value for the control density"),
        ({"density": [1, 2]}, "one class for each of 4 bars"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(ControlError, match=says):
        Controls.parse(values).arrays(SPEC)


def test_spec_round_trip() -> None:
    assert ControlSpec.from_dict(SPEC.to_dict()) == SPEC


def test_measured_values_are_the_classes_of_the_attributes() -> None:
    notes = tuple(Note(start=s, role=Role.MELODY, pitch=60, duration=12) for s in range(0, 96, 12))
    clip = Clip(notes=notes, meter=Meter(), tempo_qpm=3.5, place=Place.START)
    clip_array, bar = measured_arrays(
        measure(clip), SPEC, style="folk", mode=Mode.MAJOR, meter=clip.meter,
        tempo_qpm=clip.tempo_qpm, place=clip.place,
    )  # fmt: skip
    assert clip_array.tolist() == [1, 1, 1, 4, 1]
    assert bar[:, 0].tolist() == [2, 2, 1, 1]  # density 1, 1, 0, 0
    assert bar[:, 2].tolist() == [8, 8, 0, 0]  # no register in silent bars
    assert bar[:, 5].tolist() == [2, 2, 1, 1]  # melody only, nobody
    assert np.issubdtype(bar.dtype, np.int64)
