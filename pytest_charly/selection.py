"""Which project, and which of its beds, a command line means."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from charly_vm import (
    CharlyError,
    DeployNode,
    Project,
    Variant,
    find_project_file,
    image_variant,
    load_project,
    require_disposable,
    with_images,
)
from pytest_charly.chosen import ChosenBeds
from pytest_charly.source_scan import find_declared


def find_project(config: pytest.Config) -> Project:
    """The project that `--charly-project` names, or the one upwards from the root directory.

    Raises `pytest.UsageError`, which ends pytest with exit status 4.
    """
    given = config.getoption("charly_project")
    # Without `..`, as pytest has its paths, and with links, which are the user's.
    absolute = os.path.abspath(given) if given else ""  # noqa: PTH100
    file = Path(absolute) if given else find_project_file(config.rootpath)
    if file is None and find_declared(config.rootpath):
        # Its modules declare all of it.
        return Project(config.rootpath / "charly.yml", entities={}, deploys={})
    if file is None:
        raise pytest.UsageError(
            f"there is no charly.yml in {config.rootpath} or above it; "
            "name the file with --charly-project"
        )
    try:
        return load_project(file)
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


def choose_beds(config: pytest.Config, phases: Sequence[str]) -> ChosenBeds:
    """The beds that `--charly-bed` names, with the variants of their own and of `--charly-image`.

    Those that modules declare are added when these are collected. Raises `pytest.UsageError`.
    """
    project = find_project(config)
    patterns = config.getoption("charly_bed")
    try:
        project, images = _replace_images(project, config.getoption("charly_image"))
        chosen = ChosenBeds(project, patterns, phases, images)
        for node in select_beds(project, patterns):
            chosen.add(node)
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error
    return chosen


def _replace_images(project: Project, given: Sequence[str]) -> tuple[Project, list[Variant]]:
    """Images by the names of entities replace their sources; by other names they are variants."""
    variants = []
    for text in given:
        variant = image_variant(text)
        if variant is None:
            raise pytest.UsageError(f"--charly-image={text}: write it as NAME=PATH or NAME=URL")
        variants.append(variant)
    sources = {
        one.name: str(one.settings["image"]) for one in variants if one.name in project.entities
    }
    return with_images(project, sources), [one for one in variants if one.name not in sources]


def select_beds(project: Project, patterns: Sequence[str]) -> list[DeployNode]:
    """The beds that the patterns name, in the project's order.

    A plain name may name any deploy and is refused where that is not disposable; a glob looks at
    beds alone. Raises `pytest.UsageError` that lists the known beds.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        if node := project.deploys.get(pattern):
            try:
                require_disposable(node)
                # One whose entity is behind a reference says here what has to be fetched.
                project.target(node.name)
            except CharlyError as error:
                raise pytest.UsageError(str(error)) from error
            chosen.add(node.name)
            continue
        matching = {node.name for node in project.beds if fnmatch.fnmatchcase(node.name, pattern)}
        elsewhere = find_declared(project.file.parent)
        if not matching and not fnmatch.filter(elsewhere, pattern):
            known = ", ".join((*(node.name for node in project.beds), *elsewhere)) or "none"
            raise pytest.UsageError(f"{project.file} has no bed {pattern!r}; the beds are: {known}")
        chosen |= matching
    return [node for node in project.beds if node.name in chosen]
