from __future__ import annotations

import ast
import re
import string
from collections.abc import Mapping
from pathlib import Path

import pytest

from musicgen_vae.ui import texts
from musicgen_vae.ui.language import NAMES
from musicgen_vae.ui.texts import WORDS, best_language, speaking, text
from musicgen_vae.ui.words.en import ENGLISH

UI = Path(texts.__file__).parent
LANGUAGES = list(WORDS)


def names_of(word: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(word) if name is not None}


def test_every_text_is_there_and_used() -> None:
    asked, literals = [], set()
    for path in UI.rglob("*.py"):
        if path.parent.name == "words":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("text", "label"):
                key = node.args[0]
                if isinstance(key, ast.Constant):
                    asked.append(re.escape(key.value))
                elif isinstance(key, ast.JoinedStr):
                    parts = [getattr(part, "value", None) for part in key.values]
                    asked.append("".join(p if isinstance(p, str) else ".+" for p in parts))
            elif isinstance(node, ast.Constant):
                literals.add(node.value)
    assert len(asked) > 60
    for pattern in asked:
        assert any(re.fullmatch(pattern, key) for key in ENGLISH), pattern
    for key in ENGLISH:
        found = key in literals or any(re.fullmatch(pattern, key) for pattern in asked)
        assert found, f"unused text: {key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_keys_and_braces(language: str) -> None:
    words: Mapping[str, str] = WORDS[language]
    assert words.keys() == ENGLISH.keys()
    for key, word in words.items():
        assert names_of(word) == names_of(ENGLISH[key]), key
        assert all(name.isidentifier() for name in names_of(word)), key
        assert word.strip() == word != "", key


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag.startswith("zh")])
def test_chinese_is_chinese(language: str) -> None:
    for key, word in WORDS[language].items():
        bare = re.sub(r"\{[^}]*\}|`[^`]*`", "", word)
        latin = set(re.findall(r"[A-Za-z]{2,}", bare)) - {"MIDI", "AABA", "SNE", "PCA", "br"}
        assert not latin, (key, latin)


def test_every_language_can_be_chosen() -> None:
    assert NAMES.keys() == WORDS.keys()


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "en"),
        ("fr-FR,de;q=0.8", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh", "zh-CN"),
        ("zh-CN,zh;q=0.9", "zh-CN"),
        ("fr, zh-Hant-HK;q=0.8", "zh-TW"),
        ("zh-TW", "zh-TW"),
        ("x" * 10_000, "en"),
    ],
)
def test_a_browsers_wishes(wanted: str, language: str) -> None:
    assert best_language(wanted) == language


def test_a_language_is_spoken_for_a_while() -> None:
    before = text("tab_create")
    with speaking("zh-CN"):
        assert text("tab_create") != before
    assert text("tab_create") == before
