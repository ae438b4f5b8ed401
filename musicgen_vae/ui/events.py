"""How events are wired: who waits for whom, who may call, and what a visitor is told of errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from musicgen_vae.errors import InputError, RenderError
from musicgen_vae.ui.texts import text

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Options of an event that only the page calls."""
QUEUED: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
"""Options of an event that calls the model: one at a time, however many there are."""
RENDERED: dict[str, Any] = {"concurrency_id": "render", "concurrency_limit": 2}
"""Options of an event that only makes sound."""
MAX_QUEUE = 32


def plain(error: Exception) -> str:
    """The error's one line as text for a message, which Gradio reads as markup."""
    return escape(str(error), quote=False)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (InputError, RenderError) as error:
        raise gr.Error(plain(error), title=text("error_title"), print_exception=False) from error


def telling(handler: Callable[..., Any]) -> Callable[..., Any]:
    """``handler``, or a generator, with its expected errors shown to the visitor as one line."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _told():
                yield from handler(*args, **kwargs)

        return generator

    @wraps(handler)
    def function(*args: Any, **kwargs: Any) -> Any:
        with _told():
            return handler(*args, **kwargs)

    return function
