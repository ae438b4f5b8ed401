"""The judge learns from labels; it hears notes in time and how loud they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicgen_vae.errors import CorpusError
from musicgen_vae.evaluation.emotion_judge import (
    clip_bag,
    emotion_figures,
    judge_taught_by_people,
    judge_taught_by_regression,
)
from musicgen_vae.music.clip import Clip, Piece, join, tidy
from musicgen_vae.music.midi import write_midi
from tests.evaluation.clips import line, songs


def test_a_bag_is_of_notes_in_time() -> None:
    clip = songs(0, 1).clips[0]
    bag = clip_bag(clip)
    assert bag is not None
    assert bag.shape == (105,)
    faster = clip_bag(replace(clip, tempo_qpm=clip.tempo_qpm * 2))
    assert not np.array_equal(faster, bag, equal_nan=True)  # type: ignore[arg-type]
    assert clip_bag(line((0, 60, 12))) is None


@pytest.mark.parametrize("velocity", [0, 3, 7])
def test_a_bag_tells_loudness_where_it_is_known(velocity: int) -> None:
    clip = songs(0, 1).clips[0]
    known, unknown = (
        clip_bag(replace(clip, notes=tidy(replace(n, velocity=v) for n in clip.notes)))
        for v in (velocity, None)
    )
    assert known is not None and unknown is not None
    assert known[-8:].tolist() == [0.0] * velocity + [1.0] * (8 - velocity)
    assert np.isnan(unknown[-8:]).all()
    assert np.array_equal(known[:-8], unknown[:-8])


def test_the_regression_teaches() -> None:
    training = songs(0, 40)
    tempos = np.random.default_rng(0).uniform(50, 200, len(training))
    clips = [replace(c, tempo_qpm=float(t)) for c, t in zip(training.clips, tempos, strict=True)]
    judge = judge_taught_by_regression(clips, training.songs)
    assert judge.agreement["arousal"] > 0.6
    fresh = songs(100, 10).clips
    slow, fast = (
        judge.judge([replace(c, tempo_qpm=t) for c in fresh])["arousal"] for t in (55.0, 190.0)
    )
    assert (fast > slow).mean() > 0.9
    assert np.isnan(judge.judge([Clip()])["arousal"]).all()


def test_people_teach(tmp_path: Path) -> None:
    (tmp_path / "midis").mkdir()
    rows = ["ID,4Q"]
    for i in range(24):
        fast = i % 2 == 0
        piece = join([replace(c, tempo_qpm=180.0 if fast else 60.0) for c in songs(i, 1).clips])
        name = f"Q{1 if fast else 3}_song{i}_0"
        (tmp_path / "midis" / f"{name}.mid").write_bytes(write_midi(piece))
        rows.append(f"{name},{1 if fast else 3}")
        assert isinstance(piece, Piece)
    (tmp_path / "label.csv").write_text("\n".join(rows) + "\n")
    judge = judge_taught_by_people(tmp_path)
    assert judge.taught_by == "people"
    assert judge.agreement["arousal"] > 0.9
    with pytest.raises(CorpusError, match="no EMOPIA data"):
        judge_taught_by_people(tmp_path / "midis")


def test_agreement_counts_within_styles() -> None:
    asked = np.tile(np.arange(8), 4)
    styles = ["a"] * 16 + ["b"] * 16
    judged = asked / 10 + np.repeat([0.0, 100.0], 16)
    figures = emotion_figures(asked, styles, judged)
    assert figures["spearman"] == pytest.approx(1.0)
    assert emotion_figures(asked, styles, -judged)["spearman"] == pytest.approx(-1.0)
    assert figures["clips"] == 32
