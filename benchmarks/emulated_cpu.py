"""An emulated guest's boot to the end of cloud-init: with the CPU that charly chooses, and with
QEMU's `max`.

The same disk and devices under a QEMU of our own, by the processor time that it takes. Rounds
alternate; one takes about two minutes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from charly_vm.disk.qcow2 import create_overlay
from charly_vm.host.process import spawn
from charly_vm.host.terminal import progress_on
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.create import create_machine
from charly_vm.machine.disks import build_disk
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.project import load_project
from charly_vm.render.qemu_argv import render_argv

ROUNDS = 3
PROJECT = Path(__file__).parents[1] / "beds" / "charly.yml"
BOOTED = b"finished at"
"""cloud-init's last words on the console."""


def main() -> None:
    target = load_project(PROJECT).target("check-debian-vm", "benchmark")
    build_disk(target, PROJECT, progress_on(sys.stderr))
    with own_machine(target.domain):
        machine = create_machine(target, PROJECT, this_process(Purpose.BED))
        machine.stop(force=True)
        try:
            _compare(machine)
        finally:
            machine.destroy(disk=True)


def _compare(machine: Machine) -> None:
    argv = render_argv(machine.record.machine)
    place = argv.index("-cpu") + 1
    plain = [*argv[:place], "max", *argv[place + 1 :]]
    chosen: list[float] = []
    whole: list[float] = []
    for _ in range(ROUNDS):
        chosen.append(_boot(machine, argv))
        whole.append(_boot(machine, plain))
        print(f"{argv[place]} {chosen[-1]:5.1f} s   max {whole[-1]:5.1f} s", flush=True)
    ours, theirs = statistics.median(chosen), statistics.median(whole)
    print(f"median: {argv[place]} {ours:.1f} s, max {theirs:.1f} s, ratio {ours / theirs:.2f}")


def _boot(machine: Machine, argv: Sequence[str]) -> float:
    """Seconds of a processor until cloud-init has finished; the machine is off."""
    resolved = machine.record.machine
    resolved.paths.overlay.unlink()
    create_overlay(Path(machine.record.base), resolved.paths.overlay, resolved.disk_size)
    shutil.rmtree(resolved.paths.runtime)
    resolved.paths.runtime.mkdir()
    console = resolved.paths.console_log
    console.unlink(missing_ok=True)

    def probe() -> bool | NotYet:
        seen = console.exists() and BOOTED in console.read_bytes()
        return True if seen else NotYet("cloud-init works")

    with resolved.paths.emulator_log.open("wb") as log:
        child = spawn(argv, output=log)
        try:
            wait_for("the end of cloud-init", probe, Deadline(300))
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        finally:
            child.kill()
            child.wait()


if __name__ == "__main__":
    main()
