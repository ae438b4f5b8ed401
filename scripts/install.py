"""Makes ``.venv`` and installs the requirement files in it; does nothing when that is done.

It knows the one thing a requirements file cannot say: PyPI's torch for Linux brings about 3 GB of
CUDA libraries, so without an NVIDIA GPU a CPU build is looked for first. It does not choose the
Python it runs on (``find_python.sh`` does) and needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import shutil
import subprocess
import sys
import urllib.request
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CPU_INDEX_TIMEOUT_S = 5.0


def main(arguments: list[str] | None = None) -> None:
    """Install ``requirements.txt`` and, with ``--dev``, ``requirements-dev.txt``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dev", action="store_true", help="the development extras as well")
    dev = parser.parse_args(arguments).dev
    make_venv()
    install("requirements.txt")
    if dev:
        install("requirements-dev.txt")


def make_venv() -> None:
    """Create ``.venv`` for the running Python unless it is there; one of another version goes.

    Raises:
        SystemExit: if this Python cannot make virtual environments.
    """
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    theirs = venv_version()
    if theirs == ours:
        return
    if find_spec("ensurepip") is None:
        sys.exit(
            f"error: this Python {ours} cannot make virtual environments. On Debian or Ubuntu:\n"
            "    sudo apt install python3-venv\n"
            f"(python{ours}-venv if {ours} is not the system's own version)"
        )
    print(f"Making .venv with Python {ours}" + (f" in place of {theirs}" if theirs else ""))
    venv.create(VENV, with_pip=True, clear=True, symlinks=True)


def venv_version() -> str | None:
    """The Python version of ``.venv``, or None if that does not run or has no pip."""
    code = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        result = subprocess.run([venv_python(), "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def install(name: str) -> None:
    """Bring ``.venv`` up to the requirement file ``name``, once for each content of the file.

    Raises:
        SystemExit: if pip fails.
    """
    stamp = VENV / f"{name}.installed"
    wanted = fingerprint(name)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing {name} in .venv; the first time takes minutes", flush=True)
    if name == "requirements.txt" and sys.platform == "linux" and not has_nvidia_gpu():
        install_cpu_torch()
    if not pip_install("-r", str(ROOT / name)):
        sys.exit(f"error: pip could not install {name}: see above. make install goes on from there")
    stamp.write_text(wanted)


def fingerprint(name: str) -> str:
    """Changes with the Python version and with the file ``name`` and the files it includes."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for line in (ROOT / name).read_text().splitlines():
        digest.update(line.encode() + b"\n")
        if line.startswith("-r "):
            digest.update(fingerprint(line.split()[1]).encode())
    return digest.hexdigest()


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is installed."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def install_cpu_torch() -> None:
    """Install torch from PyTorch's CPU index if that answers; its dependencies come later.

    A failure is no error: the plain index has torch as well, only larger.
    """
    try:
        urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=CPU_INDEX_TIMEOUT_S).close()
    except (OSError, http.client.HTTPException):
        print(f"{CPU_INDEX} does not answer: taking torch from pip's usual index", flush=True)
        return
    print("No NVIDIA GPU: taking a CPU build of torch", flush=True)
    if not pip_install("--no-deps", "--index-url", CPU_INDEX, torch_requirement()):
        print("No CPU build to be had: taking torch from pip's usual index", flush=True)


def torch_requirement() -> str:
    """The requirement of ``requirements.txt`` for torch, such as ``torch>=2.8,<2.14``."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return next(line.split("#")[0].strip() for line in lines if line.startswith("torch"))


def pip_install(*arguments: str) -> bool:
    """Run ``pip install`` in ``.venv``, with its progress for a person; False if it fails."""
    options = ["--disable-pip-version-check", *([] if sys.stdout.isatty() else ["--quiet"])]
    command = [venv_python(), "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command).returncode == 0


def venv_python() -> str:
    """The interpreter of ``.venv``."""
    return str(VENV / "bin" / "python")


if __name__ == "__main__":
    main()
