"""Four bars of music and what shall stay of them: requests in, takes out.

Limits are enforced here; nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.defaults import STEER_GUIDANCE
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Role
from musicgen_vae.ui.creating import SampleRequest
from musicgen_vae.ui.limits import MAX_SEED, Check, check_choice, check_range, in_time
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer

MAX_STEER_GUIDANCE = 16.0
ACTIONS = ("regenerate", "harmonise", "accompany", "continue", "transfer")
_KEPT = {
    "harmonise": (Role.MELODY, Role.DRUMS),
    "accompany": (Role.MELODY,),
}


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Four bars of a tune, as a visitor chose them.

    Attributes:
        upload: the tune.
        clip: which four bars of it, counted from 0.
    """

    upload: Upload
    clip: int = 0


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """What shall become of a clip.

    Attributes:
        upload: the music.
        clip: which four bars of it, counted from 0.
        action: one of ``ACTIONS``.
        roles: labels of the roles that ``regenerate`` keeps.
        bars: bars that it keeps whole, counted from 1.
        style, mode, valence, arousal: what ``transfer`` changes, as in ``SampleRequest``.
        guidance: how far it goes, 1 to ``MAX_STEER_GUIDANCE``.
        seed: of the result.

    Raises:
        ControlError: if anything is outside these bounds.
    """

    upload: Upload
    clip: int = 0
    action: str = "regenerate"
    roles: Sequence[str] = ()
    bars: Sequence[int] = ()
    style: str | None = None
    mode: str | None = None
    valence: float | None = None
    arousal: float | None = None
    guidance: float = STEER_GUIDANCE
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("action", self.action, ACTIONS)
        for role in self.roles:
            check_choice("role", role, [role.label for role in Role])
        for bar in self.bars:
            check_range("bar", bar, 1, BARS_PER_CLIP)
        check_range("guidance", self.guidance, 1.0, MAX_STEER_GUIDANCE)
        check_range("seed", self.seed, 0, MAX_SEED)
        self._asked()

    def _asked(self) -> SampleRequest:
        return SampleRequest(
            style=self.style, mode=self.mode, valence=self.valence, arousal=self.arousal
        )

    def controls(self, composer: Composer) -> Controls:
        """What ``transfer`` asks; the meter stays the clip's."""
        return replace(self._asked().controls(composer.spec), meter=None)

    def parameters(self) -> dict[str, Any]:
        """The request as plain values."""
        said = {
            "title": self.upload.clip_title(self.clip),
            "action": self.action,
            "roles": list(self.roles),
            "bars": list(self.bars),
            "style": self.style,
            "mode": self.mode,
            "valence": self.valence,
            "arousal": self.arousal,
            "guidance": self.guidance if self.action == "transfer" else None,
            "seed": self.seed,
        }
        return {name: value for name, value in said.items() if value not in (None, [])}


def edited(composer: Composer, request: EditRequest, check: Check | None = None) -> list[Clip]:
    """The clip as it was asked for; with "continue" itself and what follows.

    Raises:
        ControlError: if nothing is left to write, or nothing is to change.
    """
    clip = request.upload.clip(request.clip)
    check = in_time(check)
    if request.action == "transfer":
        controls = request.controls(composer)
        if controls == Controls():
            raise ControlError(text("edit_unchanged"))
        moved = composer.transfer(
            clip, controls, guidance=request.guidance, seed=request.seed, check=check
        )
        return [moved]
    if request.action == "continue":
        empty = replace(composer.fit(clip).keep(()), n_bars=BARS_PER_CLIP)
        return [clip, *composer.complete(empty, before=clip, seed=request.seed, check=check)]
    if request.action == "regenerate":
        keep = [Role.parse(label) for label in request.roles]
        bars = [bar for bar in range(clip.n_bars) if bar + 1 not in request.bars]
        return composer.complete(clip, keep=keep, bars=bars, seed=request.seed, check=check)
    kept = _KEPT[request.action]
    return composer.complete(clip, keep=kept, seed=request.seed, check=check)


@lendable
def edit(
    composer: Composer, recorder: Recorder, request: EditRequest, check: Check | None = None
) -> Take:
    """``edited`` as a take."""
    return recorder.take(
        edited(composer, request, check),
        title=text(
            "edit_title",
            title=request.upload.clip_title(request.clip),
            action=text(f"action_{request.action}"),
        ),
        name=f"musicgen-{request.action}",
        parameters=request.parameters(),
    )
