"""The set-up files agree with one another, and the Makefile does what it says."""

from __future__ import annotations

import ast
import fnmatch
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import musicgen_vae

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
needs_sh = pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no /bin/sh")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(name: str) -> dict[str, Requirement]:
    lines = [line for line in text_of(name).splitlines() if line and line[0] not in "#-"]
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def space_settings() -> dict[str, Any]:
    _, front_matter, _ = text_of("README.md").split("---\n", 2)
    settings = yaml.safe_load(front_matter)
    assert isinstance(settings, dict)
    return settings


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def documented_targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z-]+):.*?## (.+)$", text_of("Makefile"), re.MULTILINE))


# ---- Space and requirements


def test_gradio_is_one_version_everywhere() -> None:
    (pin,) = requirements("requirements.txt")["gradio"].specifier
    assert pin.operator == "=="
    assert pin.version == space_settings()["sdk_version"] == importlib.metadata.version("gradio")


def test_the_space_is_set_up() -> None:
    settings = space_settings()
    assert settings["title"] == "MusicGen-VAE"
    assert settings["sdk"] == "gradio"
    assert settings["license"] == "mit"
    assert len(settings["short_description"]) <= 60
    assert settings["suggested_hardware"] == "cpu-basic"
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {settings["colorFrom"], settings["colorTo"]} <= colors
    assert ".".join(str(settings["python_version"]).split(".")[:2]) in SUPPORTED
    assert (ROOT / settings["app_file"]).is_file()


def test_the_pythons_are_the_same_everywhere() -> None:
    pyproject = text_of("pyproject.toml")
    found = re.search(r'requires-python = "(.+)"', pyproject)
    assert found
    allowed = [f"3.{minor}" for minor in range(30) if f"3.{minor}" in SpecifierSet(found[1])]
    assert tuple(allowed) == SUPPORTED
    assert f'python_version = "{SUPPORTED[0]}"' in pyproject


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_plain_ranges_and_met(name: str) -> None:
    assert not re.search(r"^-(?!r requirements.txt$)", text_of(name), re.MULTILINE)
    for name_, requirement in requirements(name).items():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == ({"=="} if name_ == "gradio" else {">=", "<"}), requirement
        installed = importlib.metadata.version(name_)
        assert requirement.specifier.contains(installed), f"{requirement} but {installed}"


def test_what_the_package_imports_at_its_head_is_required() -> None:
    """Imports inside functions and ``try`` may be of optional libraries; these may not."""
    distributions = importlib.metadata.packages_distributions()
    required = requirements("requirements.txt").keys()
    missing = set()
    for path in [ROOT / "app.py", *(ROOT / "musicgen_vae").rglob("*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            else:
                continue
            for library in {name.split(".")[0] for name in names}:
                if library in sys.stdlib_module_names or library == "musicgen_vae":
                    continue
                known = {canonicalize_name(name) for name in distributions.get(library, [])}
                if not known & required:
                    missing.add(f"{library} in {path.relative_to(ROOT)}")
    assert missing == set()


def test_nothing_fixes_the_server_name_or_port() -> None:
    for path in [ROOT / "app.py", *(ROOT / "musicgen_vae" / "ui").rglob("*.py")]:
        assert not re.search(r"server_(name|port)\s*=", path.read_text(encoding="utf-8")), path


# ---- documents


def test_the_readme_names_both_commands_and_only_paths_that_exist() -> None:
    readme = text_of("README.md")
    assert "\nmake app " in readme and "\nmake test " in readme
    tree = readme.split("## Layout")[1].split("```")[1]
    listed, folder = [], ROOT
    for line in filter(None, tree.splitlines()):
        name = line.split()[0]
        if line.startswith(" "):
            listed.append(folder / name)
        else:
            listed.append(folder := ROOT / name)
    assert len(listed) > 10
    assert [str(path) for path in listed if not path.exists()] == []


def test_licence_and_changelog() -> None:
    assert text_of("LICENSE").startswith("MIT License") and "MusicGen-VAE" in text_of("LICENSE")
    assert "## [Unreleased]" in text_of("CHANGELOG.md")


# ---- the package's face


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import musicgen_vae, sys; sys.exit(bool({'torch', 'numpy', 'gradio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_composer_is_found_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    composer = types.ModuleType("musicgen_vae.generation.composer")
    composer.Composer = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, composer.__name__, composer)
    assert musicgen_vae.Composer is composer.Composer
    with pytest.raises(AttributeError, match="no attribute 'Compositor'"):
        _ = musicgen_vae.Compositor


# ---- Makefile


def test_the_makefile_is_gnu_make_3_81() -> None:
    makefile = text_of("Makefile")
    for newer in (
        r"!=",
        r"::=",
        r"\.ONESHELL",
        r"\.RECIPEPREFIX",
        r"&:",
        r"\$\(file\b",
        r"\$\(let\b",
    ):
        assert not re.search(newer, makefile), newer


@needs_make
def test_help_lists_every_target() -> None:
    listed = make("help")
    assert listed.returncode == 0
    phony = re.search(r"^\.PHONY: (.+)$", text_of("Makefile"), re.MULTILINE)
    assert phony and documented_targets().keys() == set(phony[1].split())
    assert {"app", "test", "install", "space"} <= documented_targets().keys()
    for target, description in documented_targets().items():
        assert re.search(rf"^make {target} +{re.escape(description)}$", listed.stdout, re.MULTILINE)
    assert make().stdout == listed.stdout


@needs_make
@pytest.mark.parametrize("target", documented_targets())
def test_every_target_can_be_planned(target: str) -> None:
    plan = make("-n", target)
    assert plan.returncode == 0, plan.stderr


@needs_make
def test_app_and_test_rest_on_install() -> None:
    for target in ("app", "test"):
        assert make("-n", target).stdout.splitlines()[0].endswith("scripts/install.py")
    assert make("-n", "app").stdout.splitlines()[-1].endswith("app.py")
    assert "pytest" in make("-n", "test").stdout.splitlines()[-1]


@needs_make
def test_a_space_needs_a_name() -> None:
    result = make("space")
    assert result.returncode != 0
    assert "error: name the Space: make space SPACE=user/name" in result.stderr


@needs_make
def test_a_space_gets_what_it_runs_and_no_more() -> None:
    upload = make("-n", "space", "SPACE=user/name").stdout.split("hf upload")[1]
    patterns = re.findall(r"--exclude '(.+?)'", upload)
    assert '"user/name" . . --repo-type space' in upload

    def goes_up(path: str) -> bool:
        return not any(fnmatch.fnmatch(path, pattern) for pattern in patterns)

    for path in (
        "app.py",
        "README.md",
        "requirements.txt",
        "LICENSE",
        "musicgen_vae/corpus/build.py",
        "musicgen_vae/training/state.py",
        "checkpoints/model.safetensors",
        "assets/example.mid",
    ):
        assert goes_up(path), path
    for path in (
        ".venv/bin/python",
        ".git/config",
        ".env",
        ".ci/run",
        "tests/test_setup.py",
        "corpus/train.npz",
        "state/last.pt",
        "musicgen_vae/__pycache__/errors.pyc",
    ):
        assert not goes_up(path), path


# ---- the choice of a Python


def fake_python(folder: Path, name: str, version: str | None) -> None:
    """A command that says it is ``version``, or fails as a launcher without a Python does."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + (f"echo {version}\n" if version else "exit 127\n"))
    path.chmod(0o755)


def find_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``find_python.sh`` in an empty folder, with nothing but ``folder/bin`` on the PATH."""
    (folder / "bin").mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "find_python.sh"), *arguments],
        cwd=folder,
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
    )


@needs_sh
@pytest.mark.parametrize("version", SUPPORTED)
def test_a_supported_python_is_taken(tmp_path: Path, version: str) -> None:
    fake_python(tmp_path / "bin", "python3", version)
    assert find_python(tmp_path).stdout == "python3\n"


@needs_sh
@pytest.mark.parametrize("version", ["2.7", "3.9", "3.14", "4.0"])
def test_another_python_is_refused_by_its_version(tmp_path: Path, version: str) -> None:
    fake_python(tmp_path / "bin", "python3", version)
    result = find_python(tmp_path)
    assert result.returncode == 1 and result.stdout == ""
    assert f"needs Python 3.10 to 3.13; python3 is {version}" in result.stderr


@needs_sh
def test_no_python_at_all_is_said(tmp_path: Path) -> None:
    result = find_python(tmp_path)
    assert result.returncode == 1
    assert "needs Python 3.10 to 3.13; none was found" in result.stderr


@needs_sh
def test_an_unsupported_default_and_a_dead_launcher_are_passed_over(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", "3.14")
    fake_python(tmp_path / "bin", "python3.12", None)
    fake_python(tmp_path / "bin", "python3.11", "3.11")
    assert find_python(tmp_path).stdout == "python3.11\n"


@needs_sh
def test_the_python_asked_for_is_taken_or_refused(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", "3.11")
    fake_python(tmp_path / "bin", "python3.13", "3.13")
    fake_python(tmp_path / "bin", "python3.9", "3.9")
    assert find_python(tmp_path, "python3.13").stdout == "python3.13\n"
    assert "python3.9 is 3.9" in find_python(tmp_path, "python3.9").stderr
    assert "python3.12 does not run" in find_python(tmp_path, "python3.12").stderr


@needs_sh
def test_an_environment_that_works_stays(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", "3.13")
    fake_python(tmp_path / ".venv" / "bin", "python", "3.11")
    assert find_python(tmp_path).stdout == ".venv/bin/python\n"
    fake_python(tmp_path / ".venv" / "bin", "python", None)
    assert find_python(tmp_path).stdout == "python3\n"
