"""kill -9 in the middle of a snapshot verb: no disk is lost, and the next verb makes it whole.

The machine has a blank disk and no guest: what is tested is our files, and QEMU's process. Every
seventh step is tried here; `snapshot_cuts.py` alone tries each.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from charly_vm.host.process import run

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
PROGRAM = HERE / "snapshot_cuts.py"
SEARCHED = os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE.parent / "machine", HERE)))
STRIDE = 7

SCENARIOS = (
    "create external, running",
    "create external, off",
    "create internal, running",
    "revert external",
    "revert internal",
    "revert to a memory",
    "delete external",
    "delete the last external",
    "delete internal",
)


SESSION_STRIDE = 10
SESSION_SCENARIOS = ("create external, running", "revert external", "delete the last external")
"""Those in which libvirt's definition has to follow."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_cut_at_any_step_loses_nothing(scenario: str) -> None:
    _cut(scenario, STRIDE, "qemu")


@pytest.mark.session
@pytest.mark.parametrize("scenario", SESSION_SCENARIOS)
def test_a_cut_at_any_step_loses_nothing_on_libvirt(scenario: str) -> None:
    _cut(scenario, SESSION_STRIDE, "libvirt")


def _cut(scenario: str, stride: int, backend: str) -> None:
    # Never the same directory twice: a libvirt daemon that ends removes its sockets by name.
    with tempfile.TemporaryDirectory(prefix="c-") as directory:
        done = run(
            [sys.executable, PROGRAM, scenario, directory, str(stride), backend],
            timeout=600,
            check=False,
            env={"PYTHONPATH": SEARCHED},
        )
    assert done.status == 0, done.stderr
    assert int(done.stdout) >= 2
