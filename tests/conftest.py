"""What every test may use: golden files, nobody's settings. The order, and what root cannot run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import neighbours
import pytest
from hypothesis import HealthCheck, settings
from warm_start import WarmStart

# How long an example takes depends on what else the machine does.
settings.register_profile("charly", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("charly")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden",
        action="store_true",
        help="write what is rendered now into the golden files instead of comparing",
    )
    parser.addoption(
        "--storm-seconds",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long claimants storm the arbiter in tests/arbiter/test_storm.py (default: 120)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Root has no libvirt session: what needs one is run a second time, as an ordinary user.

    Guests come first, and those before all that their tests allow the most time: what is shared out
    last should be quick, or one worker waits for the other.
    """

    def key(item: pytest.Item) -> tuple[bool, float]:
        allowed = item.get_closest_marker("timeout")
        return (
            not any(item.get_closest_marker(name) for name in ("live", "lab")),
            -float(allowed.args[0]) if allowed and allowed.args else 0.0,
        )

    # By file, whose tests share a guest.
    first: dict[str, tuple[bool, float]] = {}
    for item in items:
        file = item.nodeid.partition("::")[0]
        first[file] = min(first.get(file, key(item)), key(item))
    items.sort(key=lambda item: first[item.nodeid.partition("::")[0]])
    if os.getuid() != 0:
        return
    session = [item for item in items if item.get_closest_marker("session")]
    if session:
        config.hook.pytest_deselected(items=session)
        items[:] = [item for item in items if item not in session]


@pytest.fixture(scope="session", autouse=True)
def no_neighbours() -> Iterator[None]:
    """The plugins that are installed for one test stay out of what the others start, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", " ".join(neighbours.WITHOUT))
        yield


@pytest.fixture(scope="session")
def warm_start(no_neighbours: None) -> Iterator[WarmStart]:
    warm = WarmStart()
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def nothing_is_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@pytest.fixture(autouse=True)
def own_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, nothing_is_set: Path
) -> None:
    """What this machine's user has set with `charly settings` is no business of a pure test.

    A live one has a workspace of its own, and libvirt's session daemon may start in it, which
    keeps its files where the variable points.
    """
    if request.node.get_closest_marker("live") is None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(nothing_is_set))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], Path]:
    """`golden(name, text)` compares with `golden/<name>` beside the test; returns the file's path.

    A missing file fails. `--regenerate-golden` writes it: look at the difference before committing.
    """

    def compare(name: str, text: str) -> Path:
        path = request.path.parent / "golden" / name
        if request.config.getoption("--regenerate-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.exists():
            pytest.fail(f"{path} does not exist: run with --regenerate-golden", pytrace=False)
        assert text == path.read_text(), f"{path} differs: run with --regenerate-golden if meant"
        return path

    return compare
