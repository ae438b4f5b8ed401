"""Limits that several kinds of request share, and how a request that breaks one is refused.

They are enforced here and not by sliders, which programs do not see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import BARS_PER_CLIP
from musicgen_vae.ui.texts import text

MAX_CLIPS = 32
"""Clips that one request may write or reconstruct: 128 bars."""
MAX_SECONDS = 60.0
"""Seconds that one request may have the model; the time it waits for its turn is not counted."""
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


def in_time(check: Check | None = None) -> Check:
    """``check``, which also raises ``ControlError`` once ``MAX_SECONDS`` have passed from now."""
    end = time.monotonic() + MAX_SECONDS

    def checked() -> None:
        if check is not None:
            check()
        if time.monotonic() > end:
            raise ControlError(text("limit_time", seconds=f"{MAX_SECONDS:g}"))

    return checked


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
