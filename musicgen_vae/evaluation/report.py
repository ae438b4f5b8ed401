"""The evaluation as a page for people: ``docs/results.md``."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FIELDS = ("step", "role", "pitch", "duration", "velocity")


def machine() -> str:
    """Processor and number of CPUs, as the operating system names them."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """The checkout's short commit hash, or "unknown" outside one."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def results_page(result: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """Markdown of an evaluation.

    Args:
        result: from ``evaluate``, with ``machine`` and ``commit`` added.
        training: how the checkpoint was trained, from its JSON file.
    """
    recon, elbo = result["reconstruction"], result["elbo"]
    lines = [
        "# Results",
        "",
        "Written by `python -m musicgen_vae evaluate`; do not edit.",
        "",
        f"- Checkpoint `{result['checkpoint']}`, trained for "
        f"{training.get('seconds', 0) / 3600:.2f} hours ({training.get('step', 0):,} steps, "
        f"{training.get('n_clips', 0):,} clips).",
        f"- Data: {result['clips']} clips (stride of 4 bars) of {result['songs']} songs, split "
        f"`{result['split']}`; no song of it was trained on.",
        f"- Machine: {result['machine']}; commit `{result['commit']}`; "
        f"{result['seconds']:.0f} s in all.",
        "",
        "## Reconstruction",
        "",
        "Most likely notes from the posterior's mean, no kept notes. F1 over all notes together;",
        "the interval is a 95 % bootstrap over songs.",
        "",
        "| what must agree | F1 | 95 % interval |",
        "|---|---|---|",
    ]
    names = {
        "role_onset_pitch": "role, exact step, pitch",
        "with_duration": "role, exact step, pitch, duration class",
    }
    for key, name in names.items():
        value = recon[key]
        lines.append(f"| {name} | {value['f1']:.3f} | {value['low']:.3f} to {value['high']:.3f} |")
    for role in ("melody", "harmony", "bass", "drums"):
        if role in recon:
            lines.append(f"| {role} only: exact step, pitch | {recon[role]['f1']:.3f} | |")
    lines += [
        "",
        "## ELBO, in nats per clip",
        "",
        "One draw of z per clip, unweighted, teacher-forced.",
        "",
        "| part | nats | share guessed right |",
        "|---|---|---|",
    ]
    for field in _FIELDS:
        lines.append(f"| {field} | {elbo[f'{field}_nats']:.1f} | {elbo[f'{field}_accuracy']:.3f} |")
    bars = ", ".join(f"{elbo[f'kl_bar_{i}']:.1f}" for i in range(1, 5))
    lines += [
        f"| recon_loss | {elbo['recon']:.1f} | |",
        f"| kl | {elbo['kl']:.1f} ({bars} by bar) | |",
        f"| elbo | {elbo['elbo']:.1f} | |",
        "",
        f"Active dimensions of z: {elbo['active_dimensions']:.0f}.",
        "",
        "## Control",
        "",
        "Samples with one control asked (the same class in all four bars), everything else",
        "unspecified, fresh z, no rejection and no editing. Spearman correlation of the class",
        "asked with the mean value measured; share of bars at most one class off.",
        "",
        "| control | samples | Spearman | within one class |",
        "|---|---|---|---|",
    ]
    for name, value in result["control"].items():
        lines.append(
            f"| {name} | {value['n']:.0f} | {value['spearman']:.3f} | {value['within_one']:.3f} |"
        )
    return "\n".join(lines) + "\n"
