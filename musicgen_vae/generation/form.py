"""Musical form: a row of letters, such as AABA, as the clips that it is made of.

This module knows letters and clips' places; it does not know notes or the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import BARS_PER_CLIP, Place

MAX_LETTERS = 16
MAX_CLIPS = 16
"""A form has at most 64 bars."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One clip of a form.

    Attributes:
        index: its number in the piece, from 0.
        first: number of the clip that it repeats: the one at the same place of the first section
            with its letter; its own ``index`` where there is none before it.
        place: in the piece.
    """

    index: int
    first: int
    place: Place


def plan_form(form: str, section_bars: int = BARS_PER_CLIP) -> tuple[Section, ...]:
    """The clips of a form, in order.

    Args:
        form: 1 to 16 letters; the same letter means the same music.
        section_bars: length of each letter: 4, 8, 12 or 16 bars.

    Raises:
        ControlError: if the form is not 1 to 16 letters, or has more than 64 bars.
    """
    letters = form.strip().upper()
    if not 1 <= len(letters) <= MAX_LETTERS or not letters.isalpha():
        raise ControlError(f"form {form!r} is not 1 to {MAX_LETTERS} letters, such as AABA")
    per_letter, rest = divmod(section_bars, BARS_PER_CLIP)
    if rest or not 1 <= per_letter <= 4:
        raise ControlError(f"a section has 4, 8, 12 or 16 bars, not {section_bars}")
    n_clips = len(letters) * per_letter
    if n_clips > MAX_CLIPS:
        raise ControlError(
            f"{len(letters)} sections of {section_bars} bars are {n_clips * BARS_PER_CLIP}, more "
            f"than {MAX_CLIPS * BARS_PER_CLIP}"
        )
    first_of = {letter: letters.index(letter) * per_letter for letter in letters}
    return tuple(
        Section(
            index=index,
            first=first_of[letters[index // per_letter]] + index % per_letter,
            place=_place(index, n_clips),
        )
        for index in range(n_clips)
    )


def _place(index: int, n: int) -> Place:
    if index == 0:
        return Place.START
    return Place.END if index == n - 1 else Place.MIDDLE
