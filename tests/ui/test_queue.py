"""Visitors at once: who waits is told so in their language, and a stop makes room for the next."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from musicgen_vae.ui.components import queue
from musicgen_vae.ui.components.queue import queue_texts
from musicgen_vae.ui.texts import WORDS, speaking
from tests.ui.browsing import IN_CHROMIUM, OpenPage, number, open_tab, player

pytestmark = IN_CHROMIUM


def ask(page: Page, tab: str, *, variations: int, form: str) -> None:
    open_tab(page, tab)
    number(page, "variations").fill(str(variations))
    field = page.locator("#form input")
    field.fill(form)
    field.press("Enter")
    page.locator("#generate").click()


def test_who_waits_is_told_so_and_a_stop_lets_them_in(open_page: OpenPage) -> None:
    first, second = open_page(), open_page(locale="zh-CN")
    ask(first, "Create", variations=4, form="ABCDEFGH")
    expect(first.locator(".progress-text", has_text="being made").first).to_be_visible()
    ask(second, WORDS["zh-CN"]["tab_create"], variations=1, form="A")
    place = second.locator(".progress-text", has_text="排队中：第 1 位，共 1 位").first
    expect(place).to_be_visible()
    assert "queue" not in second.locator("main").inner_text()
    first.locator("#stop").click()
    expect(player(second, "create-0")).to_be_visible()
    # Had the first been served to its end, there would be four.
    assert not player(first, "create-3").is_visible()
    expect(first.locator("#stop")).to_be_hidden()
    expect(first.get_by_test_id("toast-body")).to_have_count(0)


def test_what_gradio_says_of_the_queue_is_translated(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<div class='progress-text'></div><p class='toast-text'></p><p id='else'></p>")
    script = Path(queue.__file__).with_suffix(".js").read_text(encoding="utf-8")
    with speaking("zh-TW"):
        texts = queue_texts()
    page.add_script_tag(content=f"const props = {{ texts: {json.dumps(texts)} }};{script}")

    def shown(where: str, words: str) -> str:
        element = page.locator(where)
        element.evaluate("(one, words) => one.replaceChildren(words)", words)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        return element.inner_text()

    assert (
        shown(".progress-text", "queue: 2/3 |")
        == "排隊中：第 2 位，共 3 位。正在先生成其他音樂。 ·"
    )
    assert shown(".progress-text", "processing |") == "正在生成 ·"
    assert shown(".progress-text", "1.2/3.4s") == "1.2/3.4s"
    assert shown(".toast-text", "Queue is full. Max size is 32 and size is 32.") == texts["full"]
    assert shown("#else", "queue: 2/3 |") == "queue: 2/3 |"
    # Gradio writes into the text that is there.
    page.locator(".progress-text").evaluate("one => { one.firstChild.data = 'queue: 1/3 |'; }")
    expect(page.locator(".progress-text")).to_have_text(
        "排隊中：第 1 位，共 3 位。正在先生成其他音樂。 ·"
    )
    page.close()
