"""Write the example MIDI files in ``assets/examples`` from the tunes written down below.

Run it from the project's folder: ``python -m scripts.make_examples``.

Each tune is in the public domain; melody and accompaniment are given in a small notation that is
close to ABC. A voice is one bar after another, each closed by ``|`` and as long as the meter says:

=========  ========================================================================================
``C c``    middle C and the C above it; ``C,`` is an octave below, ``c'`` an octave above
``^ = _``  sharp, natural, flat, for this note alone; those of the key signature are implied
``c3``     lengths count eighth notes: ``c`` is an eighth, ``c3`` three of them, ``c/`` a sixteenth
``z2``     a rest
``[CEG]``  notes that sound together
``c4-``    tied to the same note in what follows
``!mp!``   loudness from here on: ``pp p mp mf f ff``
``{..}``   a figure of one bar, in which ``a b c d`` are the notes of the chord written at that
           moment, counted from the left: ``{a z [bc]2}``. From here on every bar's chords are
           played in this figure; ``{}`` ends it
=========  ========================================================================================

The script knows the tunes and this notation; MIDI bytes are the package's business.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from musicgen_vae.music.clip import STEPS_PER_BEAT, Bar, Key, Meter, Note, Piece, Role, tidy
from musicgen_vae.music.midi import write_midi

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"

_TOKEN = re.compile(
    r"\s*(?:\{(?P<figure>[^}]*)\}|!(?P<level>\w+)!"
    r"|(?P<pitches>\[[^]]*\]|z|[_=^]?[A-Ga-g][,']*)(?P<number>\d*)(?P<over>/\d*)?(?P<tie>-?))\s*"
)
_PITCH = re.compile(r"([_=^]?)([A-Ga-g])([,']*)")
_LEVELS = {"pp": 1, "p": 2, "mp": 3, "mf": 4, "f": 5, "ff": 6}
_FIRST_LEVEL = {Role.MELODY: "f", Role.HARMONY: "mp", Role.BASS: "mf"}
_EIGHTH = STEPS_PER_BEAT // 2
_README = """\
# Example tunes

Short tunes to begin with: melody from the public domain, written down and arranged for this
project. Tracks are named after their role: `melody`, `harmony` and, in some, `bass`.
`python -m scripts.make_examples` writes these files; tunes and accompaniments can be read and
changed in `scripts/make_examples.py`.

| file | tune | origin | key | meter | quarter notes a minute | bars |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, kw_only=True)
class Tune:
    """A tune and its accompaniment.

    Attributes:
        slug: name of its file.
        title: as people call it.
        origin: who made it and when, which shows that it is in the public domain.
        key: as ``Key.parse`` reads it.
        meter: as ``Meter.parse`` reads it.
        tempo_qpm: quarter notes per minute.
        programs: General MIDI program (0 to 127) of melody, harmony and bass.
        melody, harmony, bass: the voices, in the notation above.
    """

    slug: str
    title: str
    origin: str
    key: str
    meter: str
    tempo_qpm: int
    programs: tuple[int, int, int]
    melody: str
    harmony: str
    bass: str = ""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Notes that start together: steps from the start of the tune, MIDI pitches, loudness."""

    start: int
    duration: int
    pitches: tuple[int, ...]
    velocity: int
    tied: bool = False


def tune_to_piece(tune: Tune) -> Piece:
    """The tune as a piece.

    Raises:
        ValueError: if a voice cannot be read or the voices differ in length; names tune and bar.
    """
    key, meter = Key.parse(tune.key), Meter.parse(tune.meter)
    notes: list[Note] = []
    lengths = set()
    voices = {Role.MELODY: tune.melody, Role.HARMONY: tune.harmony, Role.BASS: tune.bass}
    for role, text in voices.items():
        if not text:
            continue
        try:
            sounds, n_bars = read_voice(text, key, meter, _FIRST_LEVEL[role])
        except ValueError as error:
            raise ValueError(f"{tune.slug}, {role.label}: {error}") from error
        lengths.add(n_bars)
        notes.extend(join_ties(sounds, role))
    if len(lengths) != 1:
        raise ValueError(f"{tune.slug}: the voices have {sorted(lengths)} bars")
    return Piece(
        bars=tuple(
            Bar(start=i * meter.steps, meter=meter, tempo_qpm=float(tune.tempo_qpm))
            for i in range(lengths.pop())
        ),
        notes=tidy(notes),
        key=key,
        programs=(*tune.programs, 0),
        title=tune.title,
    )


def read_voice(text: str, key: Key, meter: Meter, level: str) -> tuple[list[Sound], int]:
    """The sounds of a voice and how many bars it has; raises ``ValueError``."""
    bars = text.strip().removesuffix("|").split("|")
    figure = ""
    sounds: list[Sound] = []
    for index, bar in enumerate(bars):
        start = at = index * meter.steps
        written: list[Sound] = []
        for token in _tokens(bar):
            if token["figure"] is not None:
                figure = token["figure"].strip()
            elif token["level"]:
                level = token["level"]
            else:
                sound = Sound(
                    start=at,
                    duration=_length(token),
                    pitches=tuple(_pitches(token["pitches"], key)),
                    velocity=_LEVELS[level] + (at == start),
                    tied=bool(token["tie"]),
                )
                written.append(sound)
                at += sound.duration
        if at - start != meter.steps:
            raise ValueError(f"bar {index} has {(at - start) / _EIGHTH:g} eighths: {bar.strip()}")
        sounds.extend(_play_figure(figure, written) if figure else written)
    return sounds, len(bars)


def join_ties(sounds: list[Sound], role: Role) -> Iterator[Note]:
    """The notes of a voice, tied ones as one."""
    open_ties: dict[int, Sound] = {}
    for sound in sounds:
        for pitch in sound.pitches:
            first = open_ties.pop(pitch, sound)
            if sound.tied:
                open_ties[pitch] = first
            else:
                duration = sound.start + sound.duration - first.start
                yield Note(
                    start=first.start,
                    role=role,
                    pitch=pitch,
                    duration=duration,
                    velocity=first.velocity,
                )


def _play_figure(figure: str, chords: list[Sound]) -> Iterator[Sound]:
    """The chords of one bar, struck as the figure says."""
    at = chords[0].start
    for token in _tokens(figure):
        duration = _length(token)
        chord = [c for c in chords if c.start <= at][-1]
        members = ["abcd".index(letter) for letter in token["pitches"].strip("[]z")]
        if members and max(members) >= len(chord.pitches):
            raise ValueError(f"the figure {figure} needs more notes than {chord.pitches}")
        yield Sound(
            start=at,
            duration=duration,
            pitches=tuple(chord.pitches[member] for member in members),
            velocity=chords[0].velocity - (at != chords[0].start),
        )
        at += duration
    if at != chords[-1].start + chords[-1].duration:
        raise ValueError(f"the figure {figure} does not fill the bar")


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text.rstrip()):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"cannot read {text[at:].strip()!r}")
        yield token
        at = token.end()


def _length(token: re.Match[str]) -> int:
    """Steps of a note: eighths, times the number, over the number after the slash (2 if none)."""
    eighths = _EIGHTH * int(token["number"] or 1)
    return eighths // int(token["over"][1:] or 2) if token["over"] else eighths


def _pitches(text: str, key: Key) -> Iterator[int]:
    """MIDI pitches of a note or chord in the notation, none for a rest."""
    fifths = (key.shift * 7 + 5) % 12 - 5  # sharps in the key signature; flats are negative
    altered = "FCGDAEB"[:fifths] if fifths >= 0 else "BEADGCF"[:-fifths]
    for accidental, letter, octaves in _PITCH.findall(text):
        pitch = 60 + (0, 2, 4, 5, 7, 9, 11)["CDEFGAB".index(letter.upper())]
        pitch += 12 * letter.islower() + 12 * octaves.count("'") - 12 * octaves.count(",")
        if accidental:
            pitch += "_=^".index(accidental) - 1
        elif letter.upper() in altered:
            pitch += 1 if fifths > 0 else -1
        yield pitch


def readme() -> str:
    """What stands beside the files, as Markdown."""
    rows = []
    for tune in TUNES:
        n_bars = len(tune_to_piece(tune).bars)
        rows.append(
            f"| [{tune.slug}.mid]({tune.slug}.mid) | {tune.title} | {tune.origin} | {tune.key} "
            f"| {tune.meter} | {tune.tempo_qpm} | {n_bars} |"
        )
    return _README + "\n".join(rows) + "\n"


def write_examples(folder: Path) -> None:
    """Write every tune as ``<slug>.mid``, and ``README.md``, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for tune in TUNES:
        (folder / f"{tune.slug}.mid").write_bytes(write_midi(tune_to_piece(tune)))
    (folder / "README.md").write_text(readme(), encoding="utf-8", newline="\n")


TUNES = (
    Tune(
        slug="ode_to_joy",
        title="Ode to Joy",
        origin="Ludwig van Beethoven (1770-1827), Symphony No. 9, 1824",
        key="A major",
        meter="4/4",
        tempo_qpm=116,
        programs=(0, 4, 33),
        melody="""
            c2 c2 d2 e2 | e2 d2 c2 B2 | A2 A2 B2 c2 | c3 B B4 |
            c2 c2 d2 e2 | e2 d2 c2 B2 | A2 A2 B2 c2 | B3 A A4 |
            B2 B2 c2 A2 | B2 cd c2 A2 | B2 cd c2 B2 | A2 B2 E2 !ff!c2- |
            c2 c2 d2 e2 | e2 d2 c2 B2 | A2 A2 B2 c2 | B3 A A4 |""",
        harmony="""
            {z2 [abc]2 z [abc] z [abc]}
            [A,CE]8 | [G,B,E]8 | [A,CF]8 | [A,B,E]4 [G,B,E]4 |
            {[abc]3 [abc]3 [abc]2}
            [A,CE]8 | [G,B,E]8 | [A,CF]6 [A,CE]2 | [G,DE]3 [A,CE]5 |
            {a b c b a b c b}
            [G,B,E]4 [A,CE]4 | [G,B,E]4 [A,CF]4 | [G,B,E]4 [G,B,^E]4 |
            [A,CF]2 [A,B,^D]2 [G,B,E]4 |
            !mf! {[abc] z [abc] [abc] z [abc] [abc]2}
            [A,CE]8 | [G,B,E]8 | [A,CF]4 [A,CE]4 | {} [G,DE]3 [A,CE]5 |""",
        bass="""
            {a3 a a2 b2} [A,,E,]8 | [G,,E,]8 | [F,,C,]8 | [E,,G,,]8 |
            {a6 b2} [A,,E,]8 | [G,,E,,]8 | [F,,E,,]8 | {} E,,3 A,,5 |
            E,,4 A,,4 | E,,4 F,,4 | E,,2 G,,2 C,4 | F,,2 B,,2 E,,4 |
            {a2 a a a2 b2} [A,,E,]8 | [G,,E,]8 | [F,,C,]4 [E,,A,,]4 | {} E,,3 A,,5 |""",
    ),
    Tune(
        slug="greensleeves",
        title="Greensleeves",
        origin="anonymous, England, registered in London in 1580",
        key="E minor",
        meter="6/8",
        tempo_qpm=72,
        programs=(74, 24, 0),
        melody="""
            z5 !mp!E |
            G2 A B3/2c/B | A2 F D3/2E/F | G2 E E3/2^D/E | F2 ^D B,2 E |
            G2 A B3/2c/B | A2 F D3/2E/F | G3/2F/E ^D3/2^C/^D | E3 E3 |
            !f!d3 d3/2c/B | A2 F D3/2E/F | G2 E E3/2^D/E | F2 ^D B,3 |
            d3 d3/2c/B | A2 F D3/2E/F | !mp!G3/2F/E ^D3/2^C/^D | E6 |""",
        harmony="""
            !p! {a b c d c b} [E,,B,,E,G,]6 |
            [E,,B,,E,G,]6 | [D,,A,,D,F,]6 | [G,,E,G,B,]6 | [B,,^D,F,A,]6 |
            [E,,B,,E,G,]6 | [D,,A,,D,F,]6 | [E,,B,,E,G,]3 [B,,^D,F,A,]3 | [E,,B,,E,G,]6 |
            !mp! [G,,D,G,B,]6 | [F,,D,F,A,]6 | [E,,B,,E,G,]6 | [B,,^D,F,A,]6 |
            [G,,D,G,B,]6 | [F,,D,F,A,]6 | !p! [E,,B,,E,G,]3 [B,,^D,F,A,]3 |
            {a b c d3} [E,,B,,E,G,]6 |""",
    ),
    Tune(
        slug="fur_elise",
        title="Für Elise (opening)",
        origin="Ludwig van Beethoven (1770-1827), WoO 59, 1810; two bars of 3/8 in one",
        key="A minor",
        meter="6/8",
        tempo_qpm=72,
        programs=(0, 0, 0),
        melody="""
            !mp! z5 e/^d/ |
            e/^d/e/B/d/c/ A z/C/E/A/ | B z/E/^G/B/ c z/E/e/^d/ |
            e/^d/e/B/d/c/ A z/C/E/A/ | B z/E/c/B/ A z/!mf!B/c/d/ |
            e3/2 G/f/e/ d3/2 F/e/d/ | c3/2 E/d/c/ !mp!B z/E/e/z/ |
            e/e/e'/^d/e/^d/ !p!e/^d/e/^d/e/^d/ |
            !mp! e/^d/e/B/d/c/ A z/C/E/A/ | B z/E/^G/B/ c z/E/e/^d/ |
            e/^d/e/B/d/c/ A z/C/E/A/ | !p!B z/E/c/B/ A3 |""",
        harmony="""
            !p! z6 |
            z3 A,,/E,/A,2 | E,,/E,/^G,2 A,,/E,/A,2 |
            z3 A,,/E,/A,2 | E,,/E,/^G,2 A,,/E,/A,2 |
            !mp! C,/G,/C2 G,,/G,/B,2 | A,,/E,/A,2 !p!E,,/E,/E z/E/ | z6 |
            z3 A,,/E,/A,2 | E,,/E,/^G,2 A,,/E,/A,2 |
            z3 A,,/E,/A,2 | E,,/E,/^G,2 !pp!A,,/E,/A,2 |""",
    ),
    Tune(
        slug="minuet_in_g",
        title="Minuet in G",
        origin="Christian Petzold (1677-1733), in the Notebook for Anna Magdalena Bach, 1725",
        key="G major",
        meter="3/4",
        tempo_qpm=126,
        programs=(6, 6, 0),
        melody="""
            d2 GABc | d2 G2 G2 | e2 cdef | g2 G2 G2 | c2 dcBA | B2 cBAG | F2 GABG | A6 |
            d2 GABc | d2 G2 G2 | e2 cdef | g2 G2 G2 | c2 dcBA | B2 cBAG | A2 BAGF | G6 |""",
        harmony="""
            [G,B,D]4 A,2 | B,6 | C6 | B,6 | A,6 | G,6 | D2 B,2 G,2 | D2 D,CB,A, |
            B,4 A,2 | G,2 B,2 G,2 | C6 | B,2 CB,A,G, |
            A,4 F,2 | G,4 B,2 | C2 D2 D,2 | G,4 G,,2 |""",
    ),
    Tune(
        slug="brahms_lullaby",
        title="Lullaby (Guten Abend, gut' Nacht)",
        origin="Johannes Brahms (1833-1897), op. 49 no. 4, 1868",
        key="Eb major",
        meter="3/4",
        tempo_qpm=80,
        programs=(10, 46, 0),
        melody="""
            !mp! z4 GG |
            B3 G G2 | B2 z2 GB | e2 d3 c | c2 B2 FG | A2 F2 FG | A2 z2 FA | dc B2 d2 | e2 z2 EE |
            !mf!e4 cA | B4 GE | A2 B2 c2 | B4 !mp!EE | e4 cA | B4 GE | !p!A2 G2 F2 | E6 |""",
        harmony="""
            !p! {a b c b c b} [E,,B,,G,]6 |
            [E,,B,,G,]6 | [E,,B,,G,]6 | [A,,E,C]6 | [E,,B,,G,]4 [F,,B,,A,]2 |
            [B,,A,D]6 | [F,,A,D]6 | [B,,A,D]6 | [E,G,B,]6 |
            [A,,E,C]6 | [G,,E,B,]6 | [B,,F,D]6 | [E,G,B,]6 |
            [A,,E,C]6 | [G,,E,B,]6 | {a [bc] a [bc] a [bc]} [A,,F,C]2 [B,,E,B,]2 [B,,A,D]2 |
            {a b c4} [E,,B,,G,]6 |""",
    ),
    Tune(
        slug="korobeiniki",
        title="Korobeiniki",
        origin="Russian folk song, with words by Nikolai Nekrasov from 1861",
        key="G minor",
        meter="4/4",
        tempo_qpm=144,
        programs=(21, 25, 32),
        melody="""
            d2 AB c2 BA | G2 GB d2 cB | A3 B c2 d2 | B2 G2 G4 |
            c3 e g2 fe | d3 B d2 cB | A3 B c2 d2 | B2 G2 G4 |
            !ff! d2 AB c2 BA | G2 GB d2 cB | A3 B c2 d2 | B2 G2 G4 |
            c3 e g2 fe | d3 B d2 cB | A3 B c2 d2 | B2 G2 G4 |""",
        harmony="""
            {z [abc] z [abc] z [abc] z [abc]}
            [^F,CD]8 | [G,B,D]8 | [^F,CD]8 | [G,B,D]8 | [G,CE]8 | [F,B,D]8 | [^F,CD]8 | [G,B,D]8 |
            !mf! {[abc]3 [abc]3 [abc]2}
            [^F,CD]8 | [G,B,D]8 | [^F,CD]8 | [G,B,D]8 | [G,CE]8 | [G,B,D]8 | [^F,CD]8 |
            {} [G,B,D]2 z2 [G,B,D]2 z2 |""",
        bass="""
            {a2 b2 a2 b2} [D,A,,]8 | [G,,D,]8 | [D,A,,]8 | [G,,D,]8 |
            [C,G,,]8 | [B,,F,]8 | [D,A,,]8 | [G,,D,]8 |
            !f! {a3 a3 b2} [D,A,,]8 | [G,,D,]8 | [D,A,,]8 | [G,,D,]8 |
            [C,G,,]8 | [G,,B,,]8 | [D,A,,]8 | {} G,,2 z2 G,,2 z2 |""",
    ),
    Tune(
        slug="auld_lang_syne",
        title="Auld Lang Syne",
        origin="Scottish folk tune, printed with Robert Burns's words in 1799",
        key="F major",
        meter="4/4",
        tempo_qpm=92,
        programs=(0, 0, 32),
        melody="""
            z6 !mf!C2 |
            F3 F F2 A2 | G3 F G2 A2 | F3 F A2 c2 | d6 d2 |
            c3 A A2 F2 | G3 F G2 A2 | F3 D D2 C2 | F6 !f!d2 |
            c3 A A2 F2 | G3 F G2 d2 | c3 A A2 c2 | d6 d2 |
            c3 A A2 F2 | G3 F G2 A2 | F3 D D2 C2 | F8 |""",
        harmony="""
            {a c b c a c b c} [F,A,C]8 |
            [F,A,C]8 | [E,B,C]4 [E,G,C]4 | [F,A,C]4 [F,A,_E]4 | [F,B,D]8 |
            [F,A,C]8 | [E,B,C]4 [E,G,C]4 | [F,A,D]4 [G,B,D]2 [G,B,C]2 | [F,A,C]8 |
            !mf! {[abc]2 z [abc] z [abc] [abc]2}
            [F,A,C]8 | [E,B,C]8 | [F,A,C]5 [F,A,_E]3 | [F,B,D]8 |
            [F,A,C]8 | [E,B,C]4 [E,G,C]4 | {} [F,A,D]4 [G,B,D]2 [G,B,C]2 | [F,A,C]8 |""",
        bass="""
            F,,8 | F,,4 C,4 | C,4 G,,4 | F,,4 _E,4 | D,4 B,,4 |
            F,,4 A,,4 | C,4 C,4 | D,4 G,,2 C,2 | F,,4 A,,4 |
            {a3 a a2 b2} [F,,C,]8 | [C,G,,]8 | [F,,_E,]8 | [B,,F,]8 |
            [F,,C,]8 | [C,G,,]8 | {} D,4 G,,2 C,2 | F,,8 |""",
    ),
    Tune(
        slug="mo_li_hua",
        title="Mo Li Hua (Jasmine Flower)",
        origin="Chinese folk song of the 18th century, first printed in Europe by 1804",
        key="Ab major",
        meter="4/4",
        tempo_qpm=80,
        programs=(73, 107, 0),
        melody="""
            z8 | z8 |
            !mf! c2 ce fa af | e2 ef e4 | c2 ce fa af | e2 ef e4 |
            e2 e2 e2 ce | f2 f2 e4 | c2 Bc e2 cB | A2 AB A4 |
            !f! cBAc B3 c | e2 fa e4 | !mf! B2 ce Bc AF | E4 F2 A2 |
            B3 c AB AF | !mp! E8 |""",
        harmony="""
            {a b c d a b c d} [A,,E,A,C]8 | [F,,C,A,C]8 |
            [A,,E,A,C]4 [F,,C,A,C]4 | [A,,E,A,C]8 | [A,,E,A,C]4 [F,,C,A,C]4 | [A,,E,A,C]8 |
            [C,E,A,C]8 | [D,F,A,D]4 [C,E,A,C]4 | [A,,E,A,C]4 [E,,B,,E,B,]4 | [A,,E,A,C]8 |
            [F,,C,A,C]4 [B,,F,B,D]4 | [A,,E,A,C]8 | [E,,B,,E,B,]4 [F,,C,F,A,]4 |
            [A,,E,A,C]4 [F,,C,F,A,]4 | [B,,F,B,D]4 [D,F,A,D]4 | {a b c d5} [A,,E,A,C]8 |""",
    ),
    Tune(
        slug="irish_washerwoman",
        title="The Irish Washerwoman",
        origin="jig, in volume 4 of James Aird's collection of airs, before 1800",
        key="G major",
        meter="6/8",
        tempo_qpm=174,
        programs=(40, 25, 32),
        melody="""
            z5 d/c/ |
            BGG DGG | BGB dcB | cAA EAA | cAc edc | BGG DGG | BGB dcB | cBc Adc | BGG G2 g |
            gdg gdg | gdg bag | fdf fdf | fdf agf | egg dgg | cgg Bgg | cBc Adc | BGG G3 |""",
        harmony="""
            {z2 [abc] z2 [abc]} [D,G,B,]6 |
            [D,G,B,]6 | [D,G,B,]6 | [E,A,C]6 | [E,A,C]3 [F,A,D]3 |
            [D,G,B,]6 | [D,G,B,]6 | [E,G,C]3 [F,A,C]3 | [D,G,B,]6 |
            [D,G,B,]6 | [D,G,B,]6 | [D,F,A,]6 | [D,F,A,]6 |
            [E,G,C]3 [D,G,B,]3 | [E,G,C]3 [D,G,B,]3 | [E,G,C]3 [F,A,C]3 |
            {} [D,G,B,]3 [D,G,B,]3 |""",
        bass="""
            {a3 b3} [G,,D,]6 |
            [G,,D,]6 | [G,,D,]6 | [A,,E,]6 | {} A,,3 D,3 |
            {a3 b3} [G,,D,]6 | [G,,D,]6 | {} C,3 D,3 | G,,3 D,3 |
            {a3 b3} [G,,D,]6 | [G,,D,]6 | [D,A,,]6 | [D,A,,]6 |
            {} C,3 B,,3 | A,,3 G,,3 | C,3 D,3 | G,,3 G,,3 |""",
    ),
    Tune(
        slug="old_hundredth",
        title="Old Hundredth",
        origin="Genevan Psalter, 1551, attributed to Loys Bourgeois; harmonised anew",
        key="Bb major",
        meter="4/4",
        tempo_qpm=84,
        programs=(52, 52, 52),
        melody="""
            !mf! B4 B2 A2 | G2 F2 B4 | c4 d4 | d4 d2 d2 | c2 B2 e4 | d4 c4 |
            B4 c2 d2 | c2 B2 G4 | A4 B4 | !f! f4 d2 B2 | c2 e2 d4 | c4 B4 |""",
        harmony="""
            [DF]4 [DF]2 [CF]2 | [B,D]2 [B,D]2 [DG]4 | [FA]4 [FB]4 |
            [FB]4 [GB]2 [FB]2 | [FA]2 F2 [EG]4 | [FB]4 [FA]4 |
            [DF]4 F2 [FB]2 | [FA]2 [DF]2 [B,E]4 | [F,C]4 [F,D]4 |
            !mf! [FB]4 [GB]2 [DG]2 | [CF]2 [A,F]2 [B,F]4 | [A,F]2 [A,E]2 [B,D]4 |""",
        bass="""
            !mp! B,,4 B,,2 F,,2 | G,,2 D,2 G,,4 | F,,4 B,,4 |
            B,,4 G,,2 D,2 | F,2 D,2 C,4 | F,4 F,,4 |
            B,,4 A,,2 B,,2 | F,2 B,,2 E,4 | F,4 B,,4 |
            !mf! D,4 G,,2 G,,2 | A,,2 C,2 F,4 | F,,4 B,,4 |""",
    ),
    Tune(
        slug="daisy_bell",
        title="Daisy Bell (A Bicycle Built for Two)",
        origin="Harry Dacre (1857-1922), 1892; in 1961 the first song sung by a computer",
        key="C major",
        meter="3/4",
        tempo_qpm=168,
        programs=(71, 21, 32),
        melody="""
            g6 | e6 | c6 | G6 | A2 B2 c2 | A4 c2 | G6- | G6 |
            d6 | g6 | e6 | c6 | A2 B2 c2 | d4 e2 | d6- | d2 z2 e2 |
            f2 e2 d2 | g4 e2 | d2 c4- | c2 z2 d2 | e4 c2 | A4 c2 | A2 G4- | G2 z2 G2 |
            c4 e2 | d4 e2 | c4 e2 | d2 z2 ef | g2 e2 c2 | d4 G2 | c6- | c6 |""",
        harmony="""
            {z2 [abc]2 [abc]2}
            [G,CE]6 | [G,CE]6 | [G,CE]6 | [G,CE]6 | [A,CF]6 | [A,CF]6 | [G,CE]6 | [G,CE]6 |
            [G,B,F]6 | [G,B,F]6 | [G,CE]6 | [A,CE]6 | [A,CD]6 | [A,CD]6 | [G,B,D]6 | [G,B,D]6 |
            [G,B,F]6 | [G,CE]6 | [G,CE]6 | [G,CE]6 | [A,CE]6 | [A,CF]6 | [G,CE]6 | [G,CE]6 |
            [G,CE]6 | [G,B,D]6 | [A,CE]6 | [G,B,F]6 | [G,CE]6 | [G,B,F]6 | [G,CE]6 |
            {} [G,CE]4 z2 |""",
        bass="""
            {a5 z} C,6 | G,,6 | C,6 | E,6 | F,6 | A,,6 | C,6 | G,,6 |
            G,,6 | B,,6 | C,6 | A,,6 | D,6 | ^F,,6 | G,,6 | B,,6 |
            D,6 | C,6 | E,6 | C,6 | A,,6 | F,,6 | C,6 | E,6 |
            C,6 | G,,6 | A,,6 | B,,6 | C,6 | G,,6 | C,6 | {} C,4 z2 |""",
    ),
    Tune(
        slug="drunken_sailor",
        title="Drunken Sailor",
        origin="sea shanty, sung on board by 1839; Dorian, with a raised sixth",
        key="F minor",
        meter="4/4",
        tempo_qpm=176,
        programs=(21, 25, 33),
        melody="""
            c2 cc c2 cc | c2 F2 A2 c2 | B2 BB B2 BB | B2 E2 G2 B2 |
            c2 cc c2 cc | c2 =d2 e2 f2 | e2 c2 B2 G2 | F4 F4 |
            !ff! c4 c3 c | c2 F2 A2 c2 | B4 B3 B | B2 E2 G2 B2 |
            c4 c3 c | c2 =d2 e2 f2 | e2 c2 B2 G2 | F4 F4 |""",
        harmony="""
            {[abc] z [abc] [abc] z [abc] z [abc]}
            [F,A,C]8 | [F,A,C]8 | [G,B,E]8 | [G,B,E]8 |
            [F,A,C]8 | {} [F,A,C]2 [F,B,=D]2 [G,B,E]2 [A,CF]2 |
            {[abc] z [abc] [abc] z [abc] z [abc]} [G,B,E]8 | [F,A,C]8 |
            !mf! {[abc]3 [abc]3 [abc]2}
            [F,A,C]8 | [F,A,C]8 | [G,B,E]8 | [G,B,E]8 |
            [F,A,C]8 | {} [F,A,C]2 [F,B,=D]2 [G,B,E]2 [A,CF]2 |
            {[abc]3 [abc]3 [abc]2} [G,B,E]8 | {} [F,A,C]4 [F,A,C]4 |""",
        bass="""
            {a3 a a2 b2} [F,,C,]8 | [F,,C,]8 | [E,,B,,]8 | [E,,B,,]8 |
            [F,,C,]8 | {} F,,2 B,,2 G,,2 A,,2 | {a3 a a2 b2} [E,,B,,]8 | [F,,C,]8 |
            {a2 b a a2 b a} [F,,F,]8 | [F,,F,]8 | [E,,E,]8 | [E,,E,]8 |
            [F,,F,]8 | {} F,,2 B,,2 G,,2 A,,2 | {a2 b a a2 b a} [E,,E,]8 | {} F,,4 F,,4 |""",
    ),
    Tune(
        slug="yankee_doodle",
        title="Yankee Doodle",
        origin="Anglo-American march tune of the 18th century, printed in 1782",
        key="E major",
        meter="4/4",
        tempo_qpm=192,
        programs=(72, 60, 58),
        melody="""
            e2 e2 f2 g2 | e2 g2 f2 B2 | e2 e2 f2 g2 | e4 d4 |
            e2 e2 f2 g2 | a2 g2 f2 e2 | d2 B2 c2 d2 | e4 e4 |
            c3 d c2 B2 | c2 d2 e4 | B3 c B2 A2 | G4 B4 |
            c3 d c2 B2 | c2 d2 e2 c2 | B2 e2 d2 f2 | e4 e4 |""",
        harmony="""
            {z2 [abc] z z2 [abc] z}
            [G,B,E]8 | [G,B,E]4 [F,B,D]4 | [G,B,E]8 | [G,B,E]4 [A,B,D]4 |
            [G,B,E]8 | [A,CE]8 | [A,B,D]8 | [G,B,E]8 |
            [A,CE]8 | [A,CE]8 | [G,B,E]4 [A,B,D]4 | [G,B,E]8 |
            [A,CE]8 | [A,CE]8 | [G,B,E]4 [A,B,D]4 | {} [G,B,E]2 z2 [G,B,E]2 z2 |""",
        bass="""
            {a2 z2 b2 z2} [E,B,,]8 | {} E,2 z2 B,,2 z2 |
            {a2 z2 b2 z2} [E,B,,]8 | {} E,2 z2 B,,2 z2 |
            {a2 z2 b2 z2} [E,B,,]8 | [A,,E,]8 | [B,,F,]8 | [E,B,,]8 |
            [A,,E,]8 | [A,,C,]8 | [E,B,,]8 | [E,B,,]8 |
            [A,,E,]8 | [A,,E,]8 | {} B,,2 z2 B,,2 z2 | E,2 z2 E,,2 z2 |""",
    ),
    Tune(
        slug="canon_in_d",
        title="Canon in D (opening)",
        origin="Johann Pachelbel (1653-1706)",
        key="D major",
        meter="4/4",
        tempo_qpm=100,
        programs=(40, 0, 42),
        melody="""
            !mf! f4 e4 | d4 c4 | B4 A4 | B4 c4 | d4 c4 | B4 A4 | G4 F4 | G4 E4 |
            D2 F2 A2 G2 | F2 D2 F2 E2 | D2 B,2 D2 A2 | G2 B2 A2 G2 |
            !f! F2 D2 E2 c2 | d2 f2 a2 A2 | B2 G2 A2 F2 | D2 d2 d3 c | d8 |""",
        harmony="""
            [F,A,D]4 [E,A,C]4 | [D,F,B,]4 [C,F,A,]4 | [B,,D,G,]4 [A,,D,F,]4 | [B,,D,G,]4 [C,E,A,]4 |
            {a b c b a b c b}
            [F,A,D]4 [E,A,C]4 | [D,F,B,]4 [C,F,A,]4 | [B,,D,G,]4 [A,,D,F,]4 | [B,,D,G,]4 [C,E,A,]4 |
            {[abc]2 z [abc] [abc]2 z [abc]}
            [F,A,D]4 [E,A,C]4 | [D,F,B,]4 [C,F,A,]4 | [B,,D,G,]4 [A,,D,F,]4 | [B,,D,G,]4 [C,E,A,]4 |
            [F,A,D]4 [E,A,C]4 | [D,F,B,]4 [C,F,A,]4 | [B,,D,G,]4 [A,,D,F,]4 |
            [B,,D,G,]4 [D,E,A,]3 [C,E,A,] | {} [F,A,D]8 |""",
        bass="""
            D,4 A,,4 | B,,4 F,,4 | G,,4 D,,4 | G,,4 A,,4 |
            D,4 A,,4 | B,,4 F,,4 | G,,4 D,,4 | G,,4 A,,4 |
            D,4 A,,4 | B,,4 F,,4 | G,,4 D,,4 | G,,4 A,,4 |
            D,4 A,,4 | B,,4 F,,4 | G,,4 D,,4 | G,,4 A,,4 | D,,8 |""",
    ),
    Tune(
        slug="sakura",
        title="Sakura Sakura",
        origin="Japanese song of the Edo period, printed for koto in 1888",
        key="C# minor",
        meter="4/4",
        tempo_qpm=76,
        programs=(77, 107, 0),
        melody="""
            z8 | z8 |
            !mp! c2 c2 d4 | c2 c2 d4 | !mf! c2 d2 e2 d2 | c2 dc A4 |
            G2 E2 G2 A2 | G2 GE D4 | c2 d2 e2 d2 | c2 dc A4 |
            G2 E2 G2 A2 | G2 GE D4 | !mp! c2 c2 d4 | c2 c2 d4 | !p! G2 A2 dc A2 | G8 |""",
        harmony="""
            !p! {a2 b2 c b c2} [C,G,C]8 | [A,,E,A,]8 |
            [C,G,C]8 | [C,G,C]8 | [C,G,C]8 | [A,,E,A,]8 |
            [C,E,C]8 | [G,,D,G,]8 | [C,G,C]8 | [A,,E,A,]8 |
            [C,E,C]8 | [G,,D,G,]8 | [C,G,C]8 | [C,G,C]8 | [C,E,C]8 | {a b c6} [G,,D,G,]8 |""",
    ),
)


def main() -> None:
    """Write the examples where the package looks for them, or elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=EXAMPLES, help="folder to write into")
    write_examples(parser.parse_args().out)


if __name__ == "__main__":
    main()
