"""The emulated GPU host, up once for all tests of a process, and its cards as they should be."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from gpu_lab import Lab, running_lab
from lab_commands import Project, make_project
from lab_project import find_obstacle
from platformdirs import user_cache_path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure says what the kernel said last, and where the processors are."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("emulated_host")
    if report.failed and lab is not None:
        report.sections.append(("the lab", lab.describe()))
    return report


@pytest.fixture(scope="session")
def emulated_host() -> Iterator[Lab]:
    if obstacle := find_obstacle():
        pytest.skip(obstacle)
    with running_lab(user_cache_path("charly-tests")) as lab:
        yield lab


@pytest.fixture
def lab(emulated_host: Lab) -> Lab:
    """The host, as whichever test came before has left it, unless that has spoilt it. One that only
    looks at what no test changes takes this; any other takes `cards` or `fresh_lab`."""
    if emulated_host.spoilt:
        emulated_host.reset()
    return emulated_host


@pytest.fixture
def cards(lab: Lab) -> Lab:
    """The host with both displays on nvidia, their sound on snd_hda_intel, no override, none of the
    other modules, and nothing that hangs. Files and processes may be left of earlier tests."""
    lab.require_cards()
    return lab


@pytest.fixture
def project(cards: Lab) -> Project:
    """A project of root's."""
    return make_project(cards, cards.root)


@pytest.fixture
def fresh_lab(emulated_host: Lab) -> Iterator[Lab]:
    """The host as it was when it was ready, in every respect; whoever takes it may spoil it."""
    emulated_host.reset()
    yield emulated_host
    emulated_host.spoilt = True
