"""How long a visitor waits, in a real Chromium, with the shipped model.

    python -m tests.ui.timings

Prints one JSON object: seconds and megabytes (10^6 bytes). It starts the app itself and stops it.
To be run on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.ui.browsing import is_playing, launch_chromium, number, open_tab, player
from tests.ui.running import ROOT, App, running

_THROTTLE = 4
_TIMEOUT_MS = 300_000
_TUNE = ROOT / "assets" / "examples" / "greensleeves.mid"

# Kept in the page: when Play of the opening morph could first be pressed, when a pointer was last
# let go, when sound last began. Milliseconds since the page was asked for.
_WATCH = """
window.seen = { play: null, up: null, sound: null };
const look = () => {
  const figure = document.querySelector(":is(#prelude, #landing) figure:not([hidden])");
  const button = figure?.querySelector(".player-play");
  if (button && button.offsetParent && !button.disabled && button.textContent) {
    window.seen.play = performance.now();
  } else requestAnimationFrame(look);
};
requestAnimationFrame(look);
document.addEventListener("pointerup", () => (window.seen.up = performance.now()), true);
document.addEventListener("playing", () => (window.seen.sound = performance.now()), true);
"""
# When each player of results was first seen; the first of them is played at once.
_CREATE = """
() => {
  const begin = performance.now();
  window.made = { heard: null, all: null };
  document.addEventListener("playing", () => (window.made.heard ??= performance.now() - begin), {
    capture: true, once: true,
  });
  let pressed = false;
  const look = () => {
    const seen = (i) => document.querySelector(`#create-${i} figure:not([hidden])`);
    const there = [0, 1, 2, 3].map(seen);
    if (there[0] && !pressed) {
      pressed = true;
      there[0].querySelector(".player-play").click();
    }
    if (there.every((one) => one)) window.made.all = performance.now() - begin;
    else requestAnimationFrame(look);
  };
  look();
  document.querySelector("#generate").click();
}
"""


def seconds(milliseconds: float) -> float:
    """Rounded seconds."""
    return round(milliseconds / 1000, 3)


def starts(app: App) -> dict[str, float]:
    """When the app first answers, and when the model is ready, after its process was started.

    Beside them what importing Gradio alone takes, in the same run.
    """
    httpx.get(app.url, timeout=60).raise_for_status()
    answers = time.monotonic() - app.started
    # An endpoint says that there is no file as soon as the model is there, and no sooner.
    call = f"{app.url}/gradio_api/call/encode"
    event = httpx.post(call, json={"data": [None]}, timeout=60).json()["event_id"]
    httpx.get(f"{call}/{event}", timeout=300)
    ready = time.monotonic() - app.started
    before = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return {
        "app_answers_s": round(answers, 2),
        "model_ready_s": round(ready, 2),
        "import_gradio_s": round(time.monotonic() - before, 2),
    }


def opened(browser: Browser, url: str, *, throttle: int = 1) -> tuple[Page, list[float]]:
    """A fresh visitor's page, and the bytes of each answer that it gets."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.add_init_script(_WATCH)
    received: list[float] = []
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"]))
    if throttle > 1:
        protocol.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.goto(url)
    return page, received


def landing(browser: Browser, url: str) -> dict[str, float]:
    """Seconds until Play can be pressed on a slow machine, megabytes until the first sound."""
    page, received = opened(browser, url, throttle=_THROTTLE)
    page.wait_for_function("window.seen.play !== null")
    can_play = page.evaluate("window.seen.play")
    page.locator(":is(#prelude, #landing) .player-play").first.click()
    page.wait_for_function("window.seen.sound !== null")
    result = {"play_enabled_s": seconds(can_play), "until_sound_mb": round(sum(received) / 1e6, 2)}
    page.context.close()
    return result


def slide(page: Page, slider: str, share: float) -> float:
    """Seconds from letting go of a slider at ``share`` of its width to the new step's sound."""
    box = page.locator(f"#{slider} input[type=range]").bounding_box()
    assert box is not None
    page.evaluate("window.seen.up = window.seen.sound = null")
    page.mouse.move(box["x"] + box["width"] * (1 - share), box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_function("window.seen.up !== null && window.seen.sound !== null")
    page.wait_for_timeout(1500)  # the last sound to begin is the one that stays
    return seconds(max(0.0, page.evaluate("window.seen.sound - window.seen.up")))


def morph(browser: Browser, url: str) -> dict[str, Any]:
    """Seconds from a slider to the sound of its step: prepared, and computed."""
    page, _ = opened(browser, url)
    page.locator("#landing .player-play").click()
    is_playing(page, "landing")
    page.wait_for_timeout(2000)  # the steps are fetched once the first one plays
    prepared = [slide(page, "landing-step", share) for share in (0.4, 0.7, 0.95)]
    open_tab(page, "Morph")
    before = time.monotonic()
    page.locator(".pairs button").first.click()
    expect(player(page, "morph-step")).to_be_visible()
    first = time.monotonic() - before
    expect(player(page, "morph-fade")).to_be_visible()
    whole = time.monotonic() - before
    page.locator("#morph-step .player-play").click()
    is_playing(page, "morph-step")
    page.wait_for_timeout(2000)
    computed = [slide(page, "step", share) for share in (0.4, 0.7, 0.95)]
    page.context.close()
    return {
        "slider_prepared_s": {"median": median(prepared), "most": max(prepared)},
        "slider_computed_s": {"median": median(computed), "most": max(computed)},
        "first_step_s": round(first, 2),
        "all_steps_s": round(whole, 2),
    }


def create(browser: Browser, url: str, repeats: int = 3) -> dict[str, Any]:
    """Seconds from Generate to the first sound and to the last of four variations of four bars."""
    first, every = [], []
    for i in range(repeats):
        page, _ = opened(browser, url)
        open_tab(page, "Create")
        number(page, "seed").fill(str(1000 + i))
        number(page, "variations").fill("4")
        number(page, "variations").press("Tab")
        page.wait_for_timeout(500)
        page.evaluate(_CREATE)
        page.wait_for_function("window.made.heard !== null && window.made.all !== null")
        first.append(seconds(page.evaluate("window.made.heard")))
        every.append(seconds(page.evaluate("window.made.all")))
        page.context.close()
    return {
        "first_heard_s": {"median": median(first), "most": max(first)},
        "all_s": {"median": median(every), "most": max(every)},
    }


def stop(browser: Browser, url: str) -> dict[str, float]:
    """Seconds from Stop to the answer of a small request that was waiting, and what it takes."""
    client = Client(url, verbose=False, analytics_enabled=False)
    ask: Callable[..., Any] = lambda: client.submit(handle_file(_TUNE), api_name="/encode")  # noqa: E731
    ask().result()
    before = time.monotonic()
    ask().result()
    alone = time.monotonic() - before
    page, _ = opened(browser, url)
    open_tab(page, "Create")
    number(page, "variations").fill("4")
    form = page.locator("#form input")
    form.fill("ABCDEFGH")
    form.press("Enter")
    page.locator("#generate").click()
    expect(page.locator("#stop")).to_be_visible()
    page.wait_for_timeout(1500)
    waiting = ask()
    page.wait_for_timeout(500)
    assert not waiting.done(), "the long request was over too soon"
    before = time.monotonic()
    page.locator("#stop").click()
    waiting.result()
    served = time.monotonic() - before
    page.context.close()
    return {
        "next_served_s": round(served, 2),
        "small_request_alone_s": round(alone, 2),
        "model_free_s": round(max(0.0, served - alone), 2),
    }


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description="Times of the page in a real Chromium.")
    parser.add_argument("--checkpoint", help="another model than the one that ships")
    parser.add_argument("--map", help="another map")
    arguments = parser.parse_args()
    options = []
    for name in ("checkpoint", "map"):
        if value := getattr(arguments, name):
            options += [f"--{name}", value]
    expect.set_options(timeout=_TIMEOUT_MS)
    with tempfile.TemporaryDirectory() as folder:
        # Once for the files to be in memory, as on a machine that has served before.
        for i in range(2):
            with running(Path(folder) / f"log{i}.txt", *options) as app:
                result: dict[str, Any] = {"start": starts(app)}
                if i == 0:
                    continue
                with sync_playwright() as playwright:
                    browser = launch_chromium(playwright)
                    result["landing"] = landing(browser, app.url)
                    result["landing"]["cpu_throttling"] = _THROTTLE
                    result["create"] = create(browser, app.url)
                    result["morph"] = morph(browser, app.url)
                    result["stop"] = stop(browser, app.url)
                    browser.close()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
