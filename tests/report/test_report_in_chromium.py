"""The page as a browser shows it: nothing to complain of, nothing fetched, no wider than its place,
usable with the keyboard, without scripts, in the dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from chromium import ABSENT, Chromium, find_chromium, start_chromium
from sample_run import write_sample

from charly_vm.report.index import write_report

PROGRAM = find_chromium()

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(180),
    pytest.mark.skipif(PROGRAM is None, reason=ABSENT),
]

SIZES = [(360, 740), (390, 844), (768, 1024), (1400, 900), (2560, 1300)]

# By the rules of WCAG 2: the contrast of each text with what is painted behind it.
CONTRAST = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    throw new Error("nothing is painted behind it");
  };
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.matches("script, title")) continue;
    const style = getComputedStyle(element);
    const text = light(rgba(element instanceof SVGElement ? style.fill : style.color));
    const paper = light(behind(element));
    const ratio = (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
    if (ratio < 4.5) found[element.tagName + "." + element.className] = ratio;
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("charly-evidence")
    run = write_sample(directory, beds=5, bad=("", "check", "", "bed", "check"))
    return write_report(run, directory).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    assert PROGRAM
    with start_chromium(PROGRAM) as browser:
        yield browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_its_window_and_nothing_is_wrong_or_fetched(
    browser: Chromium, page: str, width: int, height: int, dark: bool
) -> None:
    tab = browser.open(page, width=width, height=height, dark=dark)
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    pictures = (
        "Promise.all([...document.images].map(async one => {"
        " one.loading = 'eager'; await one.decode(); return one.naturalWidth > 200; }))"
    )
    assert tab.evaluate(pictures) == [True] * 10
    assert tab.asked_for() == [page]
    assert tab.complaints() == []
    tab.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    browser: Chromium, page: str, dark: bool
) -> None:
    tab = browser.open(page, dark=dark)
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.evaluate(CONTRAST) == {}
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(19, 20, 23)" if dark else "rgb(251, 250, 247)")
    tab.close()


def test_what_it_says_can_be_seen(browser: Chromium, page: str) -> None:
    tab = browser.open(page)
    text = tab.evaluate("document.body.innerText")
    assert "4 checks failed; 1 bed could not be had" in text
    assert "contains 'Welcome to the lab image'" in text
    assert "'Debian GNU/Linux 12 \\\\n \\\\l'" in text
    assert tab.evaluate("document.title").startswith("4 checks failed")
    tab.close()


def test_the_picture_has_a_row_per_bed_and_bars_that_follow_each_other(
    browser: Chromium, page: str
) -> None:
    tab = browser.open(page)
    rows = tab.evaluate(
        "[...document.querySelectorAll('.bars')].map(row => [...row.querySelectorAll('rect')]"
        ".map(bar => [bar.classList[0], bar.getBoundingClientRect().x, bar.getBoundingClientRect()"
        ".width, getComputedStyle(bar).fill]))"
    )
    assert [len(row) for row in rows] == [8, 8, 8, 4, 8]
    for row in rows:
        assert [bar[1] for bar in row] == sorted(bar[1] for bar in row)
        assert all(bar[2] > 1 for bar in row)
    good = {kind: fill for kind, _, _, fill in rows[0]}
    assert set(good) == {"up", "checks", "rebuild", "removal"}
    assert len(set(good.values())) == 4
    labels = tab.evaluate("[...document.querySelectorAll('.bars')].map(row => row.ariaLabel)")
    assert labels[1].startswith("check-debian-1 failed: coming up 34 s, checks")
    tab.close()


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
def test_beds_are_filtered_by_what_became_of_them(
    browser: Chromium, page: str, script: bool
) -> None:
    tab = browser.open(page, script=script)
    visible = (
        "[...document.querySelectorAll('{}')].filter(one => one.checkVisibility()).map(one =>"
        " one.querySelector('h3, a').innerText.replace(/^\\W+/, ''))"
    )
    for choice, beds in {
        "show-failed": {"check-debian-1", "check-debian-4"},
        "show-error": {"check-matrix[f43]"},
        "show-passed": {"check-matrix[f40]", "check-debian-2"},
        "show-all": {
            *("check-matrix[f40]", "check-debian-1", "check-debian-2"),
            *("check-matrix[f43]", "check-debian-4"),
        },
    }.items():
        place = tab.evaluate(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
            f"(document.getElementById('{choice}').parentElement.getBoundingClientRect())"
        )
        tab.click(*place)
        assert set(tab.evaluate(visible.format("article"))) == beds
        assert set(tab.evaluate(visible.format("li.row"))) == beds
    tab.close()


def test_every_link_inside_leads_to_something_that_is_then_seen(
    browser: Chromium, page: str
) -> None:
    tab = browser.open(page)
    links = tab.evaluate(
        "[...new Set([...document.querySelectorAll('a[href^=\"#\"]')].map(one => one.hash))]"
    )
    assert len(links) >= 10
    for link in links:
        tab.go(f"{page}{link}", same_document=True)
        seen = (
            "(one => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight"
            " && one.getBoundingClientRect().bottom >= 0)(document.querySelector(':target'))"
        )
        assert tab.evaluate(seen), link
        assert tab.evaluate("document.querySelector(':target > details')?.open ?? true"), link
    assert tab.complaints() == []
    tab.close()


def test_every_file_that_is_linked_can_be_opened(browser: Chromium, page: str) -> None:
    tab = browser.open(page)
    links = tab.evaluate(
        "[...document.querySelectorAll('a:not([href^=\"#\"])')].map(one => one.href)"
    )
    assert len(links) > 100
    for link in links[:: len(links) // 12]:
        tab.go(link)
        assert tab.evaluate("document.body.innerText.length + document.images.length") > 0, link
    tab.close()


def test_the_tabulator_reaches_the_failures_and_what_scrolls(browser: Chromium, page: str) -> None:
    tab = browser.open(page)
    reached = []
    for _ in range(60):
        tab.press("Tab", 9)
        reached.append(
            tab.evaluate(
                "(one => [one.tagName, one.innerText?.trim().split('\\n')[0] ?? '',"
                " getComputedStyle(one).outlineStyle])(document.activeElement)"
            )
        )
    names = [name for name, _, _ in reached]
    assert reached[0][1] == "Skip to the beds"
    assert {"A", "INPUT", "SUMMARY"} <= set(names)
    focused = [outline for name, _, outline in reached if name in ("A", "SUMMARY")]
    assert set(focused) == {"solid"}
    tab.close()


def test_a_reader_finds_headings_and_landmarks(browser: Chromium, page: str) -> None:
    tab = browser.open(page)
    headings = tab.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))"
    )
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node.get("ignored")]
    assert roles.count("main") == 1
    assert roles.count("banner") == 1
    assert roles.count("radio") == 4
    unnamed = [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in ("link", "image", "img", "radio", "region")
        and not node.get("name", {}).get("value")
    ]
    assert unnamed == []
    tab.close()


def test_on_paper_it_is_dark_on_white_and_the_failures_are_there(
    browser: Chromium, page: str
) -> None:
    tab = browser.open(page, dark=True)
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not tab.evaluate("document.querySelector('.filter').checkVisibility()")
    assert tab.evaluate("document.querySelector('.mismatch').checkVisibility()")
    tab.close()
