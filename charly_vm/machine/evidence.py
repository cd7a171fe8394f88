"""What a person needs to understand a machine afterwards, collected while it is still there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.files import make_private_directory, read_tail, write_atomically
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import record_as_json
from charly_vm.model.protocols import DomainState
from charly_vm.model.resolved import BackendName

GUEST_SECONDS = 15.0
"""For each question to the guest; one that hangs costs this much and no more."""

LOG_BYTES = 4 * 1024 * 1024

GUEST_QUESTIONS = {
    "journal.txt": "journalctl --boot --no-pager --lines=5000",
    "failed-units.txt": "systemctl --failed --no-pager --no-legend --plain",
    "cloud-init.txt": "cat /run/cloud-init/result.json; tail -n 200 /var/log/cloud-init-output.log",
    "network.txt": "ip addr; ip route",
}


def collect_evidence(machine: Machine, directory: Path) -> list[Path]:
    """Write what host and guest can tell into `directory`, anew, and return the files.

    Never raises for what cannot be had: a hung guest still leaves what the host sees, and
    `missing.txt` says why the rest is not there.
    """
    # What an earlier run has left would be read as this one's.
    shutil.rmtree(directory, ignore_errors=True)
    make_private_directory(directory)
    backend = machine.record.machine.backend
    description = "domain.xml" if backend is BackendName.LIBVIRT else "qemu-command.txt"
    sources: dict[str, Callable[[], bytes]] = {
        "machine.json": lambda: record_as_json(machine.record).encode(),
        "console.log": lambda: read_tail(
            machine.record.machine.paths.console_log, LOG_BYTES
        ).encode(),
        "qemu.log": lambda: machine.backend.log(machine.record.domain).encode(),
        description: lambda: machine.description().encode(),
        "screen.png": machine.screenshot,
    }
    missing: dict[str, str] = {}
    written = []
    if _guest_answers(machine, missing):
        for name, command in GUEST_QUESTIONS.items():
            sources[name] = _ask(machine, command)
    for name, read in sources.items():
        try:
            data = read()
        except CharlyError as error:
            missing[name] = error.message
            continue
        if data:
            write_atomically(directory / name, data)
            written.append(directory / name)
    if missing:
        text = json.dumps(missing, indent=2)
        write_atomically(directory / "missing.txt", text + "\n")
        written.append(directory / "missing.txt")
    return written


def _ask(machine: Machine, command: str) -> Callable[[], bytes]:
    def ask() -> bytes:
        result = machine.guest.run(f"sudo -n sh -c '{command}' 2>&1", timeout=GUEST_SECONDS)
        return result.stdout

    return ask


def _guest_answers(machine: Machine, missing: dict[str, str]) -> bool:
    try:
        if machine.state() is not DomainState.RUNNING:
            missing["guest"] = f"the machine is {machine.state().value}"
            return False
        machine.guest.run("true", timeout=GUEST_SECONDS)
    except CharlyError as error:
        missing["guest"] = error.message
        return False
    return True
