"""How events are wired: who waits for whom, who may call, and what a visitor is told of errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from musicgen_vae.errors import MusicGenError
from musicgen_vae.ui.language import visitor_language
from musicgen_vae.ui.texts import speaking, text
from musicgen_vae.ui.visit import Stopped, Visit

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Options of an event that only the page calls."""
QUEUED: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
"""Options of an event that calls the model: one at a time, however many there are."""
RENDERED: dict[str, Any] = {"concurrency_id": "render", "concurrency_limit": 2}
"""Options of an event that only makes sound."""
AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
"""Options of an event that takes no time and waits for nobody."""
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}
"""Options of an event of a choice that may change again while the last one is still answered:
Gradio would otherwise forget it, and the page would show one thing and say another."""
UNSEEN = "hidden"
"""Visibility of what is in the page but not seen. Gradio 6 may lose what is put into a component
that was not in the page (visible=False) and appears with the same event."""
MAX_QUEUE = 32


def plain(error: Exception) -> str:
    """The error's one line as text for a message, which Gradio reads as markup."""
    return escape(str(error), quote=False)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Stopped:
        raise
    except MusicGenError as error:
        raise gr.Error(plain(error), title=text("error_title"), print_exception=False) from error


def telling(handler: Callable[..., Any]) -> Callable[..., Any]:
    """``handler``, or a generator, in the visitor's language.

    Its expected errors are shown as one line. When the visitor says stop it ends and what is shown
    stays.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            # Each step may run in another thread: the language is set anew around every one.
            language = visitor_language()
            steps = handler(*args, **kwargs)
            while True:
                try:
                    with speaking(language), _told():
                        step = next(steps)
                except (StopIteration, Stopped):
                    return
                yield step

        return generator

    @wraps(handler)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            with speaking(visitor_language()), _told():
                return handler(*args, **kwargs)
        except Stopped:
            return gr.skip()

    return function


def runs(
    trigger: Callable[..., Any],
    handler: Callable[..., Any],
    inputs: Any,
    outputs: Any,
    *,
    stop: gr.Button,
    visit: gr.State,
    **options: Any,
) -> Any:
    """Call the model on ``trigger``; ``stop`` is seen meanwhile and ends it.

    The work ends at its next check, which frees the model; Gradio forgets what still waits.
    """
    shown, hidden = gr.update(visible=True), gr.update(visible=False)
    trigger(lambda: shown, outputs=stop, **AT_ONCE, **PRIVATE)
    event = trigger(telling(handler), inputs, outputs, **QUEUED, **PRIVATE, **options)
    # Gradio 6 has events after an error of their own.
    for after in (event.then, event.failure):
        after(lambda: hidden, outputs=stop, **AT_ONCE, **PRIVATE)

    def on_stop(visit: Visit) -> Any:
        visit.stop()
        return hidden

    stop.click(on_stop, visit, stop, cancels=[event], **AT_ONCE, **PRIVATE)
    return event
