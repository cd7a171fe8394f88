"""Markdown as GitHub reads it: headings with their anchors, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?:[^\]]|\](?!\())*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]*`")


def slug(heading: str) -> str:
    """The anchor of a heading that is there once."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors_of(text: str) -> set[str]:
    """Those of all headings; what is there twice has a number behind it."""
    found: dict[str, int] = {}
    anchors = set()
    for _, heading in headings_of(text):
        name = slug(heading)
        times = found.get(name, 0)
        anchors.add(f"{name}-{times}" if times else name)
        found[name] = times + 1
    return anchors


def headings_of(text: str) -> Iterator[tuple[int, str]]:
    """Level and words of each heading."""
    for match in _HEADING.finditer(_FENCE.sub("", text)):
        yield len(match[1]), match[2].replace("`", "")


def links_of(text: str) -> Iterator[str]:
    """The targets of all links."""
    for match in _LINK.finditer(_CODE.sub("", _FENCE.sub("", text))):
        yield match[1]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; empty without rows."""
    if not rows:
        return ""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *escaped]
    return "\n".join("".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in lines)


def code(text: object) -> str:
    return f"`{text}`"


def any_of(words: Sequence[str], *, last: str = "or") -> str:
    """`a`, `b` or `c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def join(parts: Sequence[str]) -> str:
    """Paragraphs and blocks, without those that are empty."""
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
