"""One phase's evidence: a directory with what host and guest can tell, and why the rest is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.guest.transcript import Transcript
from charly_vm.host.background import BackgroundCall
from charly_vm.host.files import (
    explain_os_errors,
    make_private_directory,
    read_tail,
    write_atomically,
)
from charly_vm.host.waiting import Deadline
from charly_vm.machine.evidence.guest_asking import GuestAsking, describe_error
from charly_vm.machine.evidence.questions import cut_to
from charly_vm.machine.evidence.redaction import redact, redact_json
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import record_as_json
from charly_vm.model.resolved import BackendName

TOTAL_SECONDS = 60.0
HOST_SECONDS = 10.0
"""For each thing that is asked of the hypervisor: an emulator that hangs gives no screenshot."""
CONSOLE_BYTES = 4 * 1024 * 1024

MISSING = "missing.txt"
SILENT_SOURCES = {
    "console.log": "nothing was said on the serial console",
    "qemu.log": "the emulator has said nothing",
}


def collect_evidence(
    machine: Machine, directory: Path, *, seconds: float = TOTAL_SECONDS
) -> list[Path]:
    """Write what host and guest can tell into `directory`, anew, and return the files.

    Never raises for what cannot be had: a hung guest still leaves what the host sees, and
    `missing.txt` says why the rest is not there. Raises `HostError` where it cannot be written,
    once whatever can be is there.
    """
    deadline = Deadline(seconds)
    # What an earlier run has left would be read as this one's.
    with explain_os_errors(f"replace {directory}"):
        if directory.exists():
            shutil.rmtree(directory)
    writing = _Writing(make_private_directory(directory))
    if machine.transcript is not None:
        writing.put_all(render_transcript(machine.transcript))
    asking = GuestAsking(machine, deadline)
    missing: dict[str, str] = {}
    for name, read in _host_sources(machine).items():
        try:
            data = BackgroundCall(name, read).result(deadline, at_most=HOST_SECONDS)
        except Exception as error:
            missing[name] = describe_error(error)
            continue
        if data:
            writing.put(name, data)
        else:
            missing[name] = SILENT_SOURCES.get(name, "it is empty")
    asking.finish()
    writing.put_all(dict(asking.answers))
    missing |= asking.missing
    if missing:
        writing.put(MISSING, (json.dumps(missing, indent=2, ensure_ascii=False) + "\n").encode())
    return writing.finish()


def render_transcript(transcript: Transcript) -> Mapping[str, bytes]:
    """The two files of a transcript."""
    return {
        "transcript.txt": transcript.as_text().encode("utf-8", "replace"),
        "transcript.jsonl": transcript.as_jsonl().encode("utf-8", "replace"),
    }


def _host_sources(machine: Machine) -> dict[str, Callable[[], bytes]]:
    backend, record = machine.record.machine.backend, machine.record
    description = "domain.xml" if backend is BackendName.LIBVIRT else "qemu-command.txt"
    return {
        "machine.json": lambda: redact_json(record_as_json(record)).encode(),
        "console.log": lambda: _end_of(record.machine.paths.console_log),
        "qemu.log": lambda: redact(machine.backend.log(record.domain)).encode(),
        description: lambda: redact(machine.description()).encode(),
        "screen.png": machine.screenshot,
    }


def _end_of(log: Path) -> bytes:
    return cut_to(read_tail(log, CONSOLE_BYTES + 1).encode(), CONSOLE_BYTES)


class _Writing:
    """Files into one directory. The first that cannot be written is the error, at the end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written: list[Path] = []
        self.failure: HostError | None = None

    def put_all(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.put(name, data)

    def put(self, name: str, data: bytes) -> None:
        try:
            write_atomically(self.directory / name, data)
        except HostError as error:
            # On a full disk a smaller one may still find room.
            self.failure = self.failure or error
        else:
            self.written.append(self.directory / name)

    def finish(self) -> list[Path]:
        if self.failure is not None:
            raise self.failure
        return self.written
