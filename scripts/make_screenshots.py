"""Pictures of the page: those in the README, or one of every tab in every look, to be looked at.

    python -m scripts.make_screenshots                 # docs/screenshots/*.webp
    python -m scripts.make_screenshots --every FOLDER  # tabs × languages × light, dark × widths

Needs Chromium and the development extras. It starts the app itself and stops it.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from musicgen_vae.ui.texts import WORDS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "screenshots"
MAX_BYTES = 150_000
DESKTOP = (1280, 860)
PHONE = (360, 780)
_TIMEOUT_MS = 300_000
Tab = Literal["start", "create", "morph", "edit", "map"]
TABS: tuple[Tab, ...] = ("start", "create", "morph", "edit", "map")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture.

    Attributes:
        name: of the file, without extension.
        tab: what is open.
        language: one of ``WORDS``.
        dark: instead of light.
        size: width and height of the window, in CSS pixels.
        whole: the whole length of the page instead of what the window shows.
    """

    name: str
    tab: Tab
    language: str = "en"
    dark: bool = False
    size: tuple[int, int] = DESKTOP
    whole: bool = False


SHOTS = (
    Shot(name="listen", tab="start"),
    Shot(name="create", tab="create", dark=True, size=(1280, 1330)),
    Shot(name="edit", tab="edit", language="zh-CN", size=(1280, 1470)),
    Shot(name="phone", tab="start", dark=True, size=PHONE, language="zh-TW"),
)


def every() -> list[Shot]:
    """All tabs in all looks."""
    return [
        Shot(
            name=f"{tab}-{language}-{'dark' if dark else 'light'}-{size[0]}",
            tab=tab,
            language=language,
            dark=dark,
            size=size,
            whole=True,
        )
        for language in WORDS
        for dark in (False, True)
        for size in (DESKTOP, PHONE)
        for tab in TABS
    ]


@contextmanager
def app() -> Iterator[str]:
    """The address of an app that is running."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-u", "app.py"],
        cwd=ROOT,
        env=os.environ | {"GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def open_tab(page: Page, tab: Tab, language: str) -> None:
    """Open a tab, which on a narrow page may be in a menu."""
    name = WORDS[language][f"tab_{tab}"]
    button = page.get_by_role("tab", name=name, exact=True)
    if not button.is_visible():
        page.locator(".overflow-menu > button").first.click()
        button = page.locator(".overflow-dropdown").get_by_role("button", name=name, exact=True)
    button.click()


def choose(page: Page, name: str, typed: str) -> None:
    """Choose of a dropdown what is found by ``typed``."""
    box = page.locator(f"#{name} input")
    box.click()
    box.press_sequentially(typed, delay=30)
    page.get_by_role("option").first.click()


def shown(page: Page, name: str) -> None:
    """Wait for a player."""
    expect(page.locator(f"#{name} figure")).to_be_visible()


def play_a_little(page: Page, name: str) -> None:
    """Stop in the midst of the second bar, so that the playhead is seen."""
    page.locator(f"#{name} canvas").click(position={"x": 130, "y": 60})
    page.locator(f"#{name} .player-play").click()
    page.wait_for_timeout(600)
    page.locator(f"#{name} .player-play").click()


def fill(page: Page, tab: Tab) -> None:
    """Put something into the open tab that is worth a picture."""
    if tab == "start":
        play_a_little(page, "landing")
    elif tab == "create":
        pad = page.locator("#pad .pad")
        width = (pad.bounding_box() or {"width": 0})["width"]
        pad.click(position={"x": 0.8 * width, "y": 50})
        page.locator("#bars .bars-column").first.scroll_into_view_if_needed()
        for bar, height in enumerate((90, 70, 45, 25)):
            page.locator("#bars .bars-column").nth(bar).click(position={"x": 8, "y": height})
        page.locator("#variations input[type=number]").fill("2")
        page.locator("#generate").click()
        shown(page, "create-1")
        play_a_little(page, "create-0")
    elif tab == "morph":
        page.locator(".pairs button").first.click()
        shown(page, "morph-fade")
    elif tab == "edit":
        choose(page, "edit-example", "Green")
        shown(page, "edit-original")
        page.locator("#edit-roll canvas").click(position={"x": 30, "y": 80})
        page.locator("#do-edit").click()
        shown(page, "edit-result")
    elif tab == "map":
        expect(page.locator("#map-plot .main-svg").first).to_be_visible()
        choose(page, "map-search", "bach")
        shown(page, "map-original")


def take(browser: Browser, url: str, shot: Shot) -> bytes:
    """The picture as PNG."""
    width, height = shot.size
    context = browser.new_context(
        locale=shot.language,
        color_scheme="dark" if shot.dark else "light",
        viewport={"width": width, "height": height},
        device_scale_factor=2 if shot.size == PHONE else 1,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(url)
    expect(page.get_by_role("tab").first).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", shot.language)
    open_tab(page, shot.tab, shot.language)
    fill(page, shot.tab)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_timeout(700)
    picture = page.screenshot(full_page=shot.whole)
    context.close()
    return picture


def write(picture: bytes, path: Path) -> None:
    """Write a WebP file of at most ``MAX_BYTES``, as good as that allows."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for quality in (90, 80, 70, 60, 50):
        image.save(path, "WEBP", quality=quality, method=6)
        if path.stat().st_size <= MAX_BYTES:
            return
    raise ValueError(f"{path.name} has {path.stat().st_size} bytes")


def main() -> None:
    """Start the app, take the pictures, write them."""
    parser = argparse.ArgumentParser(description="Pictures of the page.")
    parser.add_argument("--every", type=Path, metavar="FOLDER", help="all tabs in all looks")
    parser.add_argument("--only", default="", help="pictures whose names have this in them")
    parser.add_argument("--url", help="an app that is running already")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: there is no Chromium")
    folder = arguments.every or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    shots = [one for one in (every() if arguments.every else SHOTS) if arguments.only in one.name]
    expect.set_options(timeout=_TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        with nullcontext(arguments.url) if arguments.url else app() as url:
            for shot in shots:
                picture = take(browser, url, shot)
                if arguments.every:
                    (folder / f"{shot.name}.png").write_bytes(picture)
                else:
                    write(picture, folder / f"{shot.name}.webp")
        browser.close()


if __name__ == "__main__":
    main()
