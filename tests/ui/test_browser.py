"""The page in a real Chromium. It may ask nobody but the app, and no script of it may fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlparse

import pytest
from playwright.sync_api import Browser, Route, expect

from musicgen_vae.ui.texts import WORDS
from musicgen_vae.ui.words.en import ENGLISH
from tests.ui.browsing import (
    IN_CHROMIUM,
    TABS,
    TIMEOUT_MS,
    OpenPage,
    drawn,
    is_playing,
    number,
    open_tab,
    play,
    player,
    upload,
)

HOSTILE = "<img src=x onerror=alert(1)>"
TEMPLATED = "${alert(1)}"
COMPONENTS = Path(__file__).resolve().parents[2] / "musicgen_vae" / "ui" / "components"

pytestmark = IN_CHROMIUM


# -- Geometry, without the app ----------------------------------------------------------------


def test_geometry_of_rolls(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content=(COMPONENTS / "canvas.js").read_text())
    assert page.evaluate("pitchRange([])") == [48, 72]
    low, high = page.evaluate("pitchRange([[0, 1, 60, 0, 80], [0, 1, 62, 0, 80]])")
    assert high - low == 24 and low < 60 and high > 62
    assert page.evaluate("pitchRange([[0, 1, 20, 0, 80], [0, 1, 100, 0, 80]])") == [18, 102]
    # The second half of two seconds, on the third of ten rows of 10 pixels.
    box = page.evaluate("noteBox([1, 3, 67, 0, 80], 2, [60, 69], 400, 100)")
    assert box == pytest.approx([200, 20.8, 199, 8.4])
    assert page.evaluate("[0, 0.9, 2, 9].map((s) => barAt([0, 2, 4], s))") == [0, 0, 1, 2]
    assert page.evaluate("[0, 61.9].map(clock)") == ["0:00", "1:01"]
    page.close()


# -- Listen --------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", ["app_url", "modelless_url"])
def test_the_prepared_morph_plays_with_and_without_a_model(open_page: OpenPage, app: str) -> None:
    page = open_page(app)
    title = player(page, "landing").locator("strong")
    expect(title).to_have_text("Ode to Joy, as the model plays it")
    assert drawn(page, "landing") > 300
    page.locator("#landing .player-play").click()  # one click to the first sound
    is_playing(page, "landing")
    page.locator("#landing-step input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("12 % of the way from Ode to Joy to Korobeiniki")
    is_playing(page, "landing")
    before = page.locator("#landing audio").evaluate("audio => audio.currentTime")
    page.keyboard.press("End")
    expect(title).to_have_text("Korobeiniki, as the model plays it")
    is_playing(page, "landing")
    # Faster, so an earlier second, but no new beginning.
    after = page.locator("#landing audio").evaluate("audio => audio.currentTime")
    assert after > 0.6 * before
    if app == "modelless_url":
        expect(page.locator("#status")).to_contain_text("The model is not here")
        page.locator("#compute-again").click()
        expect(page.get_by_test_id("toast-body")).to_contain_text("no checkpoint in")
        expect(page.locator("#stop-computing")).to_be_hidden()


def test_the_first_step_plays_before_the_page_is_there_and_goes_on(
    browser: Browser, app_url: str
) -> None:
    page = browser.new_page(locale="en-US")
    page.set_default_timeout(TIMEOUT_MS)
    held: list[Route] = []
    page.route("**/assets/index-*.js", lambda route: held.append(route))
    page.goto(app_url, wait_until="commit")
    # A busy machine shall not reach the end of the music before the page is there.
    page.locator("#prelude .player-play").wait_for()
    page.locator("#prelude audio").evaluate("audio => { audio.playbackRate = 0.25; }")
    play(page, "prelude")
    assert drawn(page, "prelude") > 300
    assert page.locator("#landing").count() == 0
    for route in held:
        route.continue_()
    page.unroute("**/assets/index-*.js")
    expect(page.locator("#prelude")).to_have_count(0)
    is_playing(page, "landing")
    expect(page.locator("#landing .player-play")).to_be_focused()
    assert page.locator("#landing audio").evaluate("audio => audio.currentTime") > 0.2
    page.close()


def test_one_click_from_the_prepared_morph_to_own_music(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#like-this").click()
    title = player(page, "create-0").locator("strong")
    expect(title).to_have_text("Variation 1 of Ode to Joy, as the model plays it")
    play(page, "create-0")


# -- Create --------------------------------------------------------------------------------------


def test_create_makes_clips_that_play_one_at_a_time_and_a_link(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Create")
    number(page, "variations").fill("2")
    column = page.locator("#bars .bars-column").nth(1)
    column.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(column).to_have_attribute("aria-valuetext", "2")
    page.locator("#generate").click()
    expect(player(page, "create-1")).to_be_visible()
    expect(player(page, "create-0").locator("strong")).to_have_text("Seed 7")
    assert drawn(page, "create-0") > 100
    play(page, "create-0")
    play(page, "create-1")
    assert page.locator("#create-0 audio").evaluate("audio => audio.paused")
    midi = {}
    for kind in ("MIDI", "Parameters"):
        with page.expect_download() as download:
            player(page, "create-0").get_by_role("link", name=kind).click()
        midi[download.value.suggested_filename] = Path(download.value.path()).read_bytes()
    assert midi["musicgen-seed7.mid"][:4] == b"MThd"
    assert json.loads(midi["musicgen-seed7.json"])["parameters"]["density"] == [None, 2, None, None]

    link = page.locator("#link textarea, #link input").first.input_value()
    assert "density=-2--" in link and "checkpoint=" in link
    again = open_page(query="?" + urlparse(link).query)
    expect(player(again, "create-1")).to_be_visible()
    expect(again.locator("#bars .bars-column").nth(1)).to_have_attribute("aria-valuetext", "2")
    with again.expect_download() as download:
        player(again, "create-0").get_by_role("link", name="MIDI").click()
    assert Path(download.value.path()).read_bytes() == midi["musicgen-seed7.mid"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("density", HOSTILE, "this link is damaged"),
        ("form", "-", "form '' is not 1 to 16 letters"),
        ("form", HOSTILE, f"form '{HOSTILE}' is not 1 to 16 letters"),
        ("meter", "-", "meter 'nothing' is none of 4/4"),
        ("style", "polka", "style 'polka' is none of folk, rock"),
        ("temperature", "1.8", "temperature 1.8 is outside 0 to 1.5"),
        ("mode", "[win](//evil.example)", "mode '[win](//evil.example)' is none of"),
        ("key", "![x](//evil.example/x.png)", "key '![x](//evil.example/x.png)' is none of"),
        ("prior", TEMPLATED, f"prior '{TEMPLATED}' is none of"),
    ],
)
def test_a_damaged_link_is_told_and_is_no_markup(
    open_page: OpenPage, name: str, value: str, told: str
) -> None:
    page = open_page(query="?" + urlencode({"seed": 7, "checkpoint": "abc", name: value}))
    notice = page.locator("#notice")
    expect(notice).to_contain_text(told)
    assert notice.locator("a, img").count() == 0
    expect(page.get_by_test_id("toast-body")).to_have_count(0)


def test_a_link_of_another_checkpoint_is_made_and_says_so(open_page: OpenPage) -> None:
    page = open_page(query="?seed=5&checkpoint=abc123")
    expect(player(page, "create-0").locator("strong")).to_have_text("Seed 5")
    expect(page.locator("#notice")).to_contain_text("with another model (abc123)")


def test_pad_and_columns_mirror_their_fields(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Create")
    pad = page.locator("#pad .pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    expect(page.locator("#mood input")).to_be_checked()
    expect(number(page, "valence")).to_have_value("0.5")
    expect(number(page, "arousal")).to_have_value("0.5")
    number(page, "arousal").fill("-1")
    number(page, "arousal").press("Enter")
    expect(page.locator("#pad .pad-dot")).to_have_attribute("style", "left: 75%; top: 100%;")
    pad.focus()
    page.keyboard.press("ArrowLeft")
    expect(number(page, "valence")).to_have_value("0.4")
    # Columns: dragged across two bars.
    page.locator("#bars").scroll_into_view_if_needed()
    columns = page.locator("#bars .bars-column")
    first, second = columns.nth(4).bounding_box(), columns.nth(5).bounding_box()
    assert first is not None and second is not None
    page.mouse.move(first["x"] + 3, first["y"] + 2)
    page.mouse.down()
    page.mouse.move(second["x"] + 3, second["y"] + second["height"] / 2)
    page.mouse.up()
    expect(columns.nth(4)).to_have_attribute("aria-valuetext", "7")
    expect(columns.nth(5)).to_have_attribute("aria-valuetext", "3")
    page.get_by_text("Levels of each bar as a table").click()
    cell = page.locator("#levels").get_by_role("gridcell", name="7", exact=True)
    expect(cell).to_be_visible()


def test_create_tells_what_is_wrong_and_works_again(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Create")
    number(page, "variations").fill("1")
    form = page.locator("#form input")
    form.fill("<i>x</i>")
    form.press("Enter")
    page.locator("#generate").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("form '<i>x</i>' is not 1 to 16")
    form.fill("A")
    form.press("Enter")
    seed = page.locator("#seed input")
    page.locator("#dice").click()
    expect(seed).not_to_have_value("7")
    page.locator("#generate").click()
    expect(player(page, "create-0").locator("strong")).to_have_text(f"Seed {seed.input_value()}")


# -- Morph ---------------------------------------------------------------------------------------


def test_two_clicks_to_a_morph_that_steps_and_plays(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Morph")
    page.locator(".pairs button").first.click()
    for side in ("a", "b"):
        expect(player(page, f"morph-{side}")).to_be_visible()
        assert drawn(page, f"morph-{side}") > 100
    title = player(page, "morph-step").locator("strong")
    expect(title).to_have_text("Ode to Joy, as the model plays it")
    expect(player(page, "morph-fade")).to_be_visible()  # all steps are there
    page.locator("#step input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("12 % of the way from Ode to Joy to Korobeiniki")
    play(page, "morph-step")
    play(page, "morph-whole")
    page.locator("#morph-step .player-send").select_option("b")
    expect(player(page, "morph-b").locator("strong")).to_contain_text("12 % of the way")


def test_names_are_text_and_bad_files_are_told(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Morph")
    upload(page, "file-a", "bad.mid", b"MThd")
    expect(page.get_by_test_id("toast-body")).to_contain_text("not a MIDI file")
    expect(player(page, "morph-a")).to_be_hidden()
    upload(page, "file-a", f"{HOSTILE}.mid", midi_file(title=TEMPLATED).read_bytes())
    title = player(page, "morph-a").locator("strong")
    expect(title).to_have_text(f"{TEMPLATED}, bars 1 to 4")
    upload(page, "file-b", f"{TEMPLATED}.mid", midi_file(title=HOSTILE).read_bytes())
    expect(player(page, "morph-b").locator("strong")).to_have_text(f"{HOSTILE}, bars 1 to 4")
    assert page.locator("#file-a, #morph-a, #morph-b").locator("img").count() == 0
    page.locator("#clip-a").get_by_label("bars 5 to 8").click()
    expect(title).to_have_text(f"{TEMPLATED}, bars 5 to 8")


# -- Edit ----------------------------------------------------------------------------------------


def test_bars_and_roles_are_kept_and_a_result_can_be_undone(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Edit")
    upload(page, "edit-file", "tune.mid", midi_file(title=HOSTILE).read_bytes())
    original = player(page, "edit-original").locator("strong")
    expect(original).to_have_text(f"{HOSTILE}, bars 1 to 4")
    page.locator("#edit-roll canvas").click(position={"x": 20, "y": 60})
    expect(page.locator("#kept-bars").get_by_label("1", exact=True)).to_be_checked()
    page.locator("#kept-roles").get_by_label("bass").check()
    bass = page.locator("#edit-roll button").filter(has_text="bass")
    expect(bass).to_have_attribute("aria-pressed", "true")
    page.locator("#do-edit").click()
    result = player(page, "edit-result").locator("strong")
    expect(result).to_have_text(f"{HOSTILE}, bars 1 to 4 (regenerate)")
    page.locator("#use-result").click()
    expect(original).to_contain_text("(regenerate)")
    page.locator("#undo").click()
    expect(original).to_have_text(f"{HOSTILE}, bars 1 to 4")


# -- Map -----------------------------------------------------------------------------------------


def test_map_click_and_search_play_a_clip(
    open_page: OpenPage, midi_file: Callable[..., Path]
) -> None:
    page = open_page()
    open_tab(page, "Map")
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
    expect(page.locator("canvas.plot-hint")).to_be_visible()
    page.mouse.click(x, y)
    assert clip == 0
    title = player(page, "map-original").locator("strong")
    expect(title).to_have_text("Original: First, bars 1 to 4")
    expect(player(page, "map-reconstruction")).to_be_visible()
    marked = plot.evaluate("plot => plot.data[plot.data.length - 1].x")
    assert marked == plot.evaluate("plot => [plot.data[0].x[0]]")
    play(page, "map-original")
    search = page.get_by_label("Find a clip")
    search.click()
    search.fill("")
    search.press_sequentially("onerror", delay=20)
    page.keyboard.press("Enter")
    expect(title).to_have_text(f"Original: {HOSTILE}, bars 1 to 4")
    expect(page.get_by_text("4: CC0").first).to_be_visible()
    upload(page, "map-file", "own.mid", midi_file(title=TEMPLATED).read_bytes())
    expect(player(page, "map-own").locator("strong")).to_contain_text(TEMPLATED)
    page.locator("#map-neighbours label").first.click()
    expect(title).to_contain_text("Original: ")
    page.locator("#map-original .player-send").select_option("edit")
    expect(player(page, "edit-original")).to_be_visible()


# -- Everywhere ----------------------------------------------------------------------------------


def test_a_narrow_phone_in_the_dark_has_one_column(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(300)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width == 360, tab
    assert page.locator("body").evaluate("body => body.classList.contains('dark')")


def test_on_a_phone_generate_is_at_hand_and_results_come_into_view(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    open_tab(page, "Create")
    generate = page.locator("#generate")
    expect(generate).to_be_in_viewport()
    expect(player(page, "create-0")).not_to_be_in_viewport()
    generate.click()
    canvas = player(page, "create-0").locator("canvas")
    expect(canvas).to_be_in_viewport()
    expect(generate).to_be_in_viewport()
    # What is above grows late, as on a busy phone, and the results stay in view ...
    grow = "height => { document.querySelector('.masthead').style.paddingTop = height; }"
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(grow, "900px")
    expect(canvas).to_be_in_viewport()
    # ... until the visitor goes elsewhere.
    page.mouse.wheel(0, -3000)
    expect(canvas).not_to_be_in_viewport()
    page.evaluate(grow, "0")
    page.wait_for_timeout(300)
    expect(canvas).not_to_be_in_viewport()


@pytest.mark.parametrize("way", ["like this", "like this again", "link"])
def test_on_a_phone_what_is_asked_elsewhere_comes_into_view(open_page: OpenPage, way: str) -> None:
    query = "?seed=5&checkpoint=abc123" if way == "link" else ""
    page = open_page(query=query, viewport={"width": 360, "height": 740})
    if way == "like this again":
        open_tab(page, "Create")  # it is there already, and has been scrolled
        page.mouse.wheel(0, 300)
        open_tab(page, "Listen")
    if way != "link":
        page.locator("#like-this").click()
    expect(player(page, "create-0").locator("canvas")).to_be_in_viewport()
    assert drawn(page, "create-0") > 100


def test_more_like_this_opens_its_tab_before_its_turn(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/queue/join*", lambda route: None)  # its turn never comes
    page.locator("#like-this").click()
    expect(page.locator("#generate")).to_be_visible()


@pytest.mark.parametrize(("locale", "tab"), [("zh-CN", "创作"), ("zh-TW", "創作")])
def test_the_page_speaks_the_browsers_language(open_page: OpenPage, locale: str, tab: str) -> None:
    page = open_page(locale=locale)
    open_tab(page, tab)
    expect(page.locator("html")).to_have_attribute("lang", locale)
    page.locator("#generate").click()
    expect(player(page, "create-0").locator("strong")).to_have_text(
        "种子 7" if tab == "创作" else "種子 7"
    )
    allowed = {
        "MusicGen",
        "VAE",
        "MIDI",
        "AABA",
        "English",
        "API",
        "Ode",
        "to",
        "Joy",
        "Korobeiniki",
    }
    said = page.locator("main").inner_text()
    words = set(re.findall(r"[A-Za-z]{3,}", said)) - allowed
    assert not words & ENGLISH_WORDS, words
    page.get_by_text(WORDS[locale]["levels_table"]).first.click()
    levels = page.locator("#levels")
    expect(levels).to_contain_text(WORDS[locale]["density"])
    expect(levels).not_to_contain_text("Density")
    page.locator("#language input").click()
    page.get_by_role("option", name="English").click()
    expect(page.get_by_role("tab", name="Create", exact=True)).to_be_visible()


ENGLISH_WORDS = {
    word
    for text in ENGLISH.values()
    for word in re.findall(r"[A-Za-z]{4,}", re.sub(r"{.*?}", "", text))
} - {"MIDI", "AABA"}
