"""Controls: parsing, arrays, measuring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.model.controls import CLIP_CONTROLS, Controls, ControlSpec, measured_arrays
from musicgen_vae.music.attributes import Edges, measure
from musicgen_vae.music.clip import Clip, Meter, Mode, Note, Place, Role
from musicgen_vae.music.emotion import ANY_STYLE, Emotion

INNER = tuple(float(i) for i in range(1, 8))


def moods(*inner: float) -> Edges:
    return Edges(values={"valence": inner, "arousal": inner})


SPEC = ControlSpec(
    styles=("folk", "pop"),
    edges=Edges(
        values={
            **dict.fromkeys(("density", "polyphony", "register", "syncopation", "tempo"), INNER),
            "repetition": tuple(i / 8 for i in range(1, 8)),
        }
    ),
    roles=(Role.MELODY, Role.HARMONY),
    emotion_edges={
        ANY_STYLE: moods(*(i / 4 - 1 for i in range(1, 8))),
        "folk": moods(*(i / 8 for i in range(1, 8))),
    },
)


def test_nothing_asked_is_all_zeros() -> None:
    clip, bar = Controls().arrays(SPEC)
    assert clip.shape == (8,)
    assert bar.shape == (4, 6)
    assert not clip.any()
    assert not bar.any()


def test_classes_are_shifted_by_one() -> None:
    controls = Controls.parse(
        {"style": "pop", "mode": "minor", "meter": "7/8", "tempo": 3, "place": "end",
         "arousal": 6, "repetition": 0, "density": 0, "register": [None, 2, "", 7]}
    )  # fmt: skip
    clip, bar = controls.arrays(SPEC)
    assert clip.tolist() == [2, 2, 4, 4, 3, 0, 7, 1]
    assert bar[:, 0].tolist() == [1, 1, 1, 1]
    assert bar[:, 2].tolist() == [0, 3, 0, 8]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"density": 8}, "density 8 is outside 0 to 7"),
        ({"tempo": -1}, "tempo -1 is outside"),
        ({"valence": 8}, "valence 8 is outside 0 to 7"),
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


def test_a_checkpoint_says_which_controls_it_knows() -> None:
    old = replace(SPEC, clip_controls=CLIP_CONTROLS[:5], emotion_edges={})
    assert Controls.parse({"tempo": 3}).arrays(old)[0].shape == (5,)
    with pytest.raises(ControlError, match="not trained with the control arousal"):
        Controls.parse({"arousal": 3}).arrays(old)
    plain = {k: v for k, v in old.to_dict().items() if k not in ("clip_controls", "emotion_edges")}
    assert ControlSpec.from_dict(plain) == old


def test_emotions_are_classed_within_their_style() -> None:
    assert SPEC.emotion_class("valence", 0.3, "folk") == 2
    assert SPEC.emotion_class("valence", 0.3, "pop") == 5
    assert SPEC.emotion_class("arousal", -1.0, None) == 0


def test_measured_values_are_the_classes_of_the_attributes() -> None:
    notes = tuple(Note(start=s, role=Role.MELODY, pitch=60, duration=12) for s in range(0, 96, 12))
    clip = Clip(notes=notes, meter=Meter(), tempo_qpm=3.5, place=Place.START)
    clip_array, bar = measured_arrays(
        measure(clip), SPEC, style="folk", mode=Mode.MAJOR, meter=clip.meter,
        tempo_qpm=clip.tempo_qpm, place=clip.place,
        emotion=Emotion(valence=0.9, arousal=-0.9), repetition=1.0,
    )  # fmt: skip
    assert clip_array.tolist() == [1, 1, 1, 4, 1, 8, 1, 8]
    assert bar[:, 0].tolist() == [2, 2, 1, 1]  # density 1, 1, 0, 0
    assert bar[:, 2].tolist() == [8, 8, 0, 0]  # no register in silent bars
    assert bar[:, 5].tolist() == [2, 2, 1, 1]  # melody only, nobody
    assert np.issubdtype(bar.dtype, np.int64)
