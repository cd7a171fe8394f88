"""The entry point: options, and the fixtures' last resort. All else waits for `--charly-bed`.

plugin        options; registers `beds.BedsPlugin` when a bed is chosen
selection     which beds are meant; source_scan finds those that modules declare
chosen        the beds of a run, with their variants
collection    modules twice, YAML steps as items
beds          the hooks of a run: order, fixtures, teardown, header
order         which items run, and in which order
faults        whose fault a failure is
runs          which bed is up, in which phase
distribution  beds over pytest-xdist's workers
progress      what people see meanwhile
"""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("charly", "virtual machines (charly)")
    group.addoption(
        "--charly-bed",
        action="append",
        default=[],
        metavar="NAME",
        help="run this bed: build its VM, check it, rebuild it fresh, check again, remove it; "
        "may be given several times, and may be a glob",
    )
    group.addoption(
        "--charly-no-rebuild",
        action="store_true",
        help="check once, without the fresh rebuild",
    )
    group.addoption(
        "--charly-keep",
        choices=("never", "failed", "always"),
        default="never",
        help="leave the machine running afterwards, to look at it (default: never)",
    )
    group.addoption(
        "--charly-image",
        action="append",
        default=[],
        metavar="NAME=PATH|URL",
        help="run the beds on this image, as a variant of that name, or, where NAME is an entity, "
        "in place of its source; may be given several times",
    )
    group.addoption(
        "--charly-project",
        metavar="FILE",
        help="the charly.yml with the beds; found upwards from the root directory where not given",
    )
    group.addoption(
        "--charly-evidence",
        metavar="DIR",
        help="where evidence goes (default: charly-evidence beside the project)",
    )
    group.addoption(
        "--charly-collect",
        choices=("failed", "always"),
        default="failed",
        help="collect evidence of phases in which a check failed, or of every phase "
        "(default: failed)",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("charly_bed"):
        return
    from pytest_charly.beds import BedsPlugin

    beds = BedsPlugin.from_config(config)
    config.pluginmanager.register(beds, "charly-beds")
    # After xdist has made up its mind whether it distributes.
    beds.distribute(config)


@pytest.fixture(scope="module")
def bed(request: pytest.FixtureRequest) -> object:
    """The bed of this module, up and ready: its name, phase, machine and guest.

    Phases are "deployed" and, after an unattended rebuild from a fresh disk, "rebuilt".
    """
    # A module that declares a bed gets its own, parametrised fixture of this name.
    if not request.config.getoption("charly_bed"):
        pytest.skip("no bed is chosen; choose one with --charly-bed NAME")
    pytest.fail('this module declares no bed; declare one with `bed = Bed("NAME")`', pytrace=False)


@pytest.fixture(scope="module")
def vm(bed: Any) -> Any:
    """The machine as its host sees it (`charly_vm.machine.machine.Machine`).

    `vm.state()`, `vm.screenshot()`, `vm.console_tail()`, `vm.description()`.
    """
    return bed.machine


@pytest.fixture(scope="module")
def guest(bed: Any) -> Any:
    """The guest as a pytest-testinfra host over SSH.

    `guest.run("…")`, `guest.check_output("…")`, `guest.file("/etc/hosts")`,
    `guest.service("sshd")`, `guest.package("openssh-server")` and the rest of testinfra.

    Beyond it: `guest.succeed("command", …)`, `guest.wait_for_unit("nginx")`,
    `guest.wait_for_port(80)`, `guest.wait_for_file("/run/x")` and
    `guest.wait_until("the queue to drain", holds)`, each with `timeout=60` seconds.
    """
    return bed.host
