"""Scores of a few bars as MusicXML, written out here for the tests of readers."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

_DIVISIONS = 24
_CONTAINER = (
    '<?xml version="1.0"?><container><rootfiles>'
    '<rootfile full-path="score.xml"/></rootfiles></container>'
)


def note(text: str, *, staff: int = 0, words: bool = False) -> str:
    """One note: "C4:1" lasts a quarter, "r:2" is a rest of two.

    "C4:1~" starts a tie and "~C4:1" ends one; "+E4:1" stands on the note before; "gC4" is a grace
    note.
    """
    found = re.fullmatch(r"(~?)(\+?)(g?)(r|[A-G])(#|b)?(\d?):?([\d./]*)(~?)", text)
    assert found, text
    stop, chord, grace, letter, accidental, octave, length, start = found.groups()
    top, _, bottom = length.partition("/")
    duration = round(_DIVISIONS * float(top or 0) / float(bottom or 1))
    alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(accidental or "", "")
    parts = ["<grace/>" if grace else "", "<chord/>" if chord else ""]
    if letter == "r":
        parts.append("<rest/>")
    else:
        parts.append(f"<pitch><step>{letter}</step>{alter}<octave>{octave}</octave></pitch>")
    if not grace:
        parts.append(f"<duration>{duration}</duration>")
    parts += ['<tie type="stop"/>'] * bool(stop) + ['<tie type="start"/>'] * bool(start)
    parts.append("<voice>1</voice>")
    if staff:
        parts.append(f"<staff>{staff}</staff>")
    if words and letter != "r" and not grace:
        parts.append("<lyric><text>la</text></lyric>")
    return "<note>" + "".join(parts) + "</note>"


def notes(text: str, *, staff: int = 0, words: bool = False) -> str:
    """Several notes and other items: "p!" is a dynamic mark, "q=90" a tempo, "[C7]" a chord."""
    result = []
    for item in text.split():
        if item.endswith("!"):
            result.append(_direction(f"<dynamics><{item[:-1]}/></dynamics>", staff))
        elif item.startswith("q="):
            result.append(f'<direction><sound tempo="{item[2:]}"/></direction>')
        elif item.startswith("["):
            result.append(_harmony(item.strip("[]")))
        else:
            result.append(note(item, staff=staff, words=words))
    return "".join(result)


def _direction(content: str, staff: int) -> str:
    place = f"<staff>{staff}</staff>" if staff else ""
    return f"<direction><direction-type>{content}</direction-type>{place}</direction>"


def _harmony(symbol: str) -> str:
    name, _, bass = symbol.partition("/")
    found = re.fullmatch(r"([A-G])(#|b)?(.*)", name)
    assert found, symbol
    kind = {
        "": "major", "m": "minor", "7": "dominant", "maj7": "major-seventh", "13": "dominant-13th",
    }[found[3]]  # fmt: skip
    return (
        f"<harmony><root><root-step>{found[1]}</root-step>{_alter('root', found[2])}</root>"
        f"<kind>{kind}</kind>"
        + (f"<bass><bass-step>{bass}</bass-step></bass>" if bass else "")
        + "</harmony>"
    )


def _alter(of: str, accidental: str | None) -> str:
    if not accidental:
        return ""
    return f"<{of}-alter>{1 if accidental == '#' else -1}</{of}-alter>"


def measure(
    content: str,
    *,
    number: int | str = 1,
    meter: str = "",
    ending: str = "",
    staves: int = 1,
) -> str:
    """A measure around notes; ``ending`` "1" or "2" puts it under that bracket alone."""
    attributes = f"<divisions>{_DIVISIONS}</divisions>"
    if meter:
        beats, _, unit = meter.partition("/")
        attributes += f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    if staves > 1:
        attributes += f"<staves>{staves}</staves>"
    left = f'<barline location="left"><ending number="{ending}" type="start"/></barline>'
    right = f'<barline location="right"><ending number="{ending}" type="stop"/></barline>'
    return (
        f'<measure number="{number}"><attributes>{attributes}</attributes>'
        f"{left if ending else ''}{content}{right if ending else ''}</measure>"
    )


def part(bars: Sequence[str], *, meter: str = "4/4", words: bool = False) -> str:
    """The measures of a part with one staff, numbered from 1."""
    return "".join(
        measure(notes(bar, words=words), number=i, meter=meter if i == 1 else "")
        for i, bar in enumerate(bars, start=1)
    )


def piano(bars: Sequence[tuple[str, str]], *, meter: str = "4/4") -> str:
    """The measures of a part with two staves; each bar lasts as long as its upper staff."""
    result = []
    for i, (upper, lower) in enumerate(bars, start=1):
        top, bottom = notes(upper, staff=1), notes(lower, staff=2)
        alone = re.sub(r"<note>(<grace/>|<chord/>|<grace/><chord/>).*?</note>", "", top)
        length = sum(map(int, re.findall(r"<duration>(\d+)", alone)))
        back = f"<backup><duration>{length}</duration></backup>"
        result.append(
            measure(top + back + bottom, number=i, meter=meter if i == 1 else "", staves=2)
        )
    return "".join(result)


def write_score(path: Path, parts: Sequence[tuple[str, str]]) -> Path:
    """A score of (name, measures), compressed if the path ends in .mxl."""
    names = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>'
        for i, (name, _) in enumerate(parts)
    )
    bodies = "".join(f'<part id="P{i}">{body}</part>' for i, (_, body) in enumerate(parts))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">'
        f"<part-list>{names}</part-list>{bodies}</score-partwise>"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".mxl":
        path.write_text(text, encoding="utf-8")
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("score.xml", text)
    return path
