from __future__ import annotations

import json
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from musicgen_vae.ui.landing import load_landing
from musicgen_vae.ui.language import COOKIE
from musicgen_vae.ui.prelude import Prelude, preludes
from musicgen_vae.ui.words.zh_tw import TRADITIONAL

PAGE = "<body><gradio-app></gradio-app><p>\u00e9</p></body>"


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE)


@pytest.fixture(scope="module")
def client() -> TestClient:
    added = {"en": "<b>en</b>", "zh-CN": "<b>cn</b>", "zh-TW": "<b>tw</b>"}
    return TestClient(
        Starlette(
            routes=[Route("/", page, methods=["GET", "POST"]), Route("/other", page)],
            middleware=[Middleware(Prelude, preludes=added)],
        )
    )


@pytest.mark.parametrize(
    ("accepted", "cookie", "said"),
    [("de", "", "en"), ("zh-HK,en", "", "tw"), ("zh-HK", "zh-CN", "cn"), ("en", "<", "en")],
)
def test_it_is_put_before_the_page_in_the_visitors_language(
    client: TestClient, accepted: str, cookie: str, said: str
) -> None:
    answer = client.get(
        "/", headers={"accept-language": accepted, "cookie": f"{COOKIE}={cookie}" if cookie else ""}
    )
    assert answer.text == PAGE.replace("<gradio-app>", f"<b>{said}</b><gradio-app>", 1)
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_all_else_is_left_alone(client: TestClient) -> None:
    assert client.get("/other").text == PAGE
    assert client.post("/").text == PAGE
    assert client.get("/?seed=1&checkpoint=0abc").text == PAGE
    assert client.get("/nothing").status_code == 404
    assert client.get("/?__theme=dark").text != PAGE


def test_it_has_the_first_step_of_the_prepared_morph() -> None:
    landing = load_landing()
    assert landing is not None
    made = preludes(landing, None)
    value = json.loads(re.findall(r"\{ value: (\{.*\}) \}, \(\)", made["en"])[0])
    (take,) = value["takes"]
    assert take["title"] == landing.takes(None)[0].title
    assert take["audio"]["url"].endswith("landing/step1.mp3")
    assert TRADITIONAL["subtitle"] in made["zh-TW"]
