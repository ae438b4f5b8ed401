"""Requests on a GPU that is lent for each of them (Hugging Face's ZeroGPU), or else on the CPU.

On such a Space ``spaces.GPU`` runs a function in a process that was forked off and has the GPU.
Arguments and results are pickled, an exception loses all but its class, and a visitor whose time is
used up gets an error instead of music. So a request goes there as a handler's name and plain
values; model, recorder and map are those that the process was forked with; what is wrong with a
request comes back as a value; and whatever else keeps the GPU away, the CPU answers.

The main process must not use CUDA itself: there, model and renderer are on the CPU.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import wraps
from itertools import islice
from typing import Any, ParamSpec, TypeVar, cast

from musicgen_vae.errors import MusicGenError

P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[..., Any]
Borrow = Callable[[Handler], Handler]

DURATION_S = 30
"""Seconds of the GPU that a request asks for: less leaves more for the visitor's next ones."""
_RESIDENTS = ("composer", "recorder", "atlas")
"""Arguments that are not sent."""
_PER_REQUEST = ("anonymous", "human_seed")
"""What of the recorder may differ from request to request."""


def lendable(handler: Callable[P, R]) -> Callable[P, R]:
    """``handler``, answered on a GPU where its recorder has a ``lender``.

    It has an argument ``recorder``; arguments that are functions are called once, here, and give
    that answer wherever the handler runs, except that a ``check`` is called again between the
    results of a generator.
    """
    signature = inspect.signature(handler)
    yields = inspect.isgeneratorfunction(handler)

    @wraps(handler)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        named = signature.bind(*args, **kwargs).arguments
        lender: GpuLender | None = named["recorder"].lender
        if lender is None:
            return handler(*args, **kwargs)
        result: Any = (lender.stream if yields else lender.run)(answer, named)
        return cast("R", result)

    return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    """A result, or what was wrong with the request."""

    value: Any = None
    error: MusicGenError | None = None

    def get(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class _Always:
    """A function with one answer, which can be pickled."""

    answer: Any

    def __call__(self) -> Any:
        return self.answer


class GpuLender:
    """Answers requests on a GPU that is lent for each of them.

    Args:
        borrow: such as ``spaces.GPU``. A Space wants it applied before the page is launched.
    """

    def __init__(self, borrow: Borrow) -> None:
        self._residents: dict[str, Any] = {}
        self._moved: tuple[Any, Any] | None = None

        def gpu_run(handler: Handler, sent: Mapping[str, Any]) -> _Outcome:
            try:
                return _Outcome(value=handler(**self._complete(sent)))
            except MusicGenError as error:
                return _Outcome(error=error)

        def gpu_stream(handler: Handler, sent: Mapping[str, Any]) -> Iterator[_Outcome]:
            try:
                for value in handler(**self._complete(sent)):
                    yield _Outcome(value=value)
            except MusicGenError as error:
                yield _Outcome(error=error)

        self._run, self._stream = borrow(gpu_run), borrow(gpu_stream)

    def know(self, **residents: Any) -> None:
        """Tell the model, the recorder and the map, before the first request.

        Args:
            residents: ``composer``, ``recorder`` and, where there is one, ``atlas``.
        """
        self._residents = residents

    def run(self, handler: Handler, named: Mapping[str, Any]) -> Any:
        """What ``handler`` answers to its arguments, by name.

        Raises:
            MusicGenError: if it does.
        """
        try:
            outcome: _Outcome = self._run(handler, self._sent(named))
        except MusicGenError:
            raise
        except Exception as error:  # quota, queue or worker; the CPU tells if it was the request
            _say_why(error)
            return handler(**_on_cpu(named))
        return outcome.get()

    def stream(self, handler: Handler, named: Mapping[str, Any]) -> Iterator[Any]:
        """What ``handler`` yields; the CPU goes on where the GPU was lost.

        Raises:
            MusicGenError: if it does.
        """
        check = named.get("check") or (lambda: None)
        given = 0
        try:
            with closing(self._stream(handler, self._sent(named))) as outcomes:
                for outcome in outcomes:
                    check()
                    value = outcome.get()
                    given += 1
                    yield value
            return
        except MusicGenError:
            raise
        except Exception as error:
            _say_why(error)
        yield from islice(handler(**_on_cpu(named)), given, None)

    def _sent(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """What the other process gets; it was forked off with the rest."""
        for name in ("composer", "atlas"):
            if name in named and named[name] is not self._residents.get(name):
                raise LookupError(f"another {name} than the one that is known")
        sent = {
            name: _Always(value()) if callable(value) else value
            for name, value in named.items()
            if name not in _RESIDENTS
        }
        settings = {name: getattr(named["recorder"], name) for name in _PER_REQUEST}
        there = dict.fromkeys(name for name in _RESIDENTS if name in named)
        return {**sent, **there, "recorder": settings}

    def _complete(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in the process that has the GPU, to which the model is moved once."""
        if self._moved is None:
            self._moved = _moved(self._residents["composer"])
        composer, renderer = self._moved
        there = {**self._residents, "composer": composer}
        there["recorder"] = replace(
            self._residents["recorder"], renderer=renderer, lender=None, **sent["recorder"]
        )
        return {name: there.get(name, value) for name, value in sent.items()}


def _moved(composer: Any) -> tuple[Any, Any]:
    """The model, its weights moved to the GPU, and a renderer there."""
    import torch

    from musicgen_vae.audio import default_renderer
    from musicgen_vae.generation.composer import Composer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = composer.checkpoint
    for module in (checkpoint.model, checkpoint.flow):
        if module is not None:
            module.to(device)
    return Composer(checkpoint), default_renderer()


def _on_cpu(named: Mapping[str, Any]) -> dict[str, Any]:
    return {**named, "recorder": replace(named["recorder"], lender=None)}


def _say_why(error: Exception) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    logging.getLogger(__name__).warning("answered on the CPU, no GPU was lent: %s", reason)


def find_lender() -> GpuLender | None:
    """What lends a GPU to requests; None anywhere but on a ZeroGPU Space.

    To be called before PyTorch is used.
    """
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in ("1", "t", "true"):
        return None
    try:
        import spaces
    except ImportError:
        return None
    return GpuLender(spaces.GPU(duration=DURATION_S))
