"""Bar lines of music whose beats are known, from several unreliable witnesses.

A hidden Markov model over beats: the state is a bar's length and the beat's place in it; each
witness (chord changes, a beat tracker's downbeats, bass notes, ...) is a set of beats at which it
was heard; bars keep their length unless the witnesses outweigh the price of a change. The best
path is found by dynamic programming (Viterbi). It is the idea of bar-pointer models (Whiteley,
Cemgil and Godsill, "Bayesian Modelling of Temporal Structure in Musical Audio", 2006) without
their tempo, which is known here.

This module knows beats by their number only; it does not know notes, ticks or files.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LENGTHS = (4, 3, 2)
_CHANGE_COST = {frozenset({4, 3}): 14.0, frozenset({4, 2}): 10.0, frozenset({3, 2}): 10.0}
"""Price in nats of a bar whose length is not that of the bar before."""
_SHORT_COST = 3.0
"""Price in nats of each bar of two beats, which is an exception inside a song."""


@dataclass(frozen=True, kw_only=True)
class Witness:
    """What was heard at which beats.

    Attributes:
        beats: numbers of the beats at which it was heard.
        first: how often (0 to 1) it is heard at the first beat of a bar.
        middle: how often at the third of four beats.
        other: how often at any other beat.
        weight: trust (0 to 1); low where one mistake brings on the next.
    """

    beats: Collection[int] = ()
    first: float
    middle: float
    other: float
    weight: float = 1.0

    def _chance(self, length: int, place: int) -> float:
        if place == 0:
            return self.first
        return self.middle if (length, place) == (4, 2) else self.other


def find_bars(n_beats: int, witnesses: Sequence[Witness]) -> tuple[tuple[int, int], ...]:
    """(first beat, beats) of successive bars that cover beats 0 to ``n_beats - 1``.

    The first bar may start before beat 0 and the last may end after the last beat, so that both
    are whole.
    """
    states = [(length, place) for length in _LENGTHS for place in range(length)]
    index = {state: i for i, state in enumerate(states)}
    log_chance = np.zeros((n_beats, len(states)))
    for witness in witnesses:
        heard = np.zeros(n_beats, dtype=bool)
        heard[[beat for beat in witness.beats if 0 <= beat < n_beats]] = True
        for i, (length, place) in enumerate(states):
            chance = witness._chance(length, place)
            log_chance[:, i] += witness.weight * np.where(
                heard, math.log(chance), math.log(1 - chance)
            )
    transitions = np.full((len(states), len(states)), -np.inf)  # (from, to)
    for length, place in states:
        here = index[length, place]
        if place + 1 < length:
            transitions[here, index[length, place + 1]] = 0.0
            continue
        for other in _LENGTHS:
            cost = _CHANGE_COST.get(frozenset({length, other}), 0.0)
            cost += _SHORT_COST if other == 2 else 0.0
            transitions[here, index[other, 0]] = -cost
    path = best_path(log_chance, transitions)
    first = states[path[0]][1]
    bars = [(-first, states[path[0]][0])]
    bars += [
        (beat, states[state][0])
        for beat, state in enumerate(path)
        if beat and states[state][1] == 0
    ]
    return tuple(bars)


def best_path(scores: NDArray[np.float64], transitions: NDArray[np.float64]) -> list[int]:
    """The states with the largest sum of scores and transitions.

    Args:
        scores: of each state at each time, shape (n_times, n_states), n_times >= 1.
        transitions: score of going from a state (row) to a state (column), minus infinity where
            there is no way, shape (n_states, n_states).
    """
    total = scores[0]
    came_from = []
    for here in scores[1:]:
        options = total[:, None] + transitions
        came_from.append(options.argmax(axis=0))
        total = options.max(axis=0) + here
    path = [int(total.argmax())]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return path[::-1]
