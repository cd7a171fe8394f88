"""The power is cut at each write of `create`, `destroy` and `update`; the next command mends it.

The machine has a blank disk and no guest: what is tested is our files, libvirt's domain, and QEMU's
process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from charly_vm.host.process import require_tool, run

pytestmark = pytest.mark.live

FEWEST_CUTS = {"qemu": 6, "libvirt": 3}
"""Of any verb; fewer, and the program has not heard what it listens to."""

PROGRAM = Path(__file__).with_name("power_cut.py")


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def place(request: pytest.FixtureRequest, blank: Path) -> Iterator[Workspace]:
    with workspace(blank, request.param) as made:
        yield made


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    image = tmp_path / "blank.qcow2"
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", image, "1M"], timeout=20)
    return image


@pytest.mark.parametrize("verb", ["create", "destroy", "update"])
@pytest.mark.timeout(600)
def test_after_a_cut_at_any_write_the_next_command_makes_it_whole(
    place: Workspace, verb: str
) -> None:
    done = run(
        [sys.executable, PROGRAM, verb, place.directory],
        timeout=600,
        check=False,
        env=place.environment,
        cwd=place.directory,
    )
    assert done.status == 0, done.stderr
    *cuts, last = json.loads(done.stdout)
    assert last["status"] == 0, last
    assert len(cuts) >= FEWEST_CUTS[place.environment["CHARLY_VM_BACKEND"]]
    for cut in [*cuts, last]:
        assert "Traceback" not in cut["said"] + "".join(said for _, said, _ in cut["tries"])
        assert cut["left"] == [], cut
        for status, said, _ in cut["tries"]:
            # Killed after its last write, a command has done all that was asked of it.
            done_already = "exists already" in said or "there is no machine" in said
            assert status == 0 or done_already, cut
    assert place.is_clean()


GIVES_WAY = """\
  gives-way:
    preemptible:
      holds: [usb-dongle]
      grace: 5s
      stop: charly vm stop check-tiny --force
      start: charly vm start check-tiny
      running: pgrep -f "[g]uest=charly-check-tiny.*$PWD"
"""


@pytest.mark.timeout(600)
def test_after_a_cut_at_any_write_of_a_claim_the_machine_that_gave_way_runs(blank: Path) -> None:
    # What is cut are the ledger's writes, whichever backend has the machine.
    with workspace(blank, "qemu") as place:
        _cut_a_claim(place)


def _cut_a_claim(place: Workspace) -> None:
    place.project.write_text(place.project.read_text() + GIVES_WAY)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert place.charly("vm", "create", "check-tiny", PATH=path).status == 0
    done = run(
        [
            sys.executable,
            PROGRAM,
            "claim",
            place.directory,
            place.directory / "state/charly/leases",
        ],
        timeout=600,
        check=False,
        env={**place.environment, "PATH": path},
        cwd=place.directory,
    )
    assert done.status == 0, done.stderr
    *cuts, last = json.loads(done.stdout)
    assert last["status"] == 0, last
    assert len(cuts) >= 10, len(cuts)
    for cut in [*cuts, last]:
        [restored, status] = cut["tries"]
        assert restored[0] == 0, cut
        told = json.loads(status[1])
        assert [one["state"] for one in told["holders"]] == ["running"], cut
        # Its own, for as long as it runs.
        assert [one["who"] for one in told["claims"]] in ([], ["machine charly-check-tiny"]), cut
        assert "Traceback" not in cut["said"] + restored[1]
    place.charly("vm", "destroy", "check-tiny", "--disk")
    assert place.is_clean()
