"""A machine's life from the command line, on both backends, with the tiny guest."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from workspace import Workspace, workspace

pytestmark = pytest.mark.live


def state_of(place: Workspace, name: str) -> str:
    machines = json.loads(place.charly("vm", "list", "-a", "--json").stdout)
    return next((machine["state"] for machine in machines if machine["name"] == name), "missing")


def test_a_machine_is_created_entered_stopped_started_and_removed(there: Workspace) -> None:
    created = there.charly("vm", "create", "tiny", "--wait")
    assert created.status == 0, created.stderr
    assert state_of(there, "tiny") == "running"
    again = there.charly("vm", "create", "tiny")
    assert again.status == 1
    assert "charly-tiny exists already; it was made by charly vm create tiny" in again.stderr
    assert "charly vm destroy tiny" in again.stderr

    entered = there.charly("vm", "ssh", "tiny", "--", "hostname; echo kept >/disk/mark; exit 7")
    assert (entered.status, entered.stdout) == (7, "charly-tiny\n")

    stopped = there.charly("vm", "stop", "tiny")
    assert "the guest shut down" in stopped.stdout
    assert state_of(there, "tiny") == "shut off"
    assert "it was not running" in there.charly("vm", "stop", "tiny").stdout

    assert there.charly("vm", "start", "tiny", "--wait").status == 0
    assert "runs already" in there.charly("vm", "start", "tiny").stdout
    forced = there.charly("vm", "stop", "tiny", "--force")
    assert "powered off" in forced.stdout

    assert "its disk is kept" in there.charly("vm", "destroy", "tiny").stdout
    assert there.charly("vm", "start", "tiny").status == 1
    text = there.project.read_text()
    there.project.write_text(text.replace("    cpu: 1\n", "    cpu: 1\n    disk_size: 3G\n"))
    grown = there.charly("vm", "create", "tiny", "--wait")
    assert grown.status == 0, grown.stderr
    assert "to 3G" in grown.stderr
    seen = there.charly("vm", "ssh", "tiny", "--", "cat /disk/mark /sys/block/vda/size")
    assert seen.stdout == f"kept\n{3 * 1024**3 // 512}\n"
    assert "and its disk are gone" in there.charly("vm", "destroy", "tiny", "--disk").stdout
    assert there.is_clean()


def test_a_machine_that_is_off_has_no_console(here: Workspace) -> None:
    assert here.charly("vm", "create", "tiny").status == 0
    here.charly("vm", "stop", "tiny", "--force")
    off = here.charly("vm", "console", "tiny")
    assert off.status == 1
    assert "the machine has to run" in off.stderr


FRESH = """\
  first-time: {check: nothing is there yet, file: /disk/mark, exists: false}
  leaves-a-mark: {check: something is written, command: echo mark >/disk/mark}
"""


def test_a_bed_passes_on_a_disk_that_is_fresh_in_both_phases_and_leaves_nothing(
    there: Workspace,
) -> None:
    there.project.write_text(there.project.read_text() + FRESH)
    done = there.charly("check", "run", "check-tiny", "--charly-console")
    assert done.status == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    # Of both incarnations, whose logs are two on one backend and one on another.
    ready = r"^check-tiny \| .*tiny guest: ready as charly-check-tiny"
    assert len(re.findall(ready, done.stdout, re.MULTILINE)) == 2
    assert there.is_clean()


def test_a_failed_check_is_status_2_and_live_says_the_same(here: Workspace) -> None:
    text = here.project.read_text().replace("stdout: charly-check-tiny", "stdout: somebody")
    here.project.write_text(text)
    done = here.charly("check", "run", "check-tiny", "--charly-keep=failed")
    assert done.status == 2
    assert "expected 'somebody'" in done.stdout
    assert "charly vm ssh check-tiny" in done.stdout
    evidence = here.directory / "charly-evidence" / "check-tiny" / "deployed"
    names = {path.name for path in evidence.iterdir()}
    assert {"console.log", "screen.png", "qemu-command.txt", "machine.json"} <= names
    assert (evidence / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert (here.directory / "charly-evidence" / ".gitignore").read_text() == "*\n"

    live = here.charly("check", "live", "check-tiny")
    assert live.status == 2
    assert "FAIL  greets: the guest has its name" in live.stdout
    assert "0 passed, 1 failed" in live.stdout
    here.project.write_text(text.replace("stdout: somebody", "stdout: charly-check-tiny"))
    assert here.charly("check", "live", "check-tiny").status == 0
    # The kept machine gives way to the next run of its bed.
    again = here.charly("check", "run", "check-tiny", "--charly-no-rebuild", "--charly-keep=always")
    assert again.status == 0
    assert "was kept by" in again.stdout
    # It is kept for a time, and whoever comes after that removes it.
    record = here.machines / "charly-check-tiny" / "machine.json"
    assert "check-tiny" in here.charly("vm", "list").stdout
    text = record.read_text()
    record.write_text(re.sub(r'"expires": "20[^"]*"', '"expires": "2026-01-01T00:00:00Z"', text))
    listed = here.charly("vm", "list", "-a")
    assert "removed machine charly-check-tiny, which was kept until 2026-01-01" in listed.stderr
    assert "check-tiny" not in listed.stdout
    assert here.is_clean()


def test_a_guest_that_never_answers_is_one_error_with_its_evidence(
    tmp_path: Path, tiny_image: Path
) -> None:
    silent = tmp_path / "silent.raw"
    # A boot sector that halts: cli; hlt; jmp to hlt.
    silent.write_bytes(b"\xfa\xf4\xeb\xfd".ljust(510, b"\0") + b"\x55\xaa" + bytes(2**20))
    with workspace(silent, "qemu") as place:
        text = place.project.read_text().replace("timeout: 90s", "timeout: 4s")
        place.project.write_text(text + "  also: {check: never tried, port: 22}\n")
        done = place.charly("check", "run", "check-tiny")
        assert done.status == 1
        assert "check-tiny did not come up (deployed)" in done.stdout
        assert "waited 4 s for" in done.stdout
        assert "last seen:" in done.stdout
        assert "1 error" in done.stdout
        assert "Traceback" not in done.stdout
        evidence = place.directory / "charly-evidence" / "check-tiny" / "deployed"
        assert str(evidence) in done.stdout
        assert (evidence / "screen.png").exists()
        assert "guest" in json.loads((evidence / "missing.txt").read_text())
        timings = json.loads((evidence.parent / "timings.json").read_text())
        outcomes = {span["what"]: span["outcome"] for span in timings["spans"]}
        assert outcomes["waiting for SSH of charly-check-tiny"] == "failed"
        assert outcomes["removing charly-check-tiny"] == "ok"
        assert timings["backend"] == "qemu"
        assert place.is_clean()


def test_a_port_that_is_taken_is_one_message(here: Workspace) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        here.project.write_text(
            here.project.read_text().replace("port_auto: true", f"port: {port}")
        )
        done = here.charly("vm", "create", "tiny")
    assert done.status == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert here.is_clean()


def test_two_machines_made_at_once_have_two_ports(here: Workspace) -> None:
    first = here.start("vm", "create", "tiny")
    second = here.start("vm", "create", "tiny", "-i", "dev")
    assert (first.wait(60), second.wait(60)) == (0, 0), here.state()
    machines = json.loads(here.charly("vm", "list", "--json").stdout)
    assert len({machine["ssh_port"] for machine in machines}) == 2
    assert here.charly("vm", "destroy", "tiny", "-i", "dev", "--disk").status == 0
    assert here.charly("vm", "destroy", "tiny", "--disk").status == 0
    assert here.is_clean()
