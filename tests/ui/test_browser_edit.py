"""What becomes of the tunes of the Edit tab, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from musicgen_vae.ui.creating import MAX_VARIATIONS
from tests.ui.browsing import (
    IN_CHROMIUM,
    TIMEOUT_MS,
    OpenPage,
    number,
    open_tab,
    player,
    upload,
)

pytestmark = IN_CHROMIUM


def choose(page: Page, tune: str) -> None:
    """Choose one of the tunes that ship."""
    page.locator("#edit-example input").click()
    page.get_by_role("option", name=tune, exact=True).click()


def test_undo_brings_back_the_bars_that_were_chosen(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Edit")
    upload(page, "edit-file", "tune.mid", midi_file(title="Tune").read_bytes())
    original = player(page, "edit-original").locator("strong")
    expect(original).to_have_text("Tune, bars 1 to 4")
    page.locator("#edit-clip").get_by_label("bars 5 to 8").click()
    expect(original).to_have_text("Tune, bars 5 to 8")
    page.locator("#do-edit").click()
    result = player(page, "edit-result").locator("strong")
    expect(result).to_have_text("Tune, bars 5 to 8 (regenerate)")
    page.locator("#use-result").click()
    expect(original).to_have_text("Tune, bars 5 to 8 (regenerate)")
    # Even what goes on from a result can be asked for more.
    page.locator("#edit-original .player-more").click()
    first = player(page, "create-0").locator("strong")
    expect(first).to_have_text("Variation 1 of Tune, bars 5 to 8 (regenerate)")
    open_tab(page, "Edit")
    page.locator("#undo").click()
    expect(original).to_have_text("Tune, bars 5 to 8")
    expect(page.locator("#edit-clip").get_by_label("bars 5 to 8")).to_be_checked()
    # With another tune there is nothing to be undone, whichever way it came.
    expect(result).to_be_hidden()
    page.locator("#do-edit").click()
    expect(result).to_be_visible()
    expect(result).to_have_text("Tune, bars 5 to 8 (regenerate)")
    page.locator("#use-result").click()
    expect(original).to_have_text("Tune, bars 5 to 8 (regenerate)")
    upload(page, "edit-file", "other.mid", midi_file(title="Other").read_bytes())
    expect(original).to_have_text("Other, bars 1 to 4")
    page.locator("#undo").click()
    expect(page.get_by_test_id("toast-body")).to_be_visible()
    expect(original).to_have_text("Other, bars 1 to 4")


def test_nothing_comes_of_the_tune_before_and_other_work_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Edit")
    choose(page, "Ode to Joy")
    original = player(page, "edit-original").locator("strong")
    expect(original).to_have_text("Ode to Joy, bars 1 to 4")
    # The model is busy, so the edit has to wait.
    open_tab(page, "Create")
    number(page, "variations").fill(str(MAX_VARIATIONS))
    page.locator("#generate").click()
    expect(page.locator("#stop")).to_be_visible()
    open_tab(page, "Edit")
    page.locator("#do-edit").click()
    choose(page, "Korobeiniki")
    expect(original).to_have_text("Korobeiniki, bars 1 to 4")
    open_tab(page, "Create")
    last = player(page, f"create-{MAX_VARIATIONS - 1}")
    expect(last).to_be_visible(timeout=4 * TIMEOUT_MS)
    # The model's next work is this, so the edit of the tune before would have come by then.
    page.locator("#create-0 .player-more").click()
    expect(player(page, "create-0").locator("strong")).to_contain_text("Variation 1 of")
    open_tab(page, "Edit")
    expect(player(page, "edit-result")).to_be_hidden()
    page.locator("#use-result").click()
    expect(page.get_by_test_id("toast-body")).to_be_visible()
