"""All pages, by the name of their file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from make_reference.backlinks import find_backlinks
from make_reference.probes_page import render_probes
from make_reference.pytest_page import render_pytest
from make_reference.yaml_pages import render_charly_yml, render_libvirt

DOCS = Path(__file__).parent.parent
REFERENCE = DOCS / "reference"


def render_pages() -> Mapping[str, str]:
    """What the pages should have in them."""
    backlinks = find_backlinks(DOCS)
    return {
        "charly-yml.md": render_charly_yml(backlinks),
        "libvirt.md": render_libvirt(backlinks),
        "probes.md": render_probes(backlinks),
        "pytest.md": render_pytest(backlinks),
    }
