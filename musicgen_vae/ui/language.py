"""Which language a visitor reads, and labels that the browser translates by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from musicgen_vae.ui.texts import DEFAULT_LANGUAGE, WORDS, best_language

COOKIE = "musicgen_language"
"""Set by ``language.js`` to the language that the visitor chose."""
NAMES = {"en": "English", "zh-CN": "简体中文", "zh-TW": "繁體中文"}
_PREFIX = "page_"
"""Of keys in the browser, which takes every plain value that is a key for one."""
_SCRIPT = Path(__file__).parent / "components" / "language.js"


def label(key: str) -> Any:
    """The text called ``key``, put into the visitor's language by the browser."""
    return gr.I18n()(_PREFIX + key)


def translations() -> gr.I18n:
    """All words, for the browser."""
    return gr.I18n(
        **{
            tag: {_PREFIX + key: word for key, word in words.items()}
            # What Gradio tells screen readers in English only.
            | {"status.queue_position": words["queue_place"]}
            for tag, words in WORDS.items()
        }
    )


def visitor_language() -> str:
    """The language of the visitor whose event is being handled; English outside of events."""
    request = LocalContext.request.get(None)
    return DEFAULT_LANGUAGE if request is None else language_of(request.cookies, request.headers)


def language_of(cookies: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The language of a request: what was chosen on the page, else what the browser prefers."""
    chosen = cookies.get(COOKIE)
    if chosen in WORDS:
        return str(chosen)
    return best_language(headers.get("accept-language", ""))


def page_address() -> str:
    """The address of the page in the visitor's browser, without query."""
    space = os.environ.get("SPACE_ID")
    if space:  # A Space is seen within a page of its host.
        return f"https://huggingface.co/spaces/{space}"
    request = LocalContext.request.get(None)
    return "" if request is None else request.headers.get("referer", "").partition("?")[0]


def visitor_query() -> dict[str, str]:
    """The query of the address with which the visitor opened the page."""
    request = LocalContext.request.get(None)
    return {} if request is None else dict(request.query_params)


def script() -> str:
    """JavaScript that tells the language to be shown at first, and one that shows another.

    Gradio has the switch in its settings but tells nobody of it: the function lies in a module
    whose name carries a hash.
    """
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    core = next(assets.glob("core-*.js")).name
    return _SCRIPT.read_text(encoding="utf-8").replace("CORE", f"assets/{core}")
