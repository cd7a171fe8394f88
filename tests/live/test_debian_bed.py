"""The bed that ships, as its users run it: from nothing to a verdict.

One phase on each backend: a Debian that is rebuilt and checked again is in the tutorial's test, and
each boot of one takes a minute of a processor where it is emulated.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from charly_vm.host.process import run
from charly_vm.machine.records import find_record
from charly_vm.report.model import Outcome
from charly_vm.report.run_file import read_run

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_the_debian_bed_is_built_checked_and_removed(tmp_path: Path) -> None:
    shown = _run_bed("qemu", f"--charly-evidence={tmp_path}")
    assert "4 passed" in shown
    run = read_run(tmp_path)
    assert run.count(Outcome.PASSED) == len(run.checks) == 4
    assert "<h1>4 checks passed</h1>" in (tmp_path / "index.html").read_text()
    assert "charly.yml::check-debian-vm::sshd-listens[deployed] PASSED" in shown
    assert "check_debian_vm.py::test_ssh_runs[deployed] PASSED" in shown


@pytest.mark.session
@pytest.mark.timeout(900)
def test_the_debian_bed_passes_under_libvirt() -> None:
    shown = _run_bed("libvirt")
    assert "4 passed" in shown
    assert "check_debian_vm.py::test_nothing_failed[deployed] PASSED" in shown


def _run_bed(backend: str, *options: str) -> str:
    """What pytest shows of a run that has passed and left nothing."""
    words = ["-v", "--charly-bed", "check-debian-vm", "--charly-no-rebuild", *options]
    done = run(
        [sys.executable, "-m", "pytest", *words],
        timeout=900,
        check=False,
        cwd=ROOT,
        env={"CHARLY_VM_BACKEND": backend},
    )
    print(done.stdout)
    assert done.status == 0, done.stdout + done.stderr
    assert f"check-debian-vm [deployed]: {backend}" in done.stdout
    assert find_record("charly-check-debian-vm") is None
    return done.stdout
