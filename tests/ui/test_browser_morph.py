"""The Morph tab and the way from the map to it, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from musicgen_vae.music.clip import Piece, Role
from musicgen_vae.music.midi import read_midi
from tests.ui.browsing import (
    IN_CHROMIUM,
    TIMEOUT_MS,
    OpenPage,
    number,
    open_tab,
    play,
    player,
    upload,
)

pytestmark = IN_CHROMIUM


def choose(page: Page, name: str, option: str) -> None:
    page.locator(f"#{name} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def downloaded(page: Page, name: str) -> Piece:
    """The music that a player offers as MIDI."""
    with page.expect_download() as download:
        player(page, name).get_by_role("link", name="MIDI").click()
    return read_midi(Path(download.value.path()).read_bytes())


def melody(piece: Piece) -> set[tuple[int, int]]:
    return {(n.start, n.pitch) for n in piece.notes if n.role is Role.MELODY}


def pick(page: Page, where: str, name: str) -> None:
    """Choose of some radio buttons; again where a page still being built has forgotten it."""
    radio = page.locator(f"#{where}").get_by_label(name)
    for _ in range(5):
        radio.click()
        page.wait_for_timeout(500)
        if radio.is_checked():
            return
    expect(radio).to_be_checked()


def slide(page: Page, step: int) -> None:
    """Drag the slider of the steps to ``step``."""
    page.locator("#step input[type=range]").fill(str(step))


def morph(page: Page, n_steps: int) -> None:
    """Morph the first pair of examples in ``n_steps``."""
    open_tab(page, "Morph")
    number(page, "morph-steps").fill(str(n_steps))
    number(page, "morph-steps").press("Enter")
    page.locator(".pairs button").first.click()


def finished(page: Page) -> None:
    """Wait for the last thing that is made of a morph: all steps are there by then."""
    expect(player(page, "morph-fade")).to_be_visible(timeout=4 * TIMEOUT_MS)
    expect(page.locator("#morph-stop")).to_be_hidden()


def data_of(page: Page, name: str) -> list[dict[str, Any]]:
    """What a Plotly figure shows."""
    found: list[dict[str, Any]] = page.locator(f"#{name} .js-plotly-plot").evaluate(
        "plot => plot.data.map(({x, y, text}) => ({x: [...x], y: [...y], text}))"
    )
    return found


def test_the_melody_of_a_stays_while_the_rest_goes_to_b(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Morph")
    pick(page, "morph-key", "B's")
    choose(page, "morph-keep", "melody")
    # What is kept stands in A's key.
    expect(page.locator("#morph-key").get_by_label("A's")).to_be_checked()
    expect(page.locator("#morph-key").get_by_label("B's")).to_be_disabled()
    morph(page, 3)
    title = player(page, "morph-step").locator("strong")
    finished(page)
    original = downloaded(page, "morph-a")
    first = downloaded(page, "morph-step")
    slide(page, 3)
    expect(title).to_have_text("Korobeiniki, as the model plays it")
    last = downloaded(page, "morph-step")
    assert melody(original) == melody(first) == melody(last)
    assert {n.pitch for n in first.notes} != {n.pitch for n in last.notes}
    choose(page, "morph-keep", "nothing")
    expect(page.locator("#morph-key").get_by_label("B's")).to_be_enabled()


def test_the_path_is_on_the_map_with_its_distances_and_costs(open_page: OpenPage) -> None:
    page = open_page()
    morph(page, 4)
    finished(page)
    expect(page.locator("#path-map .main-svg").first).to_be_visible()
    clips, line, ends = data_of(page, "path-map")
    assert len(clips["x"]) == 12 and len(line["x"]) == 4
    assert ends["text"] == ["A", "B"] and ends["x"] == [line["x"][0], line["x"][-1]]
    page.locator("#path-layout").get_by_label("PCA").check()
    page.wait_for_function(
        "before => document.querySelector('#path-map .js-plotly-plot').data[1].x[0] !== before",
        arg=line["x"][0],
    )
    costs, fade, distances = data_of(page, "path-chart")
    assert len(costs["y"]) == len(fade["y"]) == 4 and distances["y"][0] == 0
    page.locator("#path-numbers button").click()
    expect(page.locator("#path-numbers tbody tr")).to_have_count(4)
    expect(page.locator("#path-lesson")).to_contain_text("nats a note")
    # The whole is one piece; the path belongs to it and goes when another one is asked for.
    assert len(downloaded(page, "morph-whole").bars) == 16
    page.locator("#morph").click()
    expect(page.locator("#path-lesson p")).to_have_count(0)
    finished(page)
    expect(page.locator("#path-lesson p")).to_be_visible()


def test_key_and_meter_are_as_chosen(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Morph")
    facts = player(page, "morph-step").locator(".player-facts li")
    pick(page, "morph-key", "switch at the middle")
    morph(page, 2)
    finished(page)
    expect(facts.first).to_have_text("A major")
    slide(page, 2)
    expect(facts.first).to_have_text("G minor")
    pick(page, "morph-key", "B's")
    page.locator("#morph").click()
    expect(player(page, "morph-step").locator("strong")).to_contain_text("Ode to Joy")
    expect(facts.first).to_have_text("G minor")


def test_ends_are_there_first_and_then_what_is_looked_at(open_page: OpenPage) -> None:
    page = open_page()
    # The player copies what it is given: which steps are there by then.
    page.evaluate(
        """() => {
            window.came = [];
            const parse = JSON.parse;
            JSON.parse = (...text) => {
                const value = parse(...text);
                value?.takes?.forEach((take, i) => {
                    if (take && value.takes.length === 17 && !window.came.includes(i + 1)) {
                        window.came.push(i + 1);
                    }
                });
                return value;
            };
        }"""
    )
    morph(page, 17)
    expect(player(page, "morph-step")).to_be_visible()
    slide(page, 14)
    page.wait_for_function("window.came.includes(14) && window.came.includes(12)")
    came = page.evaluate("window.came")
    # By themselves the steps would come from the first to the last.
    assert came.index(17) < came.index(12)
    assert came.index(14) < came.index(12)


def test_another_step_sounds_from_the_same_musical_place(open_page: OpenPage) -> None:
    page = open_page()
    morph(page, 2)
    finished(page)
    # 16 quarter notes at 116 and at 144 a minute.
    seconds = {1: 16 * 60 / 116, 2: 16 * 60 / 144}
    audio = page.locator("#morph-step audio")
    play(page, "morph-step")
    audio.evaluate(
        """(audio, half) => {
            audio.currentTime = half;
            window.heard = [];
            const pause = audio.pause.bind(audio);
            audio.pause = () => { window.heard.push(audio.currentTime); pause(); };
            audio.addEventListener("playing", () => window.heard.push(audio.currentTime));
        }""",
        seconds[1] / 2,
    )
    page.wait_for_function("half => document.querySelector('#morph-step audio').currentTime > half",
                           arg=seconds[1] / 2)  # fmt: skip
    page.evaluate("window.heard.length = 0")
    slide(page, 2)
    page.wait_for_function("window.heard.length >= 2")
    left, taken = page.evaluate("window.heard.slice(0, 2)")
    assert left > seconds[1] / 2
    assert abs(left / seconds[1] - taken / seconds[2]) < 0.02
    assert not audio.evaluate("audio => audio.paused")


def test_two_picks_on_the_map_become_a_morph(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Map")
    expect(page.locator("#map-plot .main-svg").first).to_be_visible()
    upload(page, "map-file", "own.mid", midi_file(title="Mine").read_bytes())
    near = page.locator("#map-neighbours label")
    expect(near.first).to_contain_text(re.compile(r"distance \d+\.\d · weight \d+ %"))
    titles = []
    for side, index in (("a", 0), ("b", 2)):
        open_tab(page, "Map")
        near.nth(index).click()
        title = player(page, "map-original").locator("strong")
        expect(title).to_contain_text(
            (near.nth(index).text_content() or "").split(" · ")[0].strip()
        )
        titles.append(title.text_content() or "")
        page.locator("#map-original .player-send").select_option(side)
        expect(player(page, f"morph-{side}").locator("strong")).to_have_text(titles[-1])
    number(page, "morph-steps").fill("2")
    number(page, "morph-steps").press("Enter")
    page.locator("#morph").click()
    expect(player(page, "morph-step").locator("strong")).to_contain_text(titles[0])


def test_a_tune_of_a_side_can_be_asked_for_more_and_sent(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Morph")
    choose(page, "example-a", "Ode to Joy")
    title = player(page, "morph-a").locator("strong")
    expect(title).to_have_text("Ode to Joy, bars 1 to 4")
    page.locator("#morph-a .player-more").click()
    first = player(page, "create-0").locator("strong")
    expect(first).to_have_text("Variation 1 of Ode to Joy, bars 1 to 4")
    # What was sent to the other side is known as well.
    page.locator("#create-0 .player-send").select_option("b")
    expect(player(page, "morph-b").locator("strong")).to_have_text(first.text_content() or "")
    page.locator("#morph-b .player-send").select_option("edit")
    expect(player(page, "edit-original").locator("strong")).to_contain_text("Variation 1 of Ode")
    page.locator("#edit-original .player-send").select_option("a")
    expect(title).to_contain_text("Variation 1 of Ode")
