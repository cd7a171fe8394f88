"""constraints.txt pins everything that pyproject.toml names, and no more than versions."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from stand_ins import CHECKOUT

PINS = [
    line
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_each_line_is_a_name_and_a_version() -> None:
    assert [pin for pin in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)] == []


def test_no_name_is_pinned_twice() -> None:
    names = [canonicalize_name(pin.split("==")[0]) for pin in PINS]
    assert sorted(set(names)) == sorted(names)


def test_everything_that_the_project_names_is_pinned_to_a_version_that_it_accepts() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *project["dependency-groups"]["dev"],
    ]
    pinned = {canonicalize_name(name): version for name, version in (p.split("==") for p in PINS)}
    unmet = [
        text
        for text in wanted
        for requirement in [Requirement(text)]
        if not requirement.specifier.contains(
            pinned.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
        or canonicalize_name(requirement.name) not in pinned
    ]
    assert unmet == []
