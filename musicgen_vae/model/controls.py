"""Controls c: what a person may ask of a clip, and the integers the model reads.

A control is either unspecified or one of a few classes. Some hold for the whole clip (style, mode,
meter, tempo, place), some for each bar (density, polyphony, register, syncopation, chord, roles).
This module knows which controls exist and how they are measured; it does not embed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
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

METERS = ("4/4", "3/4", "6/8", "other")
CLIP_CONTROLS = ("style", "mode", "meter", "tempo", "place")
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
    """

    styles: tuple[str, ...]
    edges: Edges
    roles: tuple[Role, ...]

    @property
    def clip_sizes(self) -> tuple[int, ...]:
        """Number of classes of each of ``CLIP_CONTROLS``, without "unspecified"."""
        return (len(self.styles), len(Mode), len(METERS), N_CLASSES, len(Place))

    @property
    def bar_sizes(self) -> tuple[int, ...]:
        """Number of classes of each of ``BAR_CONTROLS``, without "unspecified"."""
        return (*(N_CLASSES for _ in ORDINAL), N_CHORDS, N_ROLE_SETS)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; ``from_dict`` is its exact inverse."""
        return {
            "styles": list(self.styles),
            "edges": {name: list(values) for name, values in self.edges.values.items()},
            "roles": [role.label for role in self.roles],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ControlSpec:
        """The spec that ``to_dict`` described."""
        return cls(
            styles=tuple(data["styles"]),
            edges=Edges(values={k: tuple(v) for k, v in data["edges"].items()}),
            roles=tuple(Role.parse(label) for label in data["roles"]),
        )


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
        density, polyphony, register, syncopation: class 0 to 7 for each of the 4 bars.
        chord: class 0 to ``N_CHORDS`` - 1 for each bar, relative to C.
        roles: set of roles (bits) for each bar, 0 to 15.
    """

    style: str | None = None
    mode: Mode | None = None
    meter: Meter | None = None
    tempo: int | None = None
    place: Place | None = None
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
        known = {field.name for field in fields(cls)}
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
        """Integers of shape (5,) for the clip and (4, 6) for its bars.

        Raises:
            ControlError: if a value is not one of the spec's classes.
        """
        if self.style is not None and self.style not in spec.styles:
            raise ControlError(f"unknown style {self.style!r}; known are {', '.join(spec.styles)}")
        clip = [
            None if self.style is None else spec.styles.index(self.style),
            None if self.mode is None else list(Mode).index(self.mode),
            None if self.meter is None else meter_class(self.meter),
            self.tempo,
            None if self.place is None else list(Place).index(self.place),
        ]
        bar = [getattr(self, name) for name in BAR_CONTROLS]
        for name, size, value in zip(CLIP_CONTROLS, spec.clip_sizes, clip, strict=True):
            _check_range(name, size, (value,))
        for name, size, values in zip(BAR_CONTROLS, spec.bar_sizes, bar, strict=True):
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
    if name == "tempo":
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
) -> tuple[ControlArray, ControlArray]:
    """What a clip is like as control arrays: shape (5,) for the clip and (4, 6) for its bars.

    What cannot be measured (the register of a silent bar) is unspecified.
    """
    clip = np.array(
        [
            0 if style is None or style not in spec.styles else spec.styles.index(style) + 1,
            0 if mode is None else list(Mode).index(mode) + 1,
            meter_class(meter) + 1,
            spec.edges.classify("tempo", np.float64(tempo_qpm)) + 1,
            0 if place is None else list(Place).index(place) + 1,
        ],
        dtype=np.int64,
    )
    bar = np.zeros((BARS_PER_CLIP, len(BAR_CONTROLS)), dtype=np.int64)
    n_bars = len(bars.roles)
    for column, name in enumerate(ORDINAL):
        bar[:n_bars, column] = spec.edges.classify(name, getattr(bars, name)) + 1
    bar[:n_bars, -2] = bars.chord + 1
    bar[:n_bars, -1] = bars.roles + 1
    return clip, bar
