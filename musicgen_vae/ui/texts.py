"""Every sentence and label of the page, by key, in the language that is being spoken.

A language is a mapping of the same keys (``words/``). Which one is spoken is a context variable,
set around each handler for the visitor who asked. Nothing here knows where a text is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from musicgen_vae.ui.words.en import ENGLISH
from musicgen_vae.ui.words.zh_cn import SIMPLIFIED
from musicgen_vae.ui.words.zh_tw import TRADITIONAL

DEFAULT_LANGUAGE = "en"
WORDS: Mapping[str, Mapping[str, str]] = {
    DEFAULT_LANGUAGE: ENGLISH,
    "zh-CN": SIMPLIFIED,
    "zh-TW": TRADITIONAL,
}
"""Language tag to words."""

_spoken = ContextVar("spoken", default=DEFAULT_LANGUAGE)


def text(key: str, /, **values: object) -> str:
    """The text called ``key``, with ``values`` in its braces, in the language being spoken."""
    return WORDS[_spoken.get()][key].format(**values)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak ``language``, one of ``WORDS``, within the context."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The language being spoken."""
    return _spoken.get()


def best_language(wanted: str) -> str:
    """The language of ``WORDS`` that suits a browser's list, such as ``"de-CH,zh-TW;q=0.8"``.

    Chinese in traditional script goes to ``zh-TW``, all other Chinese to ``zh-CN``; a list in which
    nothing is known means English.
    """
    for entry in wanted.split(",")[:20]:
        tag = entry.partition(";")[0].strip().lower()
        language = tag.partition("-")[0]
        if language == "zh":
            traditional = any(part in tag for part in ("hant", "-tw", "-hk", "-mo"))
            tag = "zh-TW" if traditional else "zh-CN"
        else:
            tag = language
        if tag in WORDS:
            return tag
    return DEFAULT_LANGUAGE
