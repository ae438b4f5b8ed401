"""Controls c: what a person may ask of a clip, and the integers the model reads.

A control is either unspecified or one of a few classes. Some hold for the whole clip (style, mode,
meter, tempo, place), some for each bar (density, polyphony, register, syncopation, chord, roles).
This module knows which controls exist and how they are measured; it does not embed them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import ControlError
from musicgen_vae.music.attributes import (
    N_CHORDS,
    N_CLASSES,
    N_ROLE_SETS,
    ORDINAL,
    BarAttributes,
    Edges,
)
from musicgen_vae.music.clip import BARS_PER_CLIP, Meter, Mode, Place, Role
from musicgen_vae.music.emotion import ANY_STYLE, Emotion

METERS = ("4/4", "3/4", "6/8", "other")
CLIP_CONTROLS = (
    "style", "mode", "meter", "tempo", "place", "valence", "arousal", "repetition",
)  # fmt: skip
"""Every clip control there is; a checkpoint knows those of its ``ControlSpec``."""
_FIRST_CONTROLS = CLIP_CONTROLS[:5]
BAR_CONTROLS = (*ORDINAL, "chord", "roles")

Classes = tuple[int | None, ...]
"""One class per bar (4 of them); None is unspecified."""
UNSPECIFIED: Classes = (None,) * BARS_PER_CLIP

ControlArray = NDArray[np.int64]
"""0 is unspecified; class i is i + 1."""


@dataclass(frozen=True, kw_only=True)
class ControlSpec:
    """The controls of one checkpoint.

    Attributes:
        styles: names of the styles in the training data.
        edges: inner edges of the ordinal classes, as measured on the training data.
        roles: the roles whose notes the training data has; others are left out of what is encoded.
        clip_controls: those of ``CLIP_CONTROLS`` that the checkpoint was trained with.
        emotion_edges: edges of valence and arousal within each style, so that no style is all
            "excited"; under ``ANY_STYLE`` those of all styles together.
    """

    styles: tuple[str, ...]
    edges: Edges
    roles: tuple[Role, ...]
    clip_controls: tuple[str, ...] = CLIP_CONTROLS
    emotion_edges: Mapping[str, Edges] = field(default_factory=dict)

    @property
    def clip_sizes(self) -> tuple[int, ...]:
        """Number of classes of each of ``clip_controls``, without "unspecified"."""
        sizes = {
            "style": len(self.styles),
            "mode": len(Mode),
            "meter": len(METERS),
            "place": len(Place),
        }
        return tuple(sizes.get(name, N_CLASSES) for name in self.clip_controls)

    @property
    def bar_sizes(self) -> tuple[int, ...]:
        """Number of classes of each of ``BAR_CONTROLS``, without "unspecified"."""
        return (*(N_CLASSES for _ in ORDINAL), N_CHORDS, N_ROLE_SETS)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of classes of each control by name: those of the clip, then those of the bars."""
        return dict(
            zip(
                (*self.clip_controls, *BAR_CONTROLS),
                (*self.clip_sizes, *self.bar_sizes),
                strict=True,
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; ``from_dict`` is its exact inverse."""
        return {
            "styles": list(self.styles),
            "edges": _plain_edges(self.edges),
            "roles": [role.label for role in self.roles],
            "clip_controls": list(self.clip_controls),
            "emotion_edges": {
                style: _plain_edges(edges) for style, edges in self.emotion_edges.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ControlSpec:
        """The spec that ``to_dict`` described."""
        return cls(
            styles=tuple(data["styles"]),
            edges=_read_edges(data["edges"]),
            roles=tuple(Role.parse(label) for label in data["roles"]),
            clip_controls=tuple(data.get("clip_controls", _FIRST_CONTROLS)),
            emotion_edges={
                style: _read_edges(edges) for style, edges in data.get("emotion_edges", {}).items()
            },
        )

    def emotion_class(self, name: str, value: float, style: str | None) -> int:
        """Class 0 to 7 of a valence or arousal (-1 to 1) among clips of its style."""
        edges = self.emotion_edges.get(style or ANY_STYLE) or self.emotion_edges[ANY_STYLE]
        return int(edges.classify(name, np.float64(value)))


def _plain_edges(edges: Edges) -> dict[str, list[float]]:
    return {name: list(values) for name, values in edges.values.items()}


def _read_edges(data: Mapping[str, Sequence[float]]) -> Edges:
    return Edges(values={name: tuple(values) for name, values in data.items()})


def meter_class(meter: Meter) -> int:
    """Index into ``METERS``."""
    name = str(meter)
    return METERS.index(name) if name in METERS else len(METERS) - 1


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What is asked of a clip; None means unspecified.

    Attributes:
        style: one of the spec's styles.
        mode: major or minor.
        meter: of every bar.
        tempo: class 0 (slow) to 7 (fast).
        place: where in its piece the clip stands.
        valence: class 0 (negative) to 7 (positive), within the style.
        arousal: class 0 (calm) to 7 (excited), within the style.
        repetition: class 0 (every bar new) to 7 (bars alike).
        density, polyphony, register, syncopation: class 0 to 7 for each of the 4 bars.
        chord: class 0 to ``N_CHORDS`` - 1 for each bar, relative to C.
        roles: set of roles (bits) for each bar, 0 to 15.
    """

    style: str | None = None
    mode: Mode | None = None
    meter: Meter | None = None
    tempo: int | None = None
    place: Place | None = None
    valence: int | None = None
    arousal: int | None = None
    repetition: int | None = None
    density: Classes = UNSPECIFIED
    polyphony: Classes = UNSPECIFIED
    register: Classes = UNSPECIFIED
    syncopation: Classes = UNSPECIFIED
    chord: Classes = UNSPECIFIED
    roles: Classes = UNSPECIFIED

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Controls:
        """Controls from plain values: text, numbers, or one number per bar.

        A single number for a bar control holds for all four bars; None or "" is unspecified.

        Raises:
            ControlError: if a name is unknown or a value has the wrong form.
        """
        known = {one.name for one in fields(cls)}
        result: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ControlError(
                    f"unknown control {name!r}; known are {', '.join(sorted(known))}"
                )
            if value is None or value == "":
                continue
            try:
                result[name] = _parse_value(name, value)
            except (TypeError, ValueError) as error:
                if isinstance(error, ControlError):
                    raise
                raise ControlError(f"{value!r} is no value for the control {name}") from error
        return cls(**result)

    def arrays(self, spec: ControlSpec) -> tuple[ControlArray, ControlArray]:
        """Integers of shape (n clip controls,) for the clip and (4, 6) for its bars.

        Raises:
            ControlError: if a value is not one of the spec's classes, or the checkpoint was not
                trained with the control.
        """
        if self.style is not None and self.style not in spec.styles:
            raise ControlError(f"unknown style {self.style!r}; known are {', '.join(spec.styles)}")
        asked = {
            "style": None if self.style is None else spec.styles.index(self.style),
            "mode": None if self.mode is None else list(Mode).index(self.mode),
            "meter": None if self.meter is None else meter_class(self.meter),
            "tempo": self.tempo,
            "place": None if self.place is None else list(Place).index(self.place),
            "valence": self.valence,
            "arousal": self.arousal,
            "repetition": self.repetition,
        }
        for name, value in asked.items():
            if value is not None and name not in spec.clip_controls:
                raise ControlError(f"this checkpoint was not trained with the control {name}")
        clip = [asked[name] for name in spec.clip_controls]
        bar = [getattr(self, name) for name in BAR_CONTROLS]
        for (name, size), values in zip(
            spec.sizes.items(), (*((value,) for value in clip), *bar), strict=True
        ):
            _check_range(name, size, values)
        bars = [[0 if v is None else v + 1 for v in values] for values in bar]
        return (
            np.array([0 if v is None else v + 1 for v in clip], dtype=np.int64),
            np.array(bars, dtype=np.int64).T.copy(),
        )


def _parse_value(name: str, value: Any) -> Any:
    if name == "mode":
        return Mode(value)
    if name == "meter":
        return value if isinstance(value, Meter) else Meter.parse(value)
    if name == "place":
        return Place(value)
    if name == "style":
        return str(value)
    if name in ("tempo", "valence", "arousal", "repetition"):
        return int(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != BARS_PER_CLIP:
            raise ControlError(f"{name} needs one class for each of {BARS_PER_CLIP} bars")
        return tuple(None if v is None or v == "" else int(v) for v in value)
    return (int(value),) * BARS_PER_CLIP


def _check_range(name: str, size: int, values: Iterable[int | None]) -> None:
    for value in values:
        if value is not None and not 0 <= value < size:
            raise ControlError(f"{name} {value} is outside 0 to {size - 1}")


def measured_arrays(
    bars: BarAttributes,
    spec: ControlSpec,
    *,
    style: str | None,
    mode: Mode | None,
    meter: Meter,
    tempo_qpm: float,
    place: Place | None,
    emotion: Emotion | None = None,
    repetition: float = math.nan,
) -> tuple[ControlArray, ControlArray]:
    """What a clip is like as control arrays: one number per clip control, (4, 6) for its bars.

    What cannot be measured (the register of a silent bar) is unspecified.
    """
    known = style if style in spec.styles else None
    measured = {
        "style": 0 if known is None else spec.styles.index(known) + 1,
        "mode": 0 if mode is None else list(Mode).index(mode) + 1,
        "meter": meter_class(meter) + 1,
        "tempo": int(spec.edges.classify("tempo", np.float64(tempo_qpm))) + 1,
        "place": 0 if place is None else list(Place).index(place) + 1,
    }
    if emotion is not None and spec.emotion_edges:
        measured["valence"] = spec.emotion_class("valence", emotion.valence, known) + 1
        measured["arousal"] = spec.emotion_class("arousal", emotion.arousal, known) + 1
    if "repetition" in spec.clip_controls:
        measured["repetition"] = int(spec.edges.classify("repetition", np.float64(repetition))) + 1
    clip = np.array([measured.get(name, 0) for name in spec.clip_controls], dtype=np.int64)
    bar = np.zeros((BARS_PER_CLIP, len(BAR_CONTROLS)), dtype=np.int64)
    n_bars = len(bars.roles)
    for column, name in enumerate(ORDINAL):
        bar[:n_bars, column] = spec.edges.classify(name, getattr(bars, name)) + 1
    bar[:n_bars, -2] = bars.chord + 1
    bar[:n_bars, -1] = bars.roles + 1
    return clip, bar
