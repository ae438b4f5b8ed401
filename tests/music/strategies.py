"""Hypothesis strategies for music."""

from __future__ import annotations

from hypothesis import strategies as st

from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    DRUM_PITCHES,
    DURATIONS,
    Bar,
    Clip,
    Key,
    Meter,
    Mode,
    Note,
    Piece,
    Place,
    Role,
    tidy,
)

METERS = tuple(
    Meter.parse(text)
    for text in "4/4 3/4 6/8 2/4 1/4 5/4 6/4 3/8 5/8 7/8 9/8 12/8 3/16 7/16".split()
)

keys = st.builds(Key, tonic=st.integers(0, 11), mode=st.sampled_from(Mode))
tempos = st.floats(10, 1000, allow_nan=False)
programs = st.tuples(*[st.integers(0, 127)] * 4)


@st.composite
def notes(
    draw: st.DrawFn,
    n_steps: int,
    *,
    lowest: int = 0,
    highest: int = 127,
    held: bool = False,
    max_size: int = 40,
) -> tuple[Note, ...]:
    """Tidy notes that start within ``n_steps``; pitches and steps often meet."""
    pitches = st.one_of(
        st.integers(lowest, highest),
        st.integers(max(lowest, 60), min(highest, 62)),
        st.sampled_from([lowest, highest]),
    )
    starts = st.one_of(
        st.integers(0, n_steps - 1), st.integers(0, (n_steps - 1) // 12).map(lambda beat: 12 * beat)
    )
    result = []
    for _ in range(draw(st.integers(0, max_size))):
        role = draw(st.sampled_from(Role))
        start = draw(starts)
        result.append(
            Note(
                start=start,
                role=role,
                pitch=draw(st.sampled_from(DRUM_PITCHES) if role is Role.DRUMS else pitches),
                duration=draw(st.sampled_from(DURATIONS)),
                velocity=draw(st.none() | st.integers(0, 7)),
                held=held and start == 0 and role is not Role.DRUMS and draw(st.booleans()),
            )
        )
    return tidy(result)


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    """Any clip."""
    meter = draw(st.sampled_from(METERS))
    n_bars = draw(st.integers(1, BARS_PER_CLIP))
    return Clip(
        notes=draw(notes(n_bars * meter.steps, held=True)),
        meter=meter,
        key=draw(keys),
        tempo_qpm=draw(tempos),
        programs=draw(programs),
        n_bars=n_bars,
        place=draw(st.none() | st.sampled_from(Place)),
    )


@st.composite
def pieces(draw: st.DrawFn, *, lowest: int = 12, highest: int = 115) -> Piece:
    """Pieces that may change meter; no transposition takes their pitches out of range."""
    bars: list[Bar] = []
    for _ in range(draw(st.integers(1, 4))):
        meter, tempo = draw(st.sampled_from(METERS)), draw(tempos)
        for _ in range(draw(st.integers(1, 6))):
            start = bars[-1].end if bars else 0
            bars.append(Bar(start=start, meter=meter, tempo_qpm=tempo))
    return Piece(
        bars=tuple(bars),
        notes=draw(notes(bars[-1].end, lowest=lowest, highest=highest)),
        key=draw(keys),
        programs=draw(programs),
        title=draw(st.text(max_size=8)),
    )


@st.composite
def midi_pieces(draw: st.DrawFn) -> Piece:
    """Pieces with the bars that reading a file gives.

    The first and the last bar have a note, and there are no bars of 1/4 or 2/4 that could be put
    together.
    """
    short = (Meter(numerator=1), Meter(numerator=2))
    bars: list[Bar] = []
    for bar in draw(pieces()).bars:
        start = bars[-1].end if bars else 0
        if bars and bars[-1].meter in short and bar.meter in short:
            continue
        bars.append(Bar(start=start, meter=bar.meter, tempo_qpm=bar.tempo_qpm))
    ends = [
        Note(start=bar.start, role=draw(st.sampled_from(list(Role)[:3])), pitch=60, duration=3)
        for bar in (bars[0], bars[-1])
    ]
    inner = draw(notes(bars[-1].end))
    return Piece(
        bars=tuple(bars),
        notes=tidy([*inner, *ends]),
        programs=draw(programs),
        title=draw(st.text(max_size=8)),
    )
