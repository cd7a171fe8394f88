"""Links of the pages that people read, to files and to headings, lead somewhere."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from make_reference.markdown import anchors_of, links_of, table

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@functools.cache
def anchors_in(page: Path) -> set[str]:
    return anchors_of(page.read_text(encoding="utf-8"))


def broken_links(page: Path) -> list[str]:
    """Those that lead nowhere; what goes to the network is not looked at."""
    broken = []
    for link in links_of(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors_in(target):
            broken.append(f"{link}: no such heading")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs/README.md"
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for link in links_of(index.read_text(encoding="utf-8"))
    }
    ours = {page for page in PAGES if page.is_relative_to(index.parent)}
    assert ours - linked == {index}


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](gone.md) [b](#one) [c](#two) [d](page.md#one) [e](page.md#two)\n"
        "`[f](code.md)`\n```\n# no heading\n[g](fenced.md)\n```\n"
    )
    assert broken_links(page) == [
        "gone.md: no such file",
        "#two: no such heading",
        "page.md#two: no such heading",
    ]


def test_anchors_are_those_of_github() -> None:
    text = "# `charly.yml`: all keys\n## A\n## A\n### vm: ssh: key_injection\n"
    assert anchors_of(text) == {"charlyyml-all-keys", "a", "a-1", "vm-ssh-key_injection"}


def test_a_table_escapes_what_would_end_a_cell() -> None:
    assert table(("a", "b"), [("x|y", "")]) == "| a | b |\n| --- | --- |\n| x\\|y | |"
