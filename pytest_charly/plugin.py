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
claims        scarce things of the host, for tests and for beds
runs          which bed is up, in which phase
deadline      ends what takes longer than it may; time_limits says how long, watchdog breaks in
distribution  beds over pytest-xdist's workers; scheduling says which is begun next
check_records what became of each check, from what pytest reports
run_report    run.json and index.html at the end
progress      what people see meanwhile; console what guests say on theirs
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from pytest_charly.options import add_options, settle
from pytest_charly.place import FAILED, place_of

MARKERS = {
    "requires_exclusive": "have these tokens of the host for this test, and nobody else meanwhile",
    "requires_shared": "have these tokens of the host for this test, beside others who share them",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    settle(config)
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}(token, …): {meaning}")
    if not config.getoption("charly_bed"):
        return
    from pytest_charly.assembly import serve_run

    serve_run(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    # With beds, these have the way from a worker to the terminal.
    if not node.config.getoption("charly_bed"):
        from pytest_charly.progress.notes import follow_notes

        follow_notes(node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if place_of(item) is None and _claims(item):
        from pytest_charly.claims import begin

        begin(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        if place_of(item) is None and _claims(item):
            from pytest_charly.claims import end

            end(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (_claims(item) or "claim" in getattr(item, "fixturenames", ())):
        item.stash[FAILED] = True
    return report


def _claims(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(marker) for marker in MARKERS)


@pytest.fixture
def claim(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Scarce things of this host, for the length of a test: a function that claims.

    `claim("nvidia-gpu")` waits until nobody else has it, and returns when it is ours;
    `claim("nvidia-gpu", shared=True)` has it beside others who share it, and
    `claim(amounts={"ram": 8 * 2**30})` some of what there is. Several tokens are had all at once.
    Holders that agreed to give way are stopped for it, and started again afterwards.

    `claim(…).release()` gives it back before the test ends. `timeout` (seconds) is how long to
    wait, `--charly-claim-timeout` where it is not given. Usable in any test.
    """
    from pytest_charly.claims import claims_of

    claims = claims_of(request.node)
    try:
        yield claims
    finally:
        claims.release()


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


@pytest.fixture(scope="module")
def libvirt_probe(bed: Any) -> Any:
    """The machine through its hypervisor: whether the VM works.

    `libvirt_probe.info()`, `.screenshot()`, `.send_key("ctrl-alt-f2")`, `.qmp("query-status")`,
    `.guest.ping()`, `.guest.exec("uname -a")`, `.snapshot.list()`, and `with
    libvirt_probe.watching() as events:`. On the qemu backend the same over QMP.
    """
    from charly_vm import libvirt_probe_of

    return libvirt_probe_of(bed.machine)


@pytest.fixture(scope="module")
def spice(bed: Any) -> Any:
    """The machine over SPICE: what its screen shows, and a keyboard and a pointer on the wire.

    `spice.status()`, `.screenshot()`, `.cursor()`, `.click(320, 240)`, `.mouse(dx=10, dy=0)`,
    `.type("root\\n")`, `.key("ctrl-alt-delete")`, `.wait_for_text("login:")`. The machine needs
    `graphics: [{type: spice}]`.
    """
    from charly_vm import spice_probe_of

    return spice_probe_of(bed.machine)
