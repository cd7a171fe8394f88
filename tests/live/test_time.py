"""What takes longer than it may ends with evidence, on a real guest, and the next bed runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from on_terminal import on_terminal
from workspace import Workspace

from charly_vm.host.process import Completed

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHECKS = """\
import os, signal, time
from pathlib import Path
from pytest_charly import Bed

bed = Bed("check-tiny")


def emulator():
    here = os.fsencode(os.environ["XDG_DATA_HOME"])
    for entry in Path("/proc").glob("[0-9]*"):
        command = (entry / "cmdline").read_bytes()
        if b"qemu" in command.split(b"\\0")[0] and here in command:
            return int(entry.name)


def test_it(guest):
    {statement}


def test_rest(guest): pass
"""

SECOND = """\
check-tiny-2:
  vm: {from: tiny, disposable: true}
  greets: {check: the guest has its name, command: hostname, stdout: charly-check-tiny-2}
"""

HURRIES = """\
import pytest_charly.time_limits
pytest_charly.time_limits.CHECKS_SECONDS = 8.0
"""
"""The default for checks, which is an hour. A machine gets its own, however busy this host is."""

STALLS = """\
import charly_vm.machine.bed, pytest_charly.time_limits, time
pytest_charly.time_limits.HOST_SECONDS = 1.0


def stall(*_):
    time.sleep(300)


def pytest_configure():
    charly_vm.machine.bed.rebuild_machine = stall
"""


def run_beds(here: Workspace, *words: str) -> Completed:
    done = here.charly("check", "run", "check-tiny", "-v", *words, timeout=400)
    print(done.stdout, done.stderr)
    assert here.is_clean()
    return done


def evidence(here: Workspace, phase: str) -> Path:
    return here.directory / "charly-evidence" / "check-tiny" / phase


@pytest.fixture
def hurried(here: Workspace) -> Workspace:
    """Two beds that do not say how long they may take."""
    here.project.write_text(here.project.read_text().replace(", timeout: 90s", "") + SECOND)
    (here.directory / "conftest.py").write_text(HURRIES)
    return here


def test_a_check_that_never_ends_leaves_evidence_and_the_next_bed_runs(hurried: Workspace) -> None:
    (hurried.directory / "check_it.py").write_text(
        CHECKS.format(statement='guest.run("while :; do sleep 1; done")')
    )
    done = run_beds(hurried, "--charly-no-rebuild", "--charly-bed=check-tiny-2")
    assert done.status == 2
    assert "check_it.py:17: test_it: guest.run(" in done.stdout
    assert "have taken more than 8s (the default)" in done.stdout
    assert "1 failed, 2 passed, 1 skipped" in done.stdout
    assert (evidence(hurried, "deployed") / "console.log").read_text()
    assert (evidence(hurried, "deployed") / "screen.png").exists()
    missing = evidence(hurried, "deployed") / "missing.txt"
    # The guest answers still; what it has not got is systemd and cloud-init.
    assert not missing.exists() or '"guest"' not in missing.read_text()


def test_a_guest_that_hangs_still_yields_what_the_host_sees(hurried: Workspace) -> None:
    (hurried.directory / "check_it.py").write_text(
        CHECKS.format(statement="os.kill(emulator(), signal.SIGSTOP); time.sleep(300)")
    )
    done = run_beds(hurried, "--charly-no-rebuild")
    assert done.status == 2
    assert "check_it.py:17: test_it: os.kill" in done.stdout
    assert (evidence(hurried, "deployed") / "console.log").read_text()
    assert '"guest"' in (evidence(hurried, "deployed") / "missing.txt").read_text()


def test_a_rebuild_that_stalls_is_an_error_with_evidence_and_may_be_kept(here: Workspace) -> None:
    """What stalls is a stand-in for the engine's rebuild; the machine and all else are real."""
    (here.directory / "conftest.py").write_text(STALLS)
    words = ("--charly-timeout=60s", "--charly-keep=failed")
    done = here.charly("check", "run", "check-tiny", *words, timeout=400)
    print(done.stdout)
    assert done.status == 1
    assert "check-tiny did not come up again from a fresh disk (rebuilt)" in done.stdout
    assert "the rebuild had not ended after 1m (--charly-timeout)" in done.stdout
    assert f"evidence: {evidence(here, 'rebuilt')}" in done.stdout
    assert "1 passed, 1 error" in done.stdout
    assert (evidence(here, "rebuilt") / "console.log").read_text()
    assert "check-tiny is kept until" in done.stdout
    assert here.charly("vm", "ssh", "check-tiny", "true").status == 0
    assert here.charly("vm", "destroy", "check-tiny", "--disk").status == 0
    assert here.is_clean()


def test_at_the_debugger_the_guest_can_be_entered_as_it_is_told(here: Workspace) -> None:
    (here.directory / "check_it.py").write_text(CHECKS.format(statement="assert guest is None"))
    words = here.argv("check", "run", "check-tiny", "--charly-no-rebuild", "--pdb")
    with on_terminal(words, here.directory, here.environment) as session:
        told = session.wait_for("(Pdb) ", 120)
        found = re.search(r"while the debugger is open: `charly (vm ssh [^`]*)` logs in", told)
        assert found, told
        entered = here.charly(*shlex.split(found[1]), "hostname")
        assert entered.stdout == "charly-check-tiny\n", entered.stderr
        session.type("c")
        assert session.wait() == 2
    assert here.is_clean()
