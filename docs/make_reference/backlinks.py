"""Which task pages explain what: the places in `docs/*.md` that link to a reference's section."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from make_reference.markdown import headings_of, links_of, slug


@dataclass(frozen=True)
class Place:
    """A section of a task page."""

    page: str
    heading: str
    anchor: str
    """Empty for the page as a whole."""

    @property
    def link(self) -> str:
        return f"[{self.heading}](../{self.page}{'#' if self.anchor else ''}{self.anchor})"


def find_backlinks(docs: Path) -> Mapping[str, list[Place]]:
    """From `charly-yml.md#vm-network` to the places that link there, each once."""
    found: dict[str, list[Place]] = {}
    for page in sorted(docs.glob("*.md")):
        for part in re.split(r"^(?=#+ )", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
            level, heading = next(iter(headings_of(part)), (1, page.stem))
            place = Place(page.name, heading, slug(heading) if level > 1 else "")
            for target in links_of(part):
                if target.startswith("reference/"):
                    places = found.setdefault(target.removeprefix("reference/"), [])
                    places += [place] if place not in places else []
    return found
