"""The page in a real Chromium. It may ask nobody but the app, and no script of it may fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=alert(1)>"
TEMPLATED = "${alert(1)}"
TIMEOUT_MS = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[OpenPage]:
    """Opens the page in a context of its own and, at the end, checks what it did."""
    wrong: list[str] = []
    contexts = []

    def on_request(url: str) -> None:
        if urlparse(url).scheme in ("http", "https", "ws") and not url.startswith(app_url):
            wrong.append(f"request to {url}")

    def make(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: on_request(request.url))
        page.on("pageerror", lambda error: wrong.append(f"script error {error}"))
        page.on("dialog", lambda dialog: (wrong.append("a dialog opened"), dialog.dismiss()))
        page.goto(app_url)
        expect(page.locator("#generate")).to_be_visible()
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


def roll(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} figure")


def play(page: Page, name: str) -> None:
    """Play by keyboard until time goes on."""
    audio = page.locator(f"#{name} audio")
    audio.focus()
    page.keyboard.press("Space")
    handle = audio.element_handle()
    page.wait_for_function("audio => audio.currentTime > 0.2 && !audio.paused", arg=handle)


def drawn(page: Page, name: str) -> int:
    """How many pixels of the piano roll have the colour of a role."""
    return page.locator(f"#{name} canvas").evaluate(
        """canvas => {
            const {width, height} = canvas;
            const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4)
                if (Math.max(...data.slice(i, i + 3)) - Math.min(...data.slice(i, i + 3)) > 80) n++;
            return n;
        }"""
    )


def upload(page: Page, side: str, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "audio/midi", "buffer": content}
    page.locator(f"#file-{side} input[type=file]").set_input_files(file)


def test_create_makes_clips_that_play_one_at_a_time(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Variations").first.fill("2")
    page.locator("#generate").click()
    expect(roll(page, "create-roll-1")).to_be_visible()
    expect(roll(page, "create-roll-0").locator("strong")).to_have_text("Seed 7")
    assert drawn(page, "create-roll-0") > 100
    play(page, "create-roll-0")
    play(page, "create-roll-1")
    assert page.locator("#create-roll-0 audio").evaluate("audio => audio.paused")
    with page.expect_download() as download:
        roll(page, "create-roll-0").get_by_role("link", name="MIDI").click()
    assert download.value.suggested_filename == "musicgen-seed7.mid"
    assert Path(download.value.path()).read_bytes()[:4] == b"MThd"


def test_create_tells_what_is_wrong_and_works_again(open_page: OpenPage) -> None:
    page = open_page()
    form = page.get_by_label("Form")
    form.fill("<i>x</i>")
    page.locator("#generate").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("form '<i>x</i>' is not 1 to 16")
    form.fill("A")
    seed = page.get_by_label("Seed", exact=True)
    page.locator("#dice").click()
    expect(seed).not_to_have_value("7")
    page.locator("#generate").click()
    expect(roll(page, "create-roll-0").locator("strong")).to_have_text(f"Seed {seed.input_value()}")


def test_morph_of_two_examples_steps_and_plays(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("tab", name="Morph").click()
    page.locator(".pairs button").first.click()
    for side in ("a", "b"):
        expect(roll(page, f"morph-{side}")).to_be_visible()
        assert drawn(page, f"morph-{side}") > 100
    page.get_by_label("Steps").first.fill("3")
    page.locator("#morph").click()
    title = roll(page, "morph-step").locator("strong")
    expect(title).to_have_text("Step 1 of 3: 0 % of the way from A to B")
    expect(roll(page, "morph-whole")).to_be_visible()
    slider = page.locator("#step input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("Step 2 of 3: 50 % of the way from A to B")
    play(page, "morph-step")
    play(page, "morph-whole")


def test_map_click_and_search_play_a_clip(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("tab", name="Map").click()
    plot = page.locator("#map-plot .js-plotly-plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    plot.scroll_into_view_if_needed()
    x, y, clip = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const trace = plot.data[0];
            return [box.left + xaxis._offset + xaxis.l2p(trace.x[0]),
                    box.top + yaxis._offset + yaxis.l2p(trace.y[0]), trace.customdata[0][0]];
        }"""
    )
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    assert clip == 0
    title = roll(page, "map-original").locator("strong")
    expect(title).to_have_text("Original: First, bars 1 to 4")
    expect(roll(page, "map-reconstruction")).to_be_visible()
    marked = plot.evaluate("plot => plot.data[plot.data.length - 1].x")
    assert marked == plot.evaluate("plot => [plot.data[0].x[0]]")
    play(page, "map-original")
    search = page.get_by_label("Find a clip")
    search.click()
    search.fill("")
    search.press_sequentially("onerror", delay=20)
    page.keyboard.press("Enter")
    expect(title).to_have_text(f"Original: {HOSTILE}, bars 1 to 4")
    play(page, "map-reconstruction")
    expect(page.get_by_text("4: CC0").first).to_be_visible()


def test_names_are_text_and_bad_files_are_told(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    page.get_by_role("tab", name="Morph").click()
    upload(page, "a", "bad.mid", b"MThd")
    expect(page.get_by_test_id("toast-body")).to_contain_text("not a MIDI file")
    expect(roll(page, "morph-a")).to_be_hidden()
    upload(page, "a", f"{HOSTILE}.mid", midi_file(title=TEMPLATED).read_bytes())
    title = roll(page, "morph-a").locator("strong")
    expect(title).to_have_text(f"{TEMPLATED}, bars 1 to 4")
    upload(page, "b", f"{TEMPLATED}.mid", midi_file(title=HOSTILE).read_bytes())
    expect(roll(page, "morph-b").locator("strong")).to_have_text(f"{HOSTILE}, bars 1 to 4")
    assert page.locator("#file-a, #morph-a, #morph-b").locator("img").count() == 0
    page.get_by_label("Bars of A").click()
    page.get_by_role("option", name="bars 5 to 8").click()
    expect(title).to_have_text(f"{TEMPLATED}, bars 5 to 8")


def test_a_narrow_phone_in_the_dark_has_one_column(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.locator("#generate").click()
    expect(roll(page, "create-roll-0")).to_be_visible()
    for tab in ("Create", "Morph", "Map"):
        page.get_by_role("tab", name=tab).click()
        width = page.locator(".gradio-container").evaluate("page => page.scrollWidth")
        assert width == 360, tab
    assert page.locator("body").evaluate("body => body.classList.contains('dark')")
