"""The entry point: hooks, and the fixtures' last resort. All else waits for `--charly-bed`.

plugin        hooks that pytest always has; assembly puts together what serves a run with beds
options       the table of options, and what the ini file says of them
selection     which beds are meant; source_scan finds those that modules declare
chosen        the beds of a run, with their variants
collection    modules twice, YAML steps as items
collecting    the hooks that find checks and put them in order
beds          the hooks that have beds up, judge what fails, and leave them
allure_report what Allure's report shows of beds
order         which items run, and in which order
faults        whose fault a failure is
runs          which bed is up, in which phase
deadline      ends what takes longer than it may; time_limits says how long, watchdog breaks in
distribution  beds over pytest-xdist's workers
check_records what became of each check, from what pytest reports
run_report    run.json and index.html at the end
progress      what people see meanwhile; console what guests say on theirs
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_charly.options import add_options, settle


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    settle(config)
    if not config.getoption("charly_bed"):
        return
    from pytest_charly.assembly import serve_run

    serve_run(config)


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
