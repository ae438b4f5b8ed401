"""What every test run shares: quiet libraries, a fair share of threads, skips that are seen."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from musicgen_vae.threads import available_cpus

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer

TINY_CHECKPOINT = Path(__file__).parent / "data" / "tiny"

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Read by PyTorch when a test first imports it: workers side by side share the CPUs.
if _workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, available_cpus() // int(_workers))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """``-n auto`` counts the CPUs that the tests may use, not those of the host."""
    return available_cpus()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """With MUSICGEN_VAE_NO_SKIPS=1 a skipped test fails."""
    report = yield
    return _no_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """With MUSICGEN_VAE_NO_SKIPS=1 a module that is skipped as a whole fails."""
    report = yield
    return _no_skip(report)


def _no_skip(report: Any) -> Any:
    if (
        os.environ.get("MUSICGEN_VAE_NO_SKIPS") == "1"
        and report.skipped
        and not hasattr(report, "wasxfail")
    ):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which counts as a failure here: {reason}"
    return report


@pytest.fixture(scope="session")
def tiny_composer() -> Composer:
    """A small model that was really trained on the example tunes; see tests/data/README.md."""
    from musicgen_vae.generation.composer import Composer

    return Composer.load(TINY_CHECKPOINT, device="cpu")


@pytest.fixture(scope="session")
def shipped_composer() -> Composer:
    """The model that ships: unlike the tiny one it has a flow and controls of emotion."""
    from musicgen_vae.generation.composer import Composer

    return Composer.load(device="cpu")
