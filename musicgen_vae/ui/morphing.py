"""What lies between two clips: requests in, takes out.

Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from musicgen_vae.music.clip import Clip
from musicgen_vae.music.crossfade import crossfade
from musicgen_vae.ui.limits import Check, check_choice, check_range, in_time
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer, KeyChoice, LatentPath

MIN_STEPS, MAX_STEPS = 2, 17
KEY_CHOICES = ("a", "b", "switch")
PATHS = ("line", "circle")


@dataclass(frozen=True, kw_only=True)
class MorphRequest:
    """What lies between a clip of one file and a clip of another.

    Attributes:
        a, b: the files.
        clip_a, clip_b: which clips of them, counted from 0.
        steps: 2 to 17, ends included.
        key: whose key and meter, one of ``KEY_CHOICES``.
        path: one of ``PATHS``.

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

    def __post_init__(self) -> None:
        check_range("steps", self.steps, MIN_STEPS, MAX_STEPS)
        check_choice("key", self.key, KEY_CHOICES)
        check_choice("path", self.path, PATHS)


def interpolate(
    composer: Composer, request: MorphRequest, check: Check | None = None
) -> tuple[Clip, ...]:
    """The steps of a morph as clips.

    Raises:
        ClipError: if the model can read no note of one of the clips.
    """
    return tuple(
        composer.interpolate(
            request.a.clip(request.clip_a),
            request.b.clip(request.clip_b),
            steps=request.steps,
            key=cast("KeyChoice", request.key),
            path=cast("LatentPath", request.path),
            check=in_time(check),
        )
    )


@lendable
def morphing(
    composer: Composer,
    recorder: Recorder,
    request: MorphRequest,
    *,
    focus: Callable[[], int],
    check: Check,
) -> Iterator[list[Take | None]]:
    """The steps of a morph as takes, growing: both ends first, then what is nearest ``focus``.

    Args:
        composer: the model.
        recorder: makes the takes.
        request: what is asked.
        focus: tells the step that is looked at, counted from 1; asked anew for every step.
        check: called often; may raise to stop.
    """
    clips = interpolate(composer, request, check)
    n = len(clips)
    costs = [-float(value) for value in composer.elbo(clips)] if all(c.notes for c in clips) else []
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
            more_facts=(text("fact_cost", value=round(costs[step])),) if costs else (),
            beside=(clips[0], clips[-1]),
            parameters=_morph_parameters(request) | {"step": step + 1},
        )
        yield list(takes)


def step_title(step: int, n_steps: int, titles: Sequence[str]) -> str:
    """What a step of a morph is called; both ends are the model's own rendering."""
    a, b = titles
    if step in (1, n_steps):
        return text("step_end", title=a if step == 1 else b)
    share = round(100 * (step - 1) / (n_steps - 1))
    return text("step_between", share=share, a=a, b=b)


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
    n = len(clips)
    faded = [crossfade(clips[0], clips[-1], i / (n - 1)) for i in range(n)]
    return recorder.take(faded, title=text("fade_title"), name="fade", remark=text("fade_remark"))


def _morph_parameters(request: MorphRequest) -> dict[str, Any]:
    return {
        "a": request.a.clip_title(request.clip_a),
        "b": request.b.clip_title(request.clip_b),
        "steps": request.steps,
        "key": request.key,
        # Not "path": clients of the API take every value with that key for a file.
        "latent_path": request.path,
    }


@lendable
def morph_all(
    composer: Composer, recorder: Recorder, request: MorphRequest
) -> tuple[Take, dict[str, Any]]:
    """The whole morph with its parameters and what each step is like, as plain values."""
    clips = interpolate(composer, request)
    parameters = _morph_parameters(request)
    return morph_whole(recorder, clips, parameters), recorder.information(parameters, clips)
