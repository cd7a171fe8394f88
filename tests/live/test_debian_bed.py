"""The bed that ships, as its users run it: from nothing to a verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from charly_vm.host.process import run
from charly_vm.machine.records import find_record

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
@pytest.mark.timeout(900)
def test_the_debian_bed_is_built_checked_rebuilt_checked_and_removed(backend: str) -> None:
    done = run(
        [sys.executable, "-m", "pytest", "-v", "--charly-bed", "check-debian-vm"],
        timeout=900,
        check=False,
        cwd=ROOT,
        env={"CHARLY_VM_BACKEND": backend},
    )
    print(done.stdout)
    assert done.status == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert f"charly-check-debian-vm: {backend}" in done.stdout
    for phase in ("deployed", "rebuilt"):
        assert f"charly.yml::check-debian-vm::sshd-listens[{phase}] PASSED" in done.stdout
        assert f"check_debian_vm.py::test_ssh_runs[{phase}] PASSED" in done.stdout
    assert find_record("charly-check-debian-vm") is None
