"""Which project, and which of its beds, a command line means."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path

import pytest

from charly_vm import (
    CharlyError,
    DeployNode,
    Project,
    find_project_file,
    load_project,
    require_disposable,
)


def find_project(config: pytest.Config) -> Project:
    """The project that `--charly-project` names, or the one upwards from the root directory.

    Raises `pytest.UsageError`, which ends pytest with exit status 4.
    """
    given = config.getoption("charly_project")
    file = Path(given).absolute() if given else find_project_file(config.rootpath)
    if file is None:
        raise pytest.UsageError(
            f"there is no charly.yml in {config.rootpath} or above it; "
            "name the file with --charly-project"
        )
    try:
        return load_project(file)
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


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
        if not matching:
            known = ", ".join(node.name for node in project.beds) or "none"
            raise pytest.UsageError(f"{project.file} has no bed {pattern!r}; the beds are: {known}")
        chosen |= matching
    return [node for node in project.beds if node.name in chosen]
