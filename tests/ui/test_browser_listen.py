"""The Listen tab while its morph is computed again, in a real Chromium."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.ui.browsing import IN_CHROMIUM, OpenPage, play, player

pytestmark = IN_CHROMIUM

_COUNT_SOUNDS = """() => {
    window.kept = new Set();
    window.dropped = 0;
    const {createObjectURL, revokeObjectURL} = URL;
    URL.createObjectURL = (sound) => {
        const url = createObjectURL.call(URL, sound);
        window.kept.add(url);
        return url;
    };
    URL.revokeObjectURL = (url) => {
        if (window.kept.delete(url)) window.dropped++;
        revokeObjectURL.call(URL, url);
    };
}"""
_WATCH_TITLE = """title => {
    window.titles = [];
    new MutationObserver(() => window.titles.push(title.textContent))
        .observe(title, {childList: true, characterData: true, subtree: true});
}"""


def test_what_is_heard_stays_until_it_is_computed_again(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(_COUNT_SOUNDS)
    title = player(page, "landing").locator("strong")
    page.locator("#landing-step input[type=range]").fill("5")
    halfway = "50 % of the way from Ode to Joy to Korobeiniki"
    expect(title).to_have_text(halfway)
    play(page, "landing")
    page.wait_for_function("window.kept.size === 9")
    title.evaluate(_WATCH_TITLE)
    page.locator("#compute-again").click()
    # All prepared steps are replaced, and none of their sounds is kept.
    page.wait_for_function("window.dropped >= 9")
    assert set(page.evaluate("window.titles")) == {halfway}
    assert page.evaluate("window.kept.size") <= 9
    expect(page.locator("#landing-step input[type=number]")).to_have_value("5")


def test_a_sound_that_did_not_come_is_fetched_again(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(_COUNT_SOUNDS)
    failed: list[str] = []

    def once(route: Route) -> None:
        if route.request.resource_type == "fetch" and not failed:
            failed.append(route.request.url)
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route("**/step2.mp3*", once)
    play(page, "landing")
    button = page.locator("#landing .player-play")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("window.kept.size === 8")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    page.wait_for_function("window.kept.size === 9")
    assert len(failed) == 1
