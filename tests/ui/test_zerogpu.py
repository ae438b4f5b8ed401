from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from musicgen_vae.errors import ControlError, MidiError
from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.generation.composer import Composer
from musicgen_vae.ui import zerogpu
from musicgen_vae.ui.creating import SampleRequest, sample_one, sampling
from musicgen_vae.ui.mapping import map_clip
from musicgen_vae.ui.takes import Recorder
from musicgen_vae.ui.uploads import reconstruct
from musicgen_vae.ui.zerogpu import GpuLender, find_lender, lendable

QUOTA = gr.Error("You have exceeded your free ZeroGPU quota", title="ZeroGPU quota exceeded")


class FakeGpu:
    """Stands for ``spaces.GPU``: arguments and results are pickled, all errors lose their class.

    Args:
        failure: raised instead of an answer, after ``after`` results of a generator.
    """

    def __init__(self, failure: Exception | None = None, after: int = 0) -> None:
        self.failure, self.after = failure, after
        self.calls = 0

    def __call__(self, task: Callable[..., Any]) -> Callable[..., Any]:
        def given(args: Any) -> Any:
            self.calls += 1
            return pickle.loads(pickle.dumps(args))

        @wraps(task)
        def run(*args: Any) -> Any:
            args = given(args)
            if self.failure:
                raise self.failure
            try:
                return pickle.loads(pickle.dumps(task(*args)))
            except Exception as error:
                raise gr.Error(type(error).__name__, title="ZeroGPU worker error") from None

        @wraps(task)
        def stream(*args: Any) -> Iterator[Any]:
            for i, value in enumerate(task(*given(args))):
                if self.failure and i == self.after:
                    raise self.failure
                yield pickle.loads(pickle.dumps(value))

        return stream if "stream" in task.__name__ else run


@pytest.fixture
def lent(tiny_composer: Composer, recorder: Recorder, atlas: Atlas) -> Callable[..., Recorder]:
    """A recorder with a lender that borrows from a ``FakeGpu``."""

    def make(gpu: FakeGpu) -> Recorder:
        lender = GpuLender(gpu)
        made = replace(recorder, lender=lender)
        lender.know(composer=tiny_composer, recorder=made, atlas=atlas)
        return made

    return make


@lendable
def count(recorder: Recorder, n: int, check: Callable[[], None] = lambda: None) -> Iterator[int]:
    """A handler that yields, and where it ran: from 100 on the GPU."""
    for i in range(n):
        check()
        if i == 7:
            raise ControlError("7 is too many")
        yield i


def test_a_request_is_answered_on_the_lent_gpu(
    tiny_composer: Composer, recorder: Recorder, lent: Callable[..., Recorder]
) -> None:
    gpu = FakeGpu()
    request = SampleRequest(seed=7)
    (there,) = sampling(tiny_composer, lent(gpu), request)
    (here,) = sampling(tiny_composer, recorder, request)
    assert gpu.calls == 1
    assert there.piece == here.piece and there.facts == here.facts
    assert there.audio.read_bytes() == here.audio.read_bytes()


def test_the_recorders_settings_go_along(
    tiny_composer: Composer, lent: Callable[..., Recorder]
) -> None:
    recorder = replace(lent(FakeGpu()), anonymous=True)
    (take,) = sampling(tiny_composer, recorder, SampleRequest(seed=7))
    assert take.audio.name == "music.wav"


@pytest.mark.parametrize(
    "failure",
    [
        QUOTA,
        gr.Error("GPU task aborted", title="ZeroGPU worker error"),
        RuntimeError("ZeroGPU API /schedule error"),
    ],
)
def test_without_a_gpu_the_cpu_answers(
    tiny_composer: Composer,
    lent: Callable[..., Recorder],
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
) -> None:
    gpu = FakeGpu(failure)
    take, info = sample_one(tiny_composer, lent(gpu), SampleRequest(seed=7))
    assert gpu.calls == 1
    assert take.audio.is_file() and info["parameters"]["seed"] == 7
    assert str(failure) in caplog.text


def test_what_is_wrong_with_a_request_is_told_and_not_tried_again(
    tiny_composer: Composer, lent: Callable[..., Recorder], caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:  # fmt: skip
    gpu = FakeGpu()
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    with pytest.raises(MidiError, match=r"\w"):
        reconstruct(tiny_composer, lent(gpu), tmp_path / "bad.mid")
    assert gpu.calls == 1 and not caplog.records


def test_the_map_is_not_sent(
    tiny_composer: Composer, atlas: Atlas, lent: Callable[..., Recorder]
) -> None:
    gpu = FakeGpu()
    original, made, info = map_clip(tiny_composer, atlas, lent(gpu), 1)
    assert gpu.calls == 1
    assert original.piece.notes and made.audio.is_file() and info["parameters"]["index"] == 1


def test_another_model_than_the_one_that_is_known_stays_here(
    tiny_composer: Composer, lent: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    gpu = FakeGpu()
    other = Composer(tiny_composer.checkpoint)
    assert list(sampling(other, lent(gpu), SampleRequest(seed=7)))
    assert gpu.calls == 0 and "another composer" in caplog.text


def test_a_handler_that_yields(lent: Callable[..., Recorder]) -> None:
    assert list(count(lent(FakeGpu()), 5)) == [0, 1, 2, 3, 4]
    with pytest.raises(ControlError, match="7 is too many"):
        list(count(lent(FakeGpu()), 9))


@pytest.mark.parametrize("after", [0, 3])
def test_the_cpu_goes_on_where_the_gpu_was_lost(
    lent: Callable[..., Recorder], caplog: pytest.LogCaptureFixture, after: int
) -> None:
    assert list(count(lent(FakeGpu(QUOTA, after)), 5)) == [0, 1, 2, 3, 4]
    assert "exceeded" in caplog.text


def test_a_visitor_can_stop_what_runs_on_the_gpu(lent: Callable[..., Recorder]) -> None:
    stop = False

    def check() -> None:
        if stop:
            raise ControlError("stopped")

    results = count(lent(FakeGpu()), 5, check)
    assert next(results) == 0
    stop = True
    with pytest.raises(ControlError, match="stopped"):
        next(results)


def test_nobody_lends_a_gpu_but_a_zerogpu_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert find_lender() is None
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(__import__("sys").modules, "spaces", None)
    assert find_lender() is None, "the library is missing"

    class Spaces:
        @staticmethod
        def GPU(duration: int) -> FakeGpu:  # noqa: N802
            assert duration == zerogpu.DURATION_S
            return FakeGpu()

    monkeypatch.setitem(__import__("sys").modules, "spaces", Spaces)
    assert isinstance(find_lender(), GpuLender)
