"""A machine that gives way: stopped for a claimant, and running again afterwards, whatever dies."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from workspace import Workspace

pytestmark = pytest.mark.live

DEPLOYS = """\
station:
  vm: {from: tiny}
  gives-way: {preemptible: [usb-dongle]}
check-gpu:
  vm: {from: tiny, disposable: true, timeout: 90s, requires_exclusive: [usb-dongle]}
  greets: {check: the guest has its name, command: hostname, stdout: charly-check-gpu}
"""


@pytest.fixture
def shared(here: Workspace) -> Workspace:
    """A workspace in which a machine runs that has the card and gives it up."""
    return with_station(here)


def with_station(place: Workspace) -> Workspace:
    place.project.write_text(place.project.read_text() + DEPLOYS)
    place.also = ("station", "check-gpu")
    made = place.charly("vm", "create", "station", "--wait")
    assert made.status == 0, made.stderr
    return place


def set_grace(here: Workspace, grace: str) -> None:
    """How long the machine may take to stop, as its author says it now."""
    terms = f"{{preemptible: {{holds: [usb-dongle], grace: {grace}}}}}"
    text = here.project.read_text()
    here.project.write_text(text.replace("{preemptible: [usb-dongle]}", terms))


def standing(here: Workspace) -> dict[str, Any]:
    done = here.charly("preempt", "status", "--json")
    assert done.status == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def state_of(here: Workspace, name: str) -> str:
    listed = json.loads(here.charly("vm", "list", "-a", "--json").stdout)
    return next((str(one["state"]) for one in listed if one["name"] == name), "")


def boot_of(here: Workspace, name: str) -> str:
    """Which boot of a guest it is, once it is ready."""
    assert here.charly("vm", "start", name, "--wait").status == 0
    done = here.charly("vm", "ssh", name, "--", "cat", "/proc/sys/kernel/random/boot_id")
    assert done.status == 0, done.stderr
    return done.stdout.strip()


def test_a_machine_gives_way_to_a_bed_and_comes_back(there: Workspace) -> None:
    shared = with_station(there)
    before = boot_of(shared, "station")
    done = shared.charly("check", "run", "check-gpu", "--charly-no-rebuild", timeout=200)
    assert done.status == 0, done.stdout + done.stderr
    assert "station gave way" in done.stdout
    assert "station runs again" in done.stdout
    assert state_of(shared, "station") == "running"
    assert boot_of(shared, "station") != before
    assert [one["id"] for one in standing(shared)["claims"] if "machine" not in one["who"]] == []


def test_a_claimant_that_is_killed_gives_everything_back_to_whoever_comes_next(
    shared: Workspace,
) -> None:
    run = shared.start("check", "run", "check-gpu")
    shared.wait_for("the bed is up", lambda: "charly-check-gpu" in _running(shared))
    run.kill()
    [claim] = [one for one in standing(shared)["claims"] if one["state"] == "left"]
    assert "check-gpu" in claim["who"]
    # Any command that works with machines brings things in order.
    listed = shared.charly("vm", "list", "-a")
    assert listed.status == 0, listed.stderr
    assert "station runs again" in listed.stderr
    assert _running(shared) == {"charly-station"}
    assert all(one["state"] != "left" for one in standing(shared)["claims"])


def test_a_claimant_that_is_killed_while_the_machine_shuts_down(shared: Workspace) -> None:
    set_grace(shared, "20s")
    before = boot_of(shared, "station")
    slow = shared.charly("vm", "ssh", "station", "--", "echo 8 >/run/shutdown-seconds")
    assert slow.status == 0, slow.stderr
    run = shared.start("claim", "usb-dongle", "--", "sleep", "300")
    log = shared.machines / "charly-station" / "console.log"
    shared.wait_for("it shuts down", lambda: "shutting down" in log.read_text(errors="replace"))
    run.kill()
    assert _running(shared) == {"charly-station"}
    # It waits for what the dead claimant has set going.
    done = shared.charly("preempt", "restore", timeout=200)
    assert "station runs again" in done.stdout, done.stdout + done.stderr
    assert boot_of(shared, "station") != before
    assert _stopped(shared) == ""


def test_what_gave_way_before_the_host_was_booted_comes_back(shared: Workspace) -> None:
    run = shared.start("claim", "usb-dongle", "--", "sleep", "300")
    shared.wait_for("the machine is off", lambda: '"stopped"' in _stopped(shared))
    run.kill()
    for pid in _children(run.child.pid, "sleep"):
        os.kill(pid, signal.SIGKILL)
    [record] = shared.directory.glob("state/charly/leases/stopped/*.json")
    told = json.loads(record.read_text())
    record.write_text(json.dumps({**told, "boot_id": "of-another-boot"}))
    unit = shared.directory / "config/systemd/user/charly-restore.service"
    [command] = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(command.removeprefix("ExecStart="))
    assert words[1:] == ["preempt", "restore"]
    assert shared.charly(*words[1:]).stdout == "station runs again\n"
    assert state_of(shared, "station") == "running"
    assert not unit.exists()


def test_a_machine_that_does_not_stop_keeps_what_it_has(shared: Workspace) -> None:
    shared.charly("vm", "ssh", "station", "--", "touch", "/run/ignore-power-button")
    set_grace(shared, "2s")
    done = shared.charly("claim", "usb-dongle", "--", "true")
    assert done.status == 1
    assert "station, which has it, does not give way: it did not stop within 2 s" in done.stderr
    assert state_of(shared, "station") == "running"


def test_a_machine_keeps_what_its_deploy_requires_until_it_is_destroyed(here: Workspace) -> None:
    here.project.write_text(here.project.read_text() + DEPLOYS.replace("disposable: true, ", ""))
    here.also = ("check-gpu",)
    assert here.charly("vm", "create", "check-gpu").status == 0
    assert here.charly("vm", "stop", "check-gpu", "--force").status == 0
    words = ("claim", "usb-dongle", "--claim-timeout", "1s", "--", "true")
    refused = here.charly(*words)
    assert refused.status == 1
    assert "usb-dongle is held exclusively by charly-check-gpu (machine of" in refused.stderr
    # It does not wait for itself.
    assert here.charly("vm", "start", "check-gpu", "--claim-timeout", "1s").status == 0
    assert here.charly("vm", "destroy", "check-gpu", "--disk").status == 0
    assert here.charly(*words).status == 0


def test_a_machine_that_a_bed_leaves_keeps_what_the_bed_claimed(here: Workspace) -> None:
    here.project.write_text(here.project.read_text() + DEPLOYS)
    here.also = ("check-gpu",)
    run = ("check", "run", "check-gpu", "--charly-no-rebuild")
    kept = here.charly(*run, "--charly-keep=always", timeout=200)
    assert kept.status == 0, kept.stdout + kept.stderr
    [claim] = standing(here)["claims"]
    assert (claim["who"], claim["what"].split(", ")[0]) == (
        "machine charly-check-gpu",
        "usb-dongle",
    )
    # The next run of the bed removes the machine, and does not wait for it.
    again = here.charly(*run, "--charly-claim-timeout=5s", timeout=200)
    assert again.status == 0, again.stdout + again.stderr
    assert standing(here)["claims"] == []


def _running(here: Workspace) -> set[str]:
    """The domains whose emulators run."""
    found = set()
    for pid in here.emulators():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        found |= {word.removeprefix("guest=").split(",")[0] for word in words if "guest=" in word}
    return found


def _stopped(here: Workspace) -> str:
    """What the ledger says of machines that gave way."""
    files = here.directory.glob("state/charly/leases/stopped/*.json")
    return "".join(file.read_text() for file in files)


def _children(pid: int, name: str) -> list[int]:
    """The processes of this name that a dead process has started, by the session that it led."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            comm = (entry / "comm").read_text().strip()
        except OSError:
            continue
        if comm == name and int(fields[3]) == pid:
            found.append(int(entry.name))
    return found
