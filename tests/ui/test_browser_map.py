"""What stays as it was chosen on the map, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.ui.browsing import IN_CHROMIUM, OpenPage, open_tab, player, upload

pytestmark = IN_CHROMIUM

_PLOT = "document.querySelector('#map-plot .js-plotly-plot')"


def choose(page: Page, radio: str, name: str) -> None:
    page.locator(f"#{radio}").get_by_label(name).check()


def shows(page: Page, layout: str, *, coloured: bool) -> None:
    """Wait for a map in that layout, coloured by density or by sources."""
    page.wait_for_function(
        f"""([layout, coloured]) => {{
            const plot = {_PLOT};
            return plot?.layout?.meta === layout && !!plot.data[0].marker.colorbar === coloured;
        }}""",
        arg=[layout, coloured],
    )


def open_again(page: Page) -> None:
    """Open the tab and wait for what the server says to that."""
    with page.expect_response("**/queue/join*"):
        open_tab(page, "Map")
    expect(page.locator("#map-plot .wrap:not(.hide)")).to_have_count(0)


def marked(page: Page) -> list[list[float]]:
    """Where the ring is, once there is one: x and y."""
    ring = f"{_PLOT}?.data?.at(-1)"
    page.wait_for_function(f"() => {ring}?.x.length === 1")
    found: list[list[float]] = page.evaluate(f"[[...{ring}.x], [...{ring}.y]]")
    return found


def test_the_map_is_as_it_was_chosen_when_it_is_opened_again(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Map")
    shows(page, "tsne", coloured=False)
    # Two choices at once: neither is lost.
    choose(page, "map-colour", "density")
    choose(page, "map-layout", "PCA")
    shows(page, "pca", coloured=True)
    open_tab(page, "Listen")
    expect(page.locator("#map-plot")).to_be_hidden()
    open_again(page)
    shows(page, "pca", coloured=True)
    expect(page.locator("#map-layout").get_by_label("PCA")).to_be_checked()
    expect(page.locator("#map-colour").get_by_label("density")).to_be_checked()


def test_the_ring_moves_with_the_layout(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Map")
    shows(page, "tsne", coloured=False)
    upload(page, "map-file", "own.mid", midi_file().read_bytes())
    expect(player(page, "map-own").locator("strong")).to_contain_text("Made up")
    at = {"tsne": marked(page)}
    for layout, name in (("pca", "PCA"), ("tsne", "SNE"), ("pca", "PCA")):
        choose(page, "map-layout", name)
        shows(page, layout, coloured=False)
        assert at.setdefault(layout, marked(page)) == marked(page)
    assert at["pca"] != at["tsne"]
    # Colours do not move it.
    choose(page, "map-colour", "density")
    shows(page, "pca", coloured=True)
    assert marked(page) == at["pca"]
    # Nor is it lost where its tab was closed meanwhile.
    open_tab(page, "Listen")
    open_again(page)
    shows(page, "pca", coloured=True)
    assert marked(page) == at["pca"]


def test_of_dots_clicked_at_once_the_last_is_shown(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Map")
    shows(page, "tsne", coloured=False)
    page.evaluate(
        f"""() => {{
            const plot = {_PLOT};
            for (const customdata of plot.data[0].customdata.slice(0, 3))
                plot.emit("plotly_click", {{ points: [{{ customdata }}] }});
        }}"""
    )
    title = player(page, "map-original").locator("strong")
    expect(title).to_have_text("Original: First, bars 5 to 8")
