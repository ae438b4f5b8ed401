"""What the page remembers of one visitor: what was made for them, and whether they said stop.

An instance lives in the session's state. Nothing here knows Gradio or the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from musicgen_vae.errors import ControlError, InputError
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text

MAX_TAKES = 64
"""Takes that are remembered; older ones are forgotten."""


class Stopped(InputError):
    """The visitor said stop."""


@dataclass(kw_only=True)
class Visit:
    """One visitor.

    Attributes:
        takes: what was made, by id.
        stops: how often they said stop.
        focus: the step of a morph that they look at, counted from 1.
    """

    takes: OrderedDict[str, Take] = field(default_factory=OrderedDict)
    stops: int = 0
    focus: int = 1

    def keep(self, take: Take) -> Take:
        """Remember ``take``; returns it."""
        self.takes[take.id] = take
        while len(self.takes) > MAX_TAKES:
            self.takes.popitem(last=False)
        return take

    def take(self, take_id: object) -> Take:
        """The take called ``take_id``, whatever a browser sent.

        Raises:
            ControlError: if there is none, or none any more.
        """
        found = self.takes.get(take_id) if isinstance(take_id, str) else None
        if found is None:
            raise ControlError(text("lost_take"))
        return found

    def stop(self) -> None:
        """Let what is being made for this visitor end at its next check."""
        self.stops += 1

    def check(self) -> Callable[[], None]:
        """A function that raises ``Stopped`` once the visitor has said stop after this call."""
        before = self.stops

        def check() -> None:
            if self.stops != before:
                raise Stopped(text("stopped"))

        return check
