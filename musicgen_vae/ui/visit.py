"""What the page remembers of one visitor: what was made for them, and whether they said stop.

An instance lives in the session's state. Nothing here knows Gradio or the model.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from musicgen_vae.errors import ControlError, InputError
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text

MAX_TAKES = 64
"""Takes that are remembered; older ones are forgotten."""
MAX_AT_PLACE = 4
"""Of these, previews of one place; more than one, for what is asked of it may still wait."""


class Stopped(InputError):
    """The visitor said stop."""


@dataclass(kw_only=True)
class Visit:
    """One visitor.

    Attributes:
        takes: what was made, by id.
        previews: ids of the latest previews, by the place of the page where they were shown.
        stops: how often they said stop, by what they said it to; "" is all.
        focus: the step of a morph that they look at, counted from 1.
    """

    takes: OrderedDict[str, Take] = field(default_factory=OrderedDict)
    previews: dict[str, list[str]] = field(default_factory=dict)
    stops: Counter[str] = field(default_factory=Counter)
    focus: int = 1

    def keep(self, take: Take, place: str = "") -> Take:
        """Remember ``take``; returns it.

        Args:
            take: what was made.
            place: where it is shown, if it is a preview. Only the latest of each place are
                remembered: whoever leafs through a tune shall not lose what was made for them.
        """
        self.takes[take.id] = take
        if place:
            shown = self.previews.setdefault(place, [])
            shown.append(take.id)
            if len(shown) > MAX_AT_PLACE:
                self.takes.pop(shown.pop(0), None)
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

    def stop(self, what: str = "") -> None:
        """Let what is being made for this visitor, all or only ``what``, end at its next check."""
        self.stops[what] += 1

    def check(self, what: str = "") -> Callable[[], None]:
        """A function that raises ``Stopped`` once they have said stop, to all or to ``what``."""
        before = self._said(what)

        def check() -> None:
            if self._said(what) != before:
                raise Stopped(text("stopped"))

        return check

    def _said(self, what: str) -> tuple[int, int]:
        return self.stops[""], self.stops[what]
