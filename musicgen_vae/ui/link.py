"""Links that make a result again: what was asked for, the seed and the checkpoint, as a query.

Every value of a link comes from a stranger and is checked. Nothing here knows the model or Gradio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from musicgen_vae.errors import ControlError
from musicgen_vae.music.attributes import ORDINAL
from musicgen_vae.music.clip import BARS_PER_CLIP
from musicgen_vae.ui.creating import SampleRequest
from musicgen_vae.ui.texts import text

CHECKPOINT = "checkpoint"
_DEFAULTS = SampleRequest()
_TEXTS = ("style", "mode", "key", "meter", "form", "prior")
_WHOLE = ("seed", "variations", "repetition")
_NAMES = tuple(field.name for field in fields(SampleRequest))
_LONGEST = 64
_FREE = "-"


def to_query(request: SampleRequest, checkpoint: str) -> str:
    """The query of a link, without question mark: all that differs from the default, the seed."""
    values = {
        name: _write(name, getattr(request, name))
        for name in _NAMES
        if name == "seed" or getattr(request, name) != getattr(_DEFAULTS, name)
    }
    return urlencode(values | {CHECKPOINT: checkpoint})


def is_link(query: Mapping[str, str]) -> bool:
    """Whether an address with this query asks for a result, perhaps one that nobody can make."""
    return "seed" in query and CHECKPOINT in query


def from_query(query: Mapping[str, str]) -> tuple[SampleRequest, str] | None:
    """What a link asks for, and the checkpoint it was made with; None if it is no such link.

    Fields that are none of a request's are left alone: others may add some.

    Raises:
        ControlError: if a value is none that a request can have.
    """
    if not is_link(query):
        return None
    values = {name: _read(name, query[name]) for name in _NAMES if name in query}
    checkpoint = query[CHECKPOINT]
    if len(checkpoint) > _LONGEST or not checkpoint.isalnum():
        raise ControlError(text("link_bad", name=CHECKPOINT))
    return SampleRequest(**values), checkpoint


def _write(name: str, value: Any) -> str:
    if name in ORDINAL and not isinstance(value, int) and value is not None:
        return "".join(_FREE if level is None else str(level) for level in value)
    return _FREE if value is None else str(value)


def _read(name: str, value: str) -> Any:
    """The value of a field; its range is the request's business."""
    if len(value) > _LONGEST:
        raise ControlError(text("link_bad", name=name))
    if value == _FREE:
        return None
    if name in _TEXTS:
        return value
    try:
        if name in ORDINAL:
            if len(value) == 1:
                return int(value)
            levels = tuple(None if level == _FREE else int(level) for level in value)
            if len(levels) == BARS_PER_CLIP:
                return levels
        elif name in _WHOLE:
            return int(value)
        else:
            return float(value)
    except ValueError:
        pass
    raise ControlError(text("link_bad", name=name))
