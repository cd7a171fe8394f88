"""From power-on to the first SSH command: charly against a bare QEMU on the same disk.

The bare run has the same devices, a fresh overlay and the same seed, and asks with the system's
own ssh, over and over. The figure: charly takes at most 3 s more. Rounds alternate; under TCG a
round takes about a minute and a half.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from pathlib import Path

from charly_vm.backend.emulator_process import find_emulator
from charly_vm.disk.qcow2 import create_overlay
from charly_vm.errors import LaunchError
from charly_vm.host.process import run, spawn
from charly_vm.host.terminal import progress_on
from charly_vm.host.waiting import Deadline
from charly_vm.machine.create import create_machine
from charly_vm.machine.disks import build_disk
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.project import load_project
from charly_vm.render.qemu_argv import render_argv

ROUNDS = 3
PROJECT = Path(__file__).parents[1] / "beds" / "charly.yml"
LIMIT_SECONDS = 3.0


def main() -> None:
    progress = progress_on(sys.stderr)
    target = load_project(PROJECT).target("check-debian-vm", "benchmark")
    build_disk(target, PROJECT, progress)
    charly: list[float] = []
    bare: list[float] = []
    with own_machine(target.domain):
        for _ in range(ROUNDS):
            started = time.perf_counter()
            machine = create_machine(target, PROJECT, this_process(Purpose.BED))
            _first_command(machine)
            charly.append(time.perf_counter() - started)
            machine.stop(force=True)
            try:
                bare.append(_bare(machine))
            finally:
                machine.destroy(disk=True)
            print(f"charly {charly[-1]:5.1f} s   bare QEMU {bare[-1]:5.1f} s", flush=True)
    ours, theirs = statistics.median(charly), statistics.median(bare)
    verdict = "good" if ours - theirs <= LIMIT_SECONDS else "TOO SLOW"
    print(
        f"median: charly {ours:.1f} s, bare QEMU {theirs:.1f} s, ratio {ours / theirs:.2f}, "
        f"{ours - theirs:+.1f} s (limit +{LIMIT_SECONDS:.0f} s: {verdict})"
    )


def _first_command(machine: Machine) -> None:
    """The first command, without waiting for cloud-init: what the bare run does."""
    from charly_vm.guest.readiness import wait_for_ssh

    wait_for_ssh(machine.guest, Deadline(300), alive=lambda: None)
    machine.guest.run("true", check=True)


def _bare(machine: Machine) -> float:
    """The same disk and devices under a QEMU of our own; the machine is off."""
    resolved = machine.record.machine
    resolved.paths.overlay.unlink()
    create_overlay(Path(machine.record.base), resolved.paths.overlay, resolved.disk_size)
    shutil.rmtree(resolved.paths.runtime)
    resolved.paths.runtime.mkdir()
    ssh = [
        *("ssh", "-F", "none", "-i", str(resolved.paths.user_key), "-p", str(resolved.ssh_port)),
        *("-o", f"UserKnownHostsFile={resolved.paths.known_hosts}"),
        *("-o", f"HostKeyAlias={resolved.domain}", "-o", "BatchMode=yes"),
        *("-o", "ConnectTimeout=2", f"{resolved.user}@127.0.0.1", "true"),
    ]
    with resolved.paths.emulator_log.open("wb") as log:
        started = time.perf_counter()
        child = spawn(render_argv(resolved), output=log)
        try:
            while not _answers(ssh):
                if time.perf_counter() - started > 300:
                    raise SystemExit("the bare QEMU's guest never answered")
            return time.perf_counter() - started
        finally:
            emulator = find_emulator(resolved.uuid)
            if emulator is not None:
                with emulator:
                    emulator.end()
            child.wait()


def _answers(ssh: list[str]) -> bool:
    try:
        return run(ssh, timeout=5, check=False).status == 0
    except LaunchError:
        return False


if __name__ == "__main__":
    main()
