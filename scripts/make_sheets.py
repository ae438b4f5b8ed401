"""Samples of every style, to be looked at and listened to.

    python -m scripts.make_sheets FOLDER              # 20 of each style, seeds 0 to 19
    python -m scripts.make_sheets FOLDER --only waltz
    python -m scripts.make_sheets FOLDER --corpus corpus   # with held-out music beside them

Writes one sheet of piano rolls (PNG) and one sound file (WAV, all samples one after another) for
each style, and prints a table of what can be measured: notes; notes in the key's scale, samples
that leave it (less than four fifths in it); share of the melody's time in which it rubs, a semitone
from something else that sounds; steps of the melody that leap, by more than nine semitones; silent
bars; loudness before it is evened out. After a slash: held-out clips of the style.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from musicgen_vae.audio import default_renderer
from musicgen_vae.audio.export import write_audio
from musicgen_vae.audio.loudness import level_of
from musicgen_vae.audio.renderer import Renderer
from musicgen_vae.evaluation.features import in_key_share
from musicgen_vae.evaluation.held_out import Corpus
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.clip import DRUM_PITCHES, Clip, Role, join

COLUMNS = 5
WIDTH, HEIGHT, MARGIN, DRUM_HEIGHT = 300, 132, 6, 26
COLOURS = {
    Role.MELODY: (213, 94, 0),
    Role.HARMONY: (0, 114, 178),
    Role.BASS: (0, 158, 115),
    Role.DRUMS: (90, 90, 90),
}
IN_KEY = 0.8
LEAP = 9
N_REAL = 200
HEADINGS = (
    *("style", "notes", "in scale", "least", "leave it", "rubs", "leaps"),
    *("silent bars", "LUFS", "peak"),
)


def sheet(clips: Sequence[Clip]) -> Image.Image:
    """The piano rolls of ``clips``, five in a row."""
    rows = -(-len(clips) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * WIDTH, rows * HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    for i, clip in enumerate(clips):
        draw_roll(pen, clip, i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT)
    return picture


def draw_roll(pen: ImageDraw.ImageDraw, clip: Clip, left: int, top: int) -> None:
    """Pitched notes above, drums below; lines are bars."""
    step = (WIDTH - MARGIN) / max(1, clip.n_steps)
    for bar in range(clip.n_bars + 1):
        x = left + bar * clip.meter.steps * step
        pen.line((x, top, x, top + HEIGHT - MARGIN), fill=(225, 225, 225))
    pitches = [note.pitch for note in clip.notes if note.role is not Role.DRUMS] or [60]
    low, span = min(pitches), max(24, max(pitches) - min(pitches))
    for note in clip.notes:
        x, end = left + note.start * step, left + min(note.end, clip.n_steps) * step
        if note.role is Role.DRUMS:
            y = float(top + HEIGHT - DRUM_HEIGHT + 2 * DRUM_PITCHES.index(note.pitch))
            end = x + 2
        else:
            y = top + (HEIGHT - DRUM_HEIGHT - 8) * (1 - (note.pitch - low) / span)
        pen.rectangle((x, y, max(x + 1, end - 1), y + 1), fill=COLOURS[note.role])


def silent_bars(clip: Clip) -> int:
    """Bars in which nothing is struck."""
    struck = {note.start // clip.meter.steps for note in clip.notes}
    return clip.n_bars - len(struck)


def rubs(clips: Sequence[Clip]) -> float:
    """Share of the melody's time a semitone from what else sounds; NaN where nothing else does."""
    time = rubbing = 0
    for clip in clips:
        melody = np.zeros((clip.n_steps, 12), dtype=np.bool_)
        others = np.zeros((clip.n_steps, 12), dtype=np.bool_)
        for note in clip.notes:
            if note.role is not Role.DRUMS:
                roll = melody if note.role is Role.MELODY else others
                roll[note.start : note.end, note.pitch % 12] = True
        near = np.roll(others, 1, axis=1) | np.roll(others, -1, axis=1)
        time += int((melody.any(1) & others.any(1)).sum())
        rubbing += int((melody & near).any(1).sum())
    return rubbing / time if time else float("nan")


def leaps(clips: Sequence[Clip]) -> float:
    """Share of the melody's steps that are larger than ``LEAP`` semitones; NaN without any."""
    steps: list[int] = []
    for clip in clips:
        notes = sorted((n.start, n.pitch) for n in clip.notes if n.role is Role.MELODY)
        steps += [abs(b - a) for (_, a), (_, b) in pairwise(notes)]
    return float(np.mean([step > LEAP for step in steps])) if steps else float("nan")


def beside(measure: Callable[[Sequence[Clip]], float], *sets: Sequence[Clip]) -> str:
    """What ``measure`` says of each set of clips."""
    said = [measure(clips) for clips in sets if clips]
    return " / ".join("–" if np.isnan(value) else f"{value:.3f}" for value in said)


def figures(
    style: str, clips: Sequence[Clip], real: Sequence[Clip], renderer: Renderer
) -> list[str]:
    """One row of the table."""
    in_key = np.array([in_key_share([clip]) for clip in clips])
    in_key = in_key[np.isfinite(in_key)]
    levels = [
        level_of(renderer.render_chunks(join([clip])), renderer.sample_rate) for clip in clips
    ]
    loud = [level.lufs for level in levels if level.lufs is not None]
    return [
        style,
        f"{np.mean([len(clip.notes) for clip in clips]):.0f}",
        beside(in_key_share, clips, real),
        f"{in_key.min():.2f}" if len(in_key) else "–",
        str(int((in_key < IN_KEY).sum())),
        beside(rubs, clips, real),
        beside(leaps, clips, real),
        str(sum(silent_bars(clip) for clip in clips)),
        f"{min(loud):.0f} to {max(loud):.0f}",
        f"{max(level.peak for level in levels):.2f}",
    ]


def main() -> None:
    """Sample, draw, render, measure."""
    parser = argparse.ArgumentParser(description="Samples of every style.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="(default: the one that ships)")
    parser.add_argument("--only", default="", help="styles whose names have this in them")
    parser.add_argument("--corpus", type=Path, help="whose held-out clips stand beside them")
    parser.add_argument("--n", type=int, default=20, help="samples of each style")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    composer, renderer = Composer.load(arguments.checkpoint), default_renderer()
    held_out = None
    if arguments.corpus is not None:
        held_out = Corpus.load(arguments.corpus).clips("test", composer.spec.roles)
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + "---|" * len(HEADINGS))
    for style in composer.spec.styles:
        if arguments.only not in style:
            continue
        asked = [Controls(style=style)] * arguments.n
        clips = composer.sample_each(asked, seeds=list(range(arguments.n)))
        name = style.replace(" ", "_")
        sheet(clips).save(arguments.folder / f"{name}.png")
        chunks = renderer.render_chunks(join(clips))
        write_audio(arguments.folder / f"{name}.wav", chunks, renderer.sample_rate)
        real: list[Clip] = []
        if held_out is not None:
            pairs = zip(held_out.clips, held_out.styles, strict=True)
            real = [clip for clip, its in pairs if its == style][:N_REAL]
        print("| " + " | ".join(figures(style, clips, real, renderer)) + " |", flush=True)


if __name__ == "__main__":
    main()
