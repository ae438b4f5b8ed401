"""The opening morph's first step in the page itself, to be seen and heard before Gradio starts.

Gradio needs seconds of a slow phone's time until it shows anything. This puts the same player into
the HTML that it serves; ``prelude.js`` hands over what plays and takes it away. A link to a result
is left alone, for there the page opens elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from musicgen_vae.music.attributes import Edges
from musicgen_vae.ui.components.player import SCRIPT, TEMPLATE, take_value
from musicgen_vae.ui.landing import Landing
from musicgen_vae.ui.language import language_of
from musicgen_vae.ui.link import is_link
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import WORDS, speaking, text

_FOLDER = Path(__file__).parent / "components"
_BEFORE = b"<gradio-app"


def preludes(landing: Landing, edges: Edges | None) -> dict[str, str]:
    """Language to HTML with a player of the morph's first step."""
    made = {}
    for language in WORDS:
        with speaking(language):
            made[language] = _prelude(landing.takes(edges)[0])
    return made


def _prelude(take: Take) -> str:
    value = take_value(take)
    value["audio"]["url"] = f"gradio_api/file={value['audio']['path']}"
    said = json.dumps({"series": "prelude", "index": 0, "takes": [value]}).replace("<", "\\u003c")
    style, looks, script = (
        (_FOLDER / name).read_text(encoding="utf-8")
        for name in ("page.css", "prelude.css", "prelude.js")
    )
    return f"""<div id="prelude" class="large">
<style>{style}{looks}</style>
<h1>MusicGen-VAE</h1>
<p>{escape(text("subtitle"))}</p>
<p role="status">{escape(text("page_loading"))}</p>
{TEMPLATE}
</div>
<script>(() => {{
const prelude = document.getElementById("prelude");
const theme = new URLSearchParams(location.search).get("__theme");
const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
prelude.classList.toggle("dark", dark);
((element, props, watch) => {{ {SCRIPT} }})(prelude, {{ value: {said} }}, () => {{}});
{script}
}})();</script>
"""


class Prelude:
    """ASGI middleware that puts a prelude into the page.

    Args:
        app: what serves the page, uncompressed.
        preludes: language to HTML.
    """

    def __init__(self, app: ASGIApp, preludes: Mapping[str, str]) -> None:
        self._app = app
        self._preludes = preludes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if not _opens_the_page(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        added = self._preludes[language_of(request.cookies, request.headers)].encode()
        start: Message | None = None
        body = b""

        async def changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body") or start is None:
                return
            body = body.replace(_BEFORE, added + _BEFORE, 1)
            headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
            headers.append((b"content-length", str(len(body)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, changed)


def _opens_the_page(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"] in ("/", "")
        and not is_link(dict(Request(scope).query_params))
    )
