"""Bar lines from witnesses."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.corpus.sources.barlines import Witness, best_path, find_bars

CLEAR = Witness(first=0.9, middle=0.1, other=0.05)


def _starts(lengths: list[int], first: int = 0) -> list[int]:
    return [first + sum(lengths[:i]) for i in range(len(lengths))]


def _heard(beats: list[int], witness: Witness = CLEAR) -> Witness:
    return Witness(
        beats=beats,
        first=witness.first,
        middle=witness.middle,
        other=witness.other,
        weight=witness.weight,
    )


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_four_beats_from_wherever_they_start(first: int) -> None:
    bars = find_bars(40, [_heard(list(range(first, 40, 4)))])
    starts = [beat for beat, _ in bars]
    assert {length for _, length in bars} == {4}
    assert starts[-1] % 4 == first
    assert starts[0] <= 0 and starts[-1] + 4 >= 40


def test_three_beats() -> None:
    bars = find_bars(36, [_heard(list(range(0, 36, 3)))])
    assert bars == tuple((beat, 3) for beat in range(0, 36, 3))


def test_one_short_bar_among_long_ones() -> None:
    lengths = [4] * 8 + [2] + [4] * 8
    bars = find_bars(sum(lengths), [_heard(_starts(lengths))])
    assert [length for _, length in bars] == lengths


def test_one_stray_witness_changes_nothing() -> None:
    bars = find_bars(40, [_heard([*range(0, 40, 4), 18])])
    assert bars == tuple((beat, 4) for beat in range(0, 40, 4))


def test_a_trusted_witness_outweighs_a_doubted_one() -> None:
    doubted = Witness(first=0.99, middle=0.01, other=0.01, weight=0.2)
    bars = find_bars(40, [_heard(list(range(0, 40, 4))), _heard(list(range(1, 40, 4)), doubted)])
    assert bars[0] == (0, 4)


def test_beats_outside_are_ignored() -> None:
    inside = find_bars(20, [_heard(list(range(0, 20, 4)))])
    assert find_bars(20, [_heard(list(range(-8, 60, 4)))]) == inside


def test_without_witnesses_bars_have_four_or_three_beats() -> None:
    assert len({length for _, length in find_bars(24, [])}) == 1


def test_best_path_is_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    scores, transitions = rng.normal(size=(5, 3)), rng.normal(size=(3, 3))
    transitions[0, 1] = -np.inf

    def total(path: tuple[int, ...]) -> float:
        steps = sum(transitions[a, b] for a, b in zip(path, path[1:], strict=False))
        return float(sum(scores[i, s] for i, s in enumerate(path)) + steps)

    paths = [tuple(int(i) for i in path) for path in np.ndindex(*[3] * 5)]
    assert tuple(best_path(scores, transitions)) == max(paths, key=total)
