"""The bed that ships, as its users run it: from nothing to a verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from charly_vm.host.process import run
from charly_vm.machine.records import find_record

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_the_debian_bed_is_built_checked_rebuilt_checked_and_removed() -> None:
    shown = _run_bed("qemu")
    assert "8 passed" in shown
    for phase in ("deployed", "rebuilt"):
        assert f"charly.yml::check-debian-vm::sshd-listens[{phase}] PASSED" in shown
        assert f"check_debian_vm.py::test_ssh_runs[{phase}] PASSED" in shown


@pytest.mark.session
@pytest.mark.timeout(900)
def test_the_debian_bed_passes_under_libvirt() -> None:
    """One phase: what a rebuild does under libvirt is shown by the tiny guest, in a tenth of the
    time."""
    shown = _run_bed("libvirt", "--charly-no-rebuild")
    assert "4 passed" in shown
    assert "check_debian_vm.py::test_nothing_failed[deployed] PASSED" in shown


def _run_bed(backend: str, *options: str) -> str:
    """What pytest shows of a run that has passed and left nothing."""
    done = run(
        [sys.executable, "-m", "pytest", "-v", "--charly-bed", "check-debian-vm", *options],
        timeout=900,
        check=False,
        cwd=ROOT,
        env={"CHARLY_VM_BACKEND": backend},
    )
    print(done.stdout)
    assert done.status == 0, done.stdout + done.stderr
    assert f"charly-check-debian-vm: {backend}" in done.stdout
    assert find_record("charly-check-debian-vm") is None
    return done.stdout
