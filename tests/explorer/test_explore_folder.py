"""Tests of the page that shows codes, with Python and in a real browser."""

import re
import shutil

import numpy as np
import pytest
from explored_folders import NASTY, D, K, write_folder

from kd_keras.cli.main import main


@pytest.fixture(scope="module")
def browser():
    """Starts Chromium or a related browser, if one is installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    with playwright.sync_playwright() as driver:
        try:
            launched = driver.chromium.launch(
                executable_path=found, args=["--no-sandbox"]
            )
        except playwright.Error:
            pytest.skip("neither Chromium nor a related browser is installed")
        yield launched
        launched.close()


@pytest.fixture
def explore(browser, tmp_path):
    """Opens the page of a folder; fails on any error or network request."""
    errors, pages = [], []

    def open_page(width=1000, options=(), hash="", **made):
        contents = write_folder(tmp_path / "small", **made)
        assert main(["explore", str(tmp_path / "small"), *options]) == 0
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("pageerror", lambda error: errors.append(error))
        page.on("console", lambda message: errors.append(message.text))
        page.on(
            "request",
            lambda r: r.url.startswith("file:") or errors.append(r.url),
        )
        page.goto((tmp_path / "small" / "explorer.html").as_uri() + hash)
        pages.append(page)
        return page, *contents

    yield open_page
    for page in pages:
        page.close()
    assert not errors


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


@pytest.mark.slow
def test_a_symbol_is_found_and_shown(explore):
    page, codes, words, near = explore()
    assert page.locator("#word").inner_text() == words[3]
    page.fill("#query", "WORD1")
    wanted = [w for w in words if w.startswith("word1")][:8]
    assert texts(page, "#found li") == wanted
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#word").inner_text() == wanted[1]
    assert page.url.endswith(f"#{wanted[1]}")
    id = words.index(wanted[1])
    shown = [text.split()[-1] for text in texts(page, "#code button")]
    assert shown == list(map(str, codes[id]))
    for side, when in enumerate(("before", "after")):
        neighbours = [words[i] for i in near[side][id]]
        assert texts(page, f"#{when} button") == neighbours
    both = set(near[0][id]) & set(near[1][id])
    assert set(texts(page, ".kept button")) == {words[i] for i in both}
    page.go_back()
    page.wait_for_function(f"document.title.startsWith('{words[3]}')")
    assert page.locator("#word").inner_text() == words[3]


def test_words_are_text_whatever_is_in_them(explore):
    page, *_ = explore()
    for word in NASTY:
        page.fill("#query", word)
        assert texts(page, "#found li")[0] == word
        page.keyboard.press("Enter")
        assert page.locator("#word").inner_text() == word
        page.reload()  # the address contains the word
        assert page.locator("#word").inner_text() == word
    assert "<vectors>" in page.locator("h1").inner_text()


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_scrolls_that_fits(width, explore):
    page, *_ = explore(width=width)
    page.evaluate("document.querySelector('#word').textContent = 'gypsy'")
    scrolled = """() => [...document.querySelectorAll("main *")].filter(e =>
        /auto|scroll/.test(getComputedStyle(e).overflowY)
        && e.scrollHeight > e.clientHeight).map(e => e.className)"""
    assert page.evaluate(scrolled) == []


def test_nothing_found_is_said(explore):
    page, *_ = explore()
    page.fill("#query", "zebra")
    assert "No symbol here contains" in texts(page, "#found li")[0]
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()
    page.fill("#query", " ")
    assert page.locator("#found").is_hidden()


def test_the_list_is_used_by_keys_and_by_the_pointer(explore):
    page, _, words, _ = explore()
    page.fill("#query", "word30")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")  # no effect while the list is hidden
    assert page.locator("#word").inner_text() == words[3]
    page.keyboard.press("ArrowDown")  # opens the list again
    page.keyboard.press("Enter")
    assert page.locator("#word").inner_text() == "word30"
    page.fill("#query", "word31")
    page.locator("#found li").click(button="right")
    assert page.locator("#word").inner_text() == "word30"
    page.locator("#found li").click()
    assert page.locator("#word").inner_text() == "word31"
    assert page.title().startswith("word31 - ")


def test_case_and_ways_to_write_an_accent_do_not_matter(explore):
    words = [*(f"us{i}" for i in range(9)), "US", "e\u0301te\u0301"]
    page, *_ = explore(words=words, N=len(words))
    page.fill("#query", "us")
    assert texts(page, "#found li")[:2] == ["US", "us0"]
    page.fill("#query", "\u00c9T\u00c9")
    assert texts(page, "#found li") == [words[-1]]


def test_only_the_symbol_itself_is_marked(explore):
    page, _, words, _ = explore(hash="#word7")
    assert texts(page, ".current") == [words[7]]
    page.fill("#query", "word12")
    page.keyboard.press("Enter")
    assert texts(page, ".current") == ["word12"]


def test_patterns_list_the_symbols_that_agree(explore):
    page, codes, words, _ = explore(hash="#word7")
    same = [words[i] for i in np.flatnonzero((codes == codes[7]).all(axis=1))]
    assert {words[1], words[20]} <= set(same)
    assert texts(page, "#same button") == same
    assert f"{len(same) - 1} other symbols have" in texts(page, "#facts")[0]
    for length in (2, 1, 0):
        page.locator("#prefix").focus()
        page.keyboard.press("ArrowLeft")
        alike = (codes[:, :length] == codes[7, :length]).all(axis=1)
        assert texts(page, "#same button") == [
            words[i] for i in np.flatnonzero(alike)
        ]
    page.locator("#code button").nth(2).click()
    last = np.flatnonzero(codes[:, 2] == codes[7, 2])
    assert texts(page, "#same button") == [words[i] for i in last]
    assert page.locator("#pattern").inner_text() == f"*-*-{codes[7, 2]}"
    page.click("#all")
    assert texts(page, "#same button") == same


def test_the_nearest_codes_are(explore):
    page, codes, words, _ = explore(hash="#word9")
    agree = (codes == codes[9]).sum(axis=1)
    agree[9] = -1
    nearest = np.argsort(-agree, kind="stable")[:10]
    assert texts(page, "#near button") == [words[i] for i in nearest]
    assert texts(page, "#near .agree") == [
        f"{agree[i]} of {D}" for i in nearest
    ]


def test_the_map_counts_and_leads_to_symbols(explore):
    page, codes, words, _ = explore()
    canvas = page.locator("#map")
    box = canvas.bounding_box()
    at = {"x": box["width"] * 2.5 / K, "y": box["height"] * 1.5 / D}
    canvas.hover(position=at)
    found = np.flatnonzero(codes[:, 1] == 2)
    told = f"position 2, value 2: {len(found)} symbols"
    assert page.locator("#place").inner_text() == told
    canvas.click(position=at)
    assert texts(page, "#same button") == [words[i] for i in found]
    canvas.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    found = np.flatnonzero(codes[:, 0] == 0)
    told = f"position 1, value 0: {len(found)} symbols"
    assert page.locator("#place").inner_text() == told
    page.keyboard.press("Enter")
    assert texts(page, "#same button") == [words[i] for i in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_screen(explore, scheme):
    words = ["W" * 3000]
    page, *_ = explore(width=320, words=words)
    page.emulate_media(color_scheme=scheme)
    page.fill("#query", "W" * 100)
    page.keyboard.press("Enter")
    assert page.locator("#word").inner_text() == words[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_part_of_many_symbols(explore):
    options = ["--symbols", "40"]
    page, _, words, near = explore(options=options, measured=[2, 9, 50])
    assert "the first 40 are on this page" in page.locator("h1").inner_text()
    assert "no other symbol here has its code" in texts(page, "#facts")[0]
    page.fill("#query", "word50")
    assert "No symbol" in texts(page, "#found li")[0]
    page.fill("#query", "word9")
    page.keyboard.press("Enter")
    assert texts(page, "#before button") == [words[i] for i in near[0][1]]
    page.fill("#query", "word10")
    page.keyboard.press("Enter")
    assert "not measured" in texts(page, "#before li")[0]


def test_more_values_than_columns(explore):
    page, codes, *_ = explore(K=1000, N=200)
    box = page.locator("#map").bounding_box()
    page.locator("#map").hover(position={"x": 1, "y": box["height"] / 6})
    few = (codes[:, 0] < 4).sum()
    told = f"position 1, values 0 to 3: {few} symbols"
    assert page.locator("#place").inner_text() == told
    assert page.locator("#map").bounding_box()["width"] >= 4 * 250


def test_no_neighbours_at_all(explore):
    page, *_ = explore(measured=[])
    assert "not measured" in texts(page, "#before li")[0]


def test_the_page_names_no_address(tmp_path):
    write_folder(tmp_path / "small")
    assert main(["explore", str(tmp_path / "small")]) == 0
    page = (tmp_path / "small" / "explorer.html").read_text("utf-8")
    assert not re.search(r"\b(https?:|src=|href=|url\()", page)
