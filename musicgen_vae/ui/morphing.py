"""What lies between two clips: requests in, takes out.

Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite, nan
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import ClipError, ControlError
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.music.crossfade import crossfade
from musicgen_vae.ui.limits import Check, check_choice, check_range, in_time
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas
    from musicgen_vae.generation.composer import Composer
    from musicgen_vae.generation.trajectory import KeyChoice, LatentPath, Morph

FloatArray = NDArray[np.float32]
MIN_STEPS, MAX_STEPS = 2, 17
KEY_CHOICES = ("a", "b", "switch")
PATHS = ("line", "circle")
_LESSON = 1.05
"""How many times the morph's cost a cross-fade must cost until the page says that it costs more."""
ROLES = tuple(role.label for role in Role)


class _Settings(TypedDict):
    steps: int
    key: KeyChoice
    path: LatentPath
    keep: Role | None


@dataclass(frozen=True, kw_only=True)
class MorphRequest:
    """What lies between a clip of one file and a clip of another.

    Attributes:
        a, b: the files.
        clip_a, clip_b: which clips of them, counted from 0.
        steps: 2 to 17, ends included.
        key: whose key and meter, one of ``KEY_CHOICES``.
        path: one of ``PATHS``.
        keep: a role of A that stays as it is, one of ``ROLES``; the key must then be A's.

    Raises:
        ControlError: if anything is outside these bounds.
    """

    a: Upload
    b: Upload
    clip_a: int = 0
    clip_b: int = 0
    steps: int = 9
    key: str = "a"
    path: str = "line"
    keep: str | None = None

    def __post_init__(self) -> None:
        check_range("steps", self.steps, MIN_STEPS, MAX_STEPS)
        check_choice("key", self.key, KEY_CHOICES)
        check_choice("path", self.path, PATHS)
        check_choice("keep", self.keep, ROLES)
        if self.keep and self.key != "a":
            raise ControlError(text("morph_keep_key"))

    @property
    def ends(self) -> tuple[Clip, Clip]:
        """The clips of both files.

        Raises:
            ControlError: if there is none, or A has not what it should keep.
        """
        a, b = self.a.clip(self.clip_a), self.b.clip(self.clip_b)
        if self.keep and Role.parse(self.keep) not in a.roles:
            raise ControlError(text("morph_keep_missing", role=text(f"role_{self.keep}")))
        return a, b

    @property
    def settings(self) -> _Settings:
        """The rest, as ``Composer`` takes it."""
        return {
            "steps": self.steps,
            "key": cast("KeyChoice", self.key),
            "path": cast("LatentPath", self.path),
            "keep": Role.parse(self.keep) if self.keep else None,
        }


def morph(composer: Composer, request: MorphRequest, check: Check | None = None) -> Morph:
    """The steps of a morph as clips, and their z.

    Raises:
        ClipError: if the model can read no note of one of the clips.
    """
    (made,) = composer.morph_each([request.ends], **request.settings, check=in_time(check))
    return made


@dataclass(frozen=True, kw_only=True)
class MorphTakes:
    """The steps of a morph that are there to be heard so far; S steps.

    Attributes:
        takes: one of each step; None where there is none yet.
        z: of each step, as the decoder was shown it, shape (S, 4, D).
    """

    takes: list[Take | None]
    z: FloatArray


@lendable
def morphing(
    composer: Composer,
    recorder: Recorder,
    request: MorphRequest,
    *,
    focus: Callable[[], int],
    check: Check,
) -> Iterator[MorphTakes]:
    """The steps of a morph as takes, growing: both ends first, then what is nearest ``focus``.

    Args:
        composer: the model.
        recorder: makes the takes.
        request: what is asked.
        focus: tells the step that is looked at, counted from 1; asked anew for every step.
        check: called often; may raise to stop.
    """
    made = morph(composer, request, check)
    clips, z = made.clips, made.z.cpu().numpy()
    n = len(clips)
    takes: list[Take | None] = [None] * n
    waiting = set(range(n))
    while waiting:
        check()
        at = focus() - 1
        # The first end, the other end, then outwards from where the visitor is.
        step = min(waiting, key=lambda i: (i not in (0, n - 1), abs(i - at), i))
        waiting.remove(step)
        takes[step] = recorder.take(
            [clips[step]],
            title=step_title(step + 1, n, (request.a.title, request.b.title)),
            name=f"morph-step{step + 1}",
            beside=(clips[0], clips[-1]),
            parameters=_morph_parameters(request) | {"step": step + 1},
        )
        yield MorphTakes(takes=list(takes), z=z)


def step_title(step: int, n_steps: int, titles: Sequence[str]) -> str:
    """What a step of a morph is called; both ends are the model's own rendering."""
    a, b = titles
    if step in (1, n_steps):
        return text("step_end", title=a if step == 1 else b)
    share = round(100 * (step - 1) / (n_steps - 1))
    return text("step_between", share=share, a=a, b=b)


@dataclass(frozen=True, kw_only=True)
class MorphPath:
    """Where a morph leads, and what its steps cost; S steps.

    A cost is minus the ELBO of the notes, in nats a note: how little the model expects them. It is
    NaN where there are no notes, or more than the model can read.

    Attributes:
        distances: Euclidean distance of each step's z from A's, shape (S,).
        costs: of each step, shape (S,).
        fade_costs: of each step of the naive cross-fade, shape (S,).
        places: x and y of each step on the map by the name of the layout; empty without a map that
            the same model drew.
    """

    distances: tuple[float, ...]
    costs: tuple[float, ...]
    fade_costs: tuple[float, ...]
    places: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def plain(self) -> dict[str, list[float | None]]:
        """Distances and costs as JSON takes them."""
        named = {
            "distances": self.distances,
            "nats_per_note": self.costs,
            "crossfade_nats_per_note": self.fade_costs,
        }
        return {
            name: [round(value, 3) if isfinite(value) else None for value in values]
            for name, values in named.items()
        }


@lendable
def morph_path(
    composer: Composer,
    recorder: Recorder,
    z: FloatArray,
    clips: Sequence[Clip],
    atlas: Atlas | None = None,
) -> MorphPath:
    """The path of a morph.

    Args:
        composer: the model.
        recorder: lends a GPU, if there is one.
        z: of its steps, shape (S, 4, D).
        clips: its steps.
        atlas: the map; left out if another model drew it.
    """
    places: dict[str, tuple[tuple[float, float], ...]] = {}
    if atlas is not None and atlas.z is not None and atlas.checkpoint == recorder.checkpoint:
        placed = [atlas.place(one).places for one in z]
        places = {name: tuple(at[name] for at in placed) for name in atlas.layouts}
    return MorphPath(
        distances=tuple(np.linalg.norm((z - z[:1]).reshape(len(z), -1), axis=1).tolist()),
        costs=_costs(composer, clips),
        fade_costs=_costs(composer, _faded(clips)),
        places=places,
    )


def _costs(composer: Composer, clips: Sequence[Clip]) -> tuple[float, ...]:
    costs = [nan] * len(clips)
    try:
        nats = composer.elbo(clips).tolist()
    except ClipError:
        # Silence, or too many notes, in some of them.
        nats = [nan] * len(clips)
        for i, clip in enumerate(clips):
            with suppress(ClipError):
                (nats[i],) = composer.elbo([clip]).tolist()
    for i, (clip, value) in enumerate(zip(clips, nats, strict=True)):
        if isfinite(value):
            costs[i] = -value / len(composer.fit(clip).notes)
    return tuple(costs)


def path_lesson(path: MorphPath) -> str:
    """What the costs say, in one or two sentences; empty where there are too few of them."""
    parts = (path.costs[:1] + path.costs[-1:], path.costs[1:-1], path.fade_costs[1:-1])
    known = [[cost for cost in part if isfinite(cost)] for part in parts]
    if not all(known):
        return ""
    ends, morph, fade = (fmean(part) for part in known)
    said = text("path_lesson", ends=f"{ends:.1f}", morph=f"{morph:.1f}", fade=f"{fade:.1f}")
    return f"{said} {text('path_lesson_holds' if fade > _LESSON * morph else 'path_lesson_fails')}"


def path_table(path: MorphPath) -> str:
    """The numbers of each step as a Markdown table."""
    names = ("axis_step", "chart_distance", "chart_cost", "chart_fade")
    lines = [" | ".join(text(name) for name in names), " | ".join("--:" for _ in names)]
    for i, row in enumerate(zip(path.distances, path.costs, path.fade_costs, strict=True), 1):
        shown = (f"{value:.1f}" if isfinite(value) else "–" for value in row)
        lines.append(" | ".join((str(i), *shown)))
    return "\n".join(f"| {line} |" for line in lines)


def morph_whole(
    recorder: Recorder, clips: Sequence[Clip], parameters: dict[str, Any] | None = None
) -> Take:
    """All steps of a morph, one after another."""
    return recorder.take(
        clips,
        title=text("whole_title", steps=len(clips)),
        name="morph",
        parameters=parameters or {"steps": len(clips)},
    )


def naive_fade(recorder: Recorder, clips: Sequence[Clip]) -> Take:
    """For comparison: the notes of the first clip fading out while those of the last fade in."""
    return recorder.take(
        _faded(clips), title=text("fade_title"), name="fade", remark=text("fade_remark")
    )


def _faded(clips: Sequence[Clip]) -> list[Clip]:
    n = len(clips)
    return [crossfade(clips[0], clips[-1], i / (n - 1)) for i in range(n)]


def _morph_parameters(request: MorphRequest) -> dict[str, Any]:
    return {
        "a": request.a.clip_title(request.clip_a),
        "b": request.b.clip_title(request.clip_b),
        "steps": request.steps,
        "key": request.key,
        # Not "path": clients of the API take every value with that key for a file.
        "latent_path": request.path,
        "keep": request.keep,
    }


@lendable
def morph_all(
    composer: Composer, recorder: Recorder, request: MorphRequest
) -> tuple[Take, dict[str, Any]]:
    """The whole morph, and as plain values its parameters, path and what each step is like."""
    made = morph(composer, request)
    clips, parameters = made.clips, _morph_parameters(request)
    along = morph_path(composer, recorder, made.z.cpu().numpy(), clips).plain()
    info = recorder.information(parameters, clips) | {"along": along}
    return morph_whole(recorder, clips, parameters), info
