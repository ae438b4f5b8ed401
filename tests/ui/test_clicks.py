"""How many clicks it takes from the opening page to what people come for."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.ui.browsing import IN_CHROMIUM, OpenPage, drawn, is_playing, player

pytestmark = IN_CHROMIUM


class Clicks:
    """Clicks and counts."""

    def __init__(self) -> None:
        self.n = 0

    def on(self, target: Locator) -> None:
        target.click()
        self.n += 1


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name, exact=True)


def test_one_click_to_the_first_sound(open_page: OpenPage) -> None:
    page, click = open_page(), Clicks()
    click.on(page.locator("#landing .player-play"))
    is_playing(page, "landing")
    assert click.n == 1


def test_two_clicks_to_own_music_that_plays(open_page: OpenPage) -> None:
    page, click = open_page(), Clicks()
    click.on(page.locator("#like-this"))
    click.on(page.locator("#create-0 .player-play"))
    is_playing(page, "create-0")
    assert click.n == 2


def test_two_clicks_to_a_morph_of_two_examples(open_page: OpenPage) -> None:
    page, click = open_page(), Clicks()
    click.on(tab(page, "Morph"))
    click.on(page.locator(".pairs button").first)
    expect(player(page, "morph-step").locator("canvas")).to_be_in_viewport()
    assert drawn(page, "morph-step") > 100
    assert click.n == 2


def test_two_clicks_to_a_clip_of_the_map(open_page: OpenPage) -> None:
    page, click = open_page(), Clicks()
    click.on(tab(page, "Map"))
    plot = page.locator("#map-plot .js-plotly-plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    plot.scroll_into_view_if_needed()
    x, y = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const {x, y} = plot.data[0];
            return [box.left + xaxis._offset + xaxis.l2p(x[0]),
                    box.top + yaxis._offset + yaxis.l2p(y[0])];
        }"""
    )
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    click.n += 1
    expect(player(page, "map-original")).to_be_visible()
    expect(player(page, "map-reconstruction")).to_be_visible()
    assert click.n == 2
