"""Limits that several kinds of request share, and how a request that breaks one is refused.

They are enforced here and not by sliders, which programs do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import BARS_PER_CLIP
from musicgen_vae.ui.texts import text

MAX_CLIPS = 32
"""Clips that one request may write or reconstruct: 128 bars."""
MAX_SEED = 2**31 - 1
Check = Callable[[], None]
"""Called often while work goes on; may raise to stop it."""


def check_clips(n: int, clips_each: int) -> None:
    """Raise ``ControlError`` if ``n`` results of so many clips each are more than may be made."""
    total = n * clips_each
    if total > MAX_CLIPS:
        raise ControlError(
            text(
                "limit_clips",
                n=n,
                bars=BARS_PER_CLIP * clips_each,
                total=BARS_PER_CLIP * total,
                limit=BARS_PER_CLIP * MAX_CLIPS,
            )
        )


def check_range(
    name: str, value: float | None, low: float, high: float, *, optional: bool = False
) -> None:
    """Raise ``ControlError`` unless ``low`` <= ``value`` <= ``high``, or it may be missing."""
    if value is None and optional:
        return
    if value is None or not low <= value <= high:
        shown = text("nothing") if value is None else value
        raise ControlError(text("limit", name=name, value=shown, low=low, high=high))


def check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    """Raise ``ControlError`` unless ``value`` is one of ``choices`` or None."""
    if value is not None and value not in choices:
        raise ControlError(text("limit_choice", name=name, value=value, choices=", ".join(choices)))
