"""What may be written is what a clip can be: every clip passes, and whatever passes is a clip."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.generation.rules import Rules, Values
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Meter, Role
from musicgen_vae.music.tokens import (
    DURATION_NONE,
    MAX_TOKENS,
    PITCH_NONE,
    ROLE_NONE,
    STEP_BAR,
    STEP_END,
    VELOCITY_NONE,
    Field,
    clip_to_tokens,
    structural_token,
    tokens_to_clip,
)
from tests.music.strategies import METERS, clips

ALL = 0b1111
COMPARED = [Field.STEP, Field.ROLE, Field.PITCH, Field.BAR]


def rules_of(meter: Meter, n_bars: int, *, roles: int = ALL, in_scale: bool = False) -> Rules:
    bars = [roles if bar < n_bars else 0 for bar in range(BARS_PER_CLIP)]
    return Rules.of([meter.steps], [bars], in_scale)


@given(clip=clips())
def test_every_clip_passes(clip: Clip) -> None:
    rules = rules_of(clip.meter, clip.n_bars)
    rows = clip_to_tokens(clip).astype(np.int64)
    for n_written, (before, row) in enumerate(zip(rows[:-1, None], rows[1:], strict=True)):
        step, role, pitch = row[: Field.PITCH + 1]
        assert rules.steps(before, n_written)[0, step]
        if step < STEP_BAR:
            assert rules.roles_at(before, np.array([step]))[0, role]
            assert rules.pitches(before, np.array([step]), np.array([role]))[0, pitch]


def walk(rules: Rules, random: np.random.Generator, n_most: int) -> Values:
    """Rows that the rules allow, each value as likely as any other."""
    rows = [np.array(structural_token(STEP_BAR, 0))]
    while rows[-1][Field.STEP] != STEP_END:
        before = rows[-1][None]
        # Near the limit only bar lines may follow; a short walk pretends to be there.
        n_written = len(rows) - 1 if len(rows) < n_most else MAX_TOKENS
        step = random.choice(np.flatnonzero(rules.steps(before, n_written)[0]))
        bar = int(before[0, Field.BAR])
        if step >= STEP_BAR:
            rows.append(np.array(structural_token(int(step), bar + (step == STEP_BAR))))
            continue
        role = random.choice(np.flatnonzero(rules.roles_at(before, np.array([step]))[0]))
        allowed = rules.pitches(before, np.array([step]), np.array([role]))[0]
        pitch = random.choice(np.flatnonzero(allowed))
        duration = DURATION_NONE if role == Role.DRUMS else 0
        rows.append(np.array([step, role, pitch, duration, VELOCITY_NONE, bar]))
    return np.array(rows)


@given(
    meter=st.sampled_from(METERS),
    n_bars=st.integers(1, BARS_PER_CLIP),
    roles=st.integers(1, ALL),
    seed=st.integers(0, 10**6),
)
def test_whatever_passes_is_a_clip(meter: Meter, n_bars: int, roles: int, seed: int) -> None:
    rules = rules_of(meter, n_bars, roles=roles)
    rows = walk(rules, np.random.default_rng(seed), n_most=60)
    clip = tokens_to_clip(rows.astype(np.int16), Clip(meter=meter, n_bars=n_bars))
    assert clip_to_tokens(clip)[:, COMPARED].tolist() == rows[:, COMPARED].tolist()
    written = {int(role) for role in rows[:, Field.ROLE]} - {ROLE_NONE}
    assert all(roles >> role & 1 for role in written)


@given(seed=st.integers(0, 10**6))
def test_the_scale_is_kept_where_it_can_be(seed: int) -> None:
    rules = rules_of(Meter(), BARS_PER_CLIP, roles=0b0111, in_scale=True)
    rows = walk(rules, np.random.default_rng(seed), n_most=40)
    pitches = rows[rows[:, Field.PITCH] != PITCH_NONE, Field.PITCH]
    assert set(pitches % 12) <= {0, 2, 4, 5, 7, 9, 11}
