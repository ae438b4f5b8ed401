"""Imports go one way: each part of the package rests only on the parts listed before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = "musicgen_vae"
ROOT = Path(__file__).resolve().parent.parent

ORDER = (
    "errors",
    "threads",
    "markdown",
    "music.clip",
    "music.key",
    "music.roles",
    "music.midi",
    "music.attributes",
    "music.emotion",
    "music.novelty",
    "music.tokens",
    "corpus",
    "model.config",
    "model.controls",
    "model.layers",
    "model.distributions",
    "model.labels",
    "model.vae",
    "model.prior",
    "model.losses",
    "model.checkpoint",
    "training",
    "generation.defaults",
    "generation.latent",
    "generation.decoding",
    "generation.composer",
    "generation.atlas",
    "evaluation",
    "audio",
    "ui",
    "benchmark",
    "cli",
    "__main__",
)
"""A later part may import an earlier one. Modules of a listed sub-package that are not listed
themselves are held to the order of the sub-packages, and to having no cycle."""

PARTS = tuple(dict.fromkeys(name.split(".")[0] for name in ORDER))


def read_sources(root: Path) -> dict[str, str]:
    """Dotted module name, without the package's, → source; the package itself is ``""``."""
    sources = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return sources


def imported_names(source: str) -> Iterator[str]:
    """Every absolute name that is imported, at any depth, as in ``package.module.name``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Module → the package's modules that it imports; the package itself is left out."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        if not module:
            continue
        graph[module] = set()
        for name in imported_names(source):
            if name == f"{PACKAGE}.Composer":
                name = f"{PACKAGE}.generation.composer.Composer"
            if not name.startswith(PACKAGE + "."):
                continue
            name = name.removeprefix(PACKAGE + ".")
            while name and name not in sources:
                name = name.rpartition(".")[0]
            if name:
                graph[module].add(name)
    return graph


def later_imports(sources: Mapping[str, str]) -> list[str]:
    """What is wrong with the order of the imports; empty if nothing is."""
    wrong = []
    for module, targets in import_graph(sources).items():
        part = module.split(".")[0]
        if part not in PARTS:
            wrong.append(f"{module} has no place in the order")
            continue
        for target in sorted(targets):
            target_part = target.split(".")[0]
            if target_part not in PARTS:
                continue
            later = PARTS.index(target_part) > PARTS.index(part)
            if module in ORDER and target in ORDER:
                later = ORDER.index(target) > ORDER.index(module)
            if later:
                wrong.append(f"{module} imports {target}, which comes later")
    return wrong


def cycle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import one another in a ring; empty if there is none."""
    graph = import_graph(sources)
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for target in sorted(graph.get(module, ())):
            if target != module and (ring := visit(target, [*path, module])):
                return ring
        done.add(module)
        return []

    return next((ring for module in graph if (ring := visit(module, []))), [])


def users_of(library: str, sources: Mapping[str, str]) -> set[str]:
    """Modules that import ``library``."""
    return {
        module
        for module, source in sources.items()
        if any(name.split(".")[0] == library for name in imported_names(source))
    }


def in_parts(modules: set[str], *parts: str) -> set[str]:
    return {module for module in modules if module.split(".")[0] in parts}


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    found = read_sources(ROOT)
    assert {"errors", "threads", "music.clip"} <= found.keys()
    return found


def test_no_module_imports_a_later_one(sources: dict[str, str]) -> None:
    assert later_imports(sources) == []


def test_no_modules_import_one_another_in_a_ring(sources: dict[str, str]) -> None:
    assert cycle(sources) == []


def test_only_the_page_knows_gradio(sources: dict[str, str]) -> None:
    users = users_of("gradio", sources)
    assert users == in_parts(users, "ui")


def test_music_and_what_lies_below_it_needs_no_torch(sources: dict[str, str]) -> None:
    assert in_parts(users_of("torch", sources), "errors", "music") == set()
    tree = ast.parse(sources["threads"])
    assert not any(isinstance(node, ast.Import) and "torch" in ast.dump(node) for node in tree.body)


def test_this_test_sees_a_later_import() -> None:
    tree = {
        "": "from musicgen_vae.generation.composer import Composer",
        "errors": "",
        "music.clip": "from musicgen_vae.errors import InputError",
        "music.tokens": "from musicgen_vae.music import clip",
        "audio.render": "import musicgen_vae.music.clip",
        "ui.page": "def build():\n    from musicgen_vae import Composer",
        "generation.composer": "from musicgen_vae import __version__",
    }
    assert later_imports(tree) == []
    for module, line, wrong in (
        ("music.clip", "from musicgen_vae.music import tokens", "music.tokens"),
        ("music.chords", "from musicgen_vae.audio.render import f", "audio.render"),
        ("audio.render", "import musicgen_vae.ui.page as page", "ui.page"),
        ("errors", "def f():\n    from musicgen_vae.music.clip import Clip", "music.clip"),
        ("training.loop", "from musicgen_vae import Composer", "generation.composer"),
    ):
        assert later_imports(tree | {module: line}) == [
            f"{module} imports {wrong}, which comes later"
        ]
    assert later_imports(tree | {"helpers": ""}) == ["helpers has no place in the order"]


def test_this_test_sees_a_ring() -> None:
    tree = {"model.a": "", "model.b": "import musicgen_vae.model.a", "model.c": ""}
    assert cycle(tree) == []
    tree["model.c"] = "from musicgen_vae.model import b"
    tree["model.a"] = "from musicgen_vae.model.c import d"
    assert sorted(cycle(tree)) == ["model.a", "model.b", "model.c"]


def test_this_test_reads_the_tree_on_disk(tmp_path: Path) -> None:
    for name, text in (("__init__.py", ""), ("music/__init__.py", ""), ("music/a.py", "x = 1")):
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert read_sources(tmp_path) == {"": "", "music": "", "music.a": "x = 1"}


def test_this_test_sees_a_library_in_a_function() -> None:
    assert users_of("gradio", {"a": "def f():\n    import gradio as gr", "b": "gradio = 1"}) == {
        "a"
    }
