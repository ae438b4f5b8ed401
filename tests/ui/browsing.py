"""What tests in a real Chromium share: where it is, how it is started, what is done on the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TIMEOUT_MS = 60_000
TABS = ("Listen", "Create", "Morph", "Edit", "Map")
IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]
"""Marks of a module whose tests drive a browser."""

OpenPage = Callable[..., Page]


def launch_chromium(playwright: Playwright) -> Browser:
    """A Chromium that asks nobody by itself."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    )


def open_tab(page: Page, name: str) -> None:
    """Open a tab, which on a narrow page may be in the menu of those that have no room."""
    tab = page.get_by_role("tab", name=name, exact=True)
    more = page.locator(".overflow-menu > button").first
    tab.or_(more).filter(visible=True).first.wait_for()
    if not tab.is_visible():
        more.click()
        tab = page.locator(".overflow-dropdown").get_by_role("button", name=name, exact=True)
    tab.click()


def player(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} figure")


def is_playing(page: Page, name: str) -> None:
    """Wait until it plays, or has played to its end, as it may have on a busy machine."""
    handle = page.locator(f"#{name} audio").element_handle()
    page.wait_for_function(
        "audio => audio.ended || (audio.currentTime > 0.2 && !audio.paused)",
        arg=handle,
        polling=100,
    )


def play(page: Page, name: str) -> None:
    """Play by keyboard until time goes on."""
    button = page.locator(f"#{name} .player-play")
    button.wait_for()  # what is hidden takes no focus
    button.focus()
    page.keyboard.press("Space")
    is_playing(page, name)


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


def upload(page: Page, where: str, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "audio/midi", "buffer": content}
    page.locator(f"#{where} input[type=file]").set_input_files(file)


def number(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input[type=number]")
