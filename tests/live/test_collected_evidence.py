"""What beds of the tiny guest leave for people: on failure, on success when asked, and where the
guest hangs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workspace import Workspace

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.bed import BedRun
from charly_vm.machine.evidence import collect
from charly_vm.model.project import load_project

pytestmark = pytest.mark.live

SEVERAL = """\
  second: {check: it is wrong, command: "echo out; echo err >&2; exit 3"}
  third: {check: it comes after the failure, command: echo later}
"""
MODULE = """\
from pytest_charly import Bed
bed = Bed("check-tiny")
def test_python(guest): assert guest.check_output("echo by Python") == "by Python"
"""
SHELL_ONLY = {
    *("cloud-init-output.log", "cloud-init-result.json", "cloud-init-status.json"),
    *("cloud-init.log", "failed-units.txt", "journal.txt"),
}
"""What a guest without systemd and cloud-init has not."""


def told(directory: Path) -> list[tuple[str, str, int | None]]:
    lines = map(json.loads, (directory / "transcript.jsonl").read_text().splitlines())
    return [
        (line["item"].partition("::")[2], line["command"], line["status"])
        for line in lines
        if line["item"]
    ]


def timings(evidence: Path) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((evidence / "timings.json").read_text())
    return stored


def test_a_failed_phase_leaves_its_evidence_and_a_good_one_when_asked(there: Workspace) -> None:
    there.project.write_text(there.project.read_text() + SEVERAL)
    (there.directory / "check_python.py").write_text(MODULE)
    evidence = there.directory / "charly-evidence" / "check-tiny"
    done = there.charly("check", "run", "check-tiny", "--charly-no-rebuild")
    assert done.status == 2, done.stdout + done.stderr
    deployed = evidence / "deployed"
    missing = json.loads((deployed / "missing.txt").read_text())
    assert SHELL_ONLY <= set(missing) <= {*SHELL_ONLY, "qemu.log"}, missing
    assert "systemctl: not found" in missing["failed-units.txt"]
    assert "Linux version" in (deployed / "dmesg.txt").read_text()
    assert "scope global" in (deployed / "network.txt").read_text()
    assert "tiny guest: ready" in (deployed / "console.log").read_text()
    assert (deployed / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert deployed.stat().st_mode & 0o777 == 0o700
    # What ran after the failure, at which the rest was collected, is there too.
    assert told(deployed) == [
        ("check-tiny::greets[deployed]", "hostname", 0),
        ("check-tiny::second[deployed]", "echo out; echo err >&2; exit 3", 3),
        ("check-tiny::third[deployed]", "echo later", 0),
        ("test_python[deployed]", "echo by Python", 0),
    ]
    spans = {(span["phase"], span["what"]): span for span in timings(evidence)["spans"]}
    assert ("deployed", "waiting for SSH of charly-check-tiny") in spans
    assert spans["deployed", "checks"]["outcome"] == "failed"
    assert ("removal", "removing charly-check-tiny") in spans

    (deployed / "left").write_text("by an earlier run")
    there.project.write_text(there.project.read_text().replace("exit 3", "exit 0"))
    assert there.charly("check", "run", "check-tiny").status == 0
    assert [path.name for path in evidence.iterdir()] == ["timings.json"]
    about = timings(evidence)
    began = [span["began"] for span in about.pop("spans")]
    assert about.pop("began") <= began[0] + 0.01
    assert began == sorted(began)
    backend = there.environment["CHARLY_VM_BACKEND"]
    assert about == {
        **{"version": 1, "bed": "check-tiny", "entity": "tiny"},
        **{"backend": backend, "accelerator": "tcg"},
    }

    asked = there.charly("check", "run", "check-tiny", "--charly-collect=always")
    assert asked.status == 0, asked.stdout + asked.stderr
    for phase in ("deployed", "rebuilt"):
        assert "Linux version" in (evidence / phase / "dmesg.txt").read_text()
        assert [item for item, _, _ in told(evidence / phase)] == [
            *(f"check-tiny::{step}[{phase}]" for step in ("greets", "second", "third")),
            f"test_python[{phase}]",
        ]
    described = {"qemu": "qemu-command.txt", "libvirt": "domain.xml"}[backend]
    assert "charly-check-tiny" in (evidence / "rebuilt" / described).read_text()
    spans = {(span["phase"], span["what"]): span for span in timings(evidence)["spans"]}
    assert spans["rebuilt", "checks"]["outcome"] == spans["deployed", "checks"]["outcome"] == "ok"
    assert ("rebuilt", "rebuilding charly-check-tiny fresh") in spans
    assert there.is_clean()


@pytest.fixture
def up(there: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[BedRun]:
    """The bed, up in this process."""
    for name, value in there.environment.items():
        monkeypatch.setenv(name, value)
    project = load_project(there.project)
    run = BedRun(project, project.deploys["check-tiny"], evidence=there.directory / "ev")
    run.bring_up()
    try:
        yield run
    finally:
        run.tear_down()


def test_a_guest_that_hangs_costs_little_and_leaves_what_the_host_sees(
    up: BedRun, there: Workspace
) -> None:
    up.require_machine().guest.run("echo before it hung")
    (emulator,) = there.emulators()
    os.kill(emulator, signal.SIGSTOP)
    began = time.monotonic()
    directory = up.collect("deployed")
    assert time.monotonic() - began < 45 < collect.TOTAL_SECONDS
    missing = json.loads((directory / "missing.txt").read_text())
    assert {"guest", "screen.png"} <= set(missing) <= {"guest", "screen.png", "qemu.log"}
    assert "SSH" in missing["guest"]
    assert "guest agent" in missing["guest"]
    assert "tiny guest: ready" in (directory / "console.log").read_text()
    assert "echo before it hung" in (directory / "transcript.txt").read_text()
    described = {path.name for path in directory.iterdir()}
    assert described & {"qemu-command.txt", "domain.xml"}
    assert json.loads((directory / "machine.json").read_text())["name"] == "check-tiny"
    # Nor does it keep the bed from being removed.
    up.tear_down()
    assert there.is_clean()


def test_a_guest_whose_kernel_stands_still_has_a_screen_all_the_same(up: BedRun) -> None:
    machine = up.require_machine()
    # Nothing is scheduled any more; the emulator itself is well.
    panic = "(sleep 0.5; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &"
    machine.guest.run(f"sysctl -w kernel.panic=0 && {{ {panic} }}", check=True)
    wait_for(
        "the panic",
        lambda: "Kernel panic" in machine.console_tail(100) or NotYet(machine.console_tail()),
        Deadline(30),
    )
    began = time.monotonic()
    directory = up.collect("deployed")
    assert time.monotonic() - began < 45
    assert (directory / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert "Kernel panic" in (directory / "console.log").read_text()
    assert "guest" in json.loads((directory / "missing.txt").read_text())
