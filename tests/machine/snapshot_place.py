"""A machine on the qemu backend with a blank disk, for tests of snapshots: bytes are written to and
read from its disk through the QEMU that runs it, or through qemu-io while it is off."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from machine_samples import sample_record
from sample_machine import sample_machine

from charly_vm.backend import qmp
from charly_vm.host.process import find_tool, require_tool, run
from charly_vm.host.progress import Silent
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import find_record, write_record
from charly_vm.machine.snapshot_record import SnapshotRecord, read_snapshots

BLOCK = 64 * 1024
"""A cluster of a qcow2: what is written to one says nothing about the next."""


class Notes(Silent):
    """Keeps what people would be told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class SnapshotPlace:
    """The machine, and what is on its disk. The XDG directories have to be the test's own."""

    def __init__(self, name: str = "snap") -> None:
        record = sample_record(name)
        paths = record.machine.paths
        paths.directory.mkdir(exist_ok=True)
        resolved = sample_machine(
            domain=record.machine.domain,
            # An emulator is found by it, also by another run of these tests.
            uuid=str(uuid.uuid4()),
            hostname=record.machine.hostname,
            paths=paths,
            emulator=str(find_tool("qemu-system-x86_64")),
            cpus=1,
            ram=32 * 1024**2,
            ssh_port=0,
            disk_size=0,
        )
        qemu_img = require_tool("qemu-img", package="qemu-utils")
        base = paths.directory / "base.qcow2"
        for path, more in ((base, ()), (paths.overlay, ("-b", base, "-F", "qcow2"))):
            run([qemu_img, "create", "-q", "-f", "qcow2", *more, path, "2M"], timeout=20)
        paths.seed.write_bytes(bytes(2048))
        paths.nvram.write_text("variables")
        self.watcher = Notes()
        write_record(dataclasses.replace(record, machine=resolved, base=str(base)))
        self.machine.backend.define(resolved)

    @property
    def machine(self) -> Machine:
        """As another process would find it."""
        record = find_record("charly-snap")
        assert record is not None
        return Machine(record, progress=self.watcher)

    @property
    def record(self) -> SnapshotRecord:
        return read_snapshots(self.machine.record.machine.paths)

    def names(self) -> list[str]:
        return [one.name for one in self.record.snapshots]

    def start(self) -> None:
        self.machine.backend.start(self.machine.record.domain)

    def power_off(self) -> None:
        self.machine.backend.power_off(self.machine.record.domain)

    def write(self, block: int, value: int) -> None:
        command = f"write -P {value} {block * BLOCK} {BLOCK}"
        if self.machine.state().has_process:
            # Its output goes to QEMU's own, in its own time; what came of it is read back.
            for part in (command, "flush"):
                self._ask("human-monitor-command", {"command-line": f'qemu-io disk "{part}"'})
        else:
            self._qemu_io(command, ("-f", "qcow2", self.machine.record.machine.paths.overlay))
        assert self.holds({block: value})

    def holds(self, content: Mapping[int, int]) -> bool:
        """Whether the disk has these bytes in these blocks, as whoever runs on it sees it."""
        commands = [f"read -P {value} {block * BLOCK} {BLOCK}" for block, value in content.items()]
        if not self.machine.state().has_process:
            image: tuple[str | Path, ...] = (
                "-f",
                "qcow2",
                self.machine.record.machine.paths.overlay,
            )
            return all(self._qemu_io(one, image) for one in commands)
        # What QEMU itself reads, whatever the images' headers say.
        socket = self.machine.record.machine.paths.runtime / "nbd.sock"
        address = {"type": "unix", "data": {"path": str(socket)}}
        self._ask("nbd-server-start", {"addr": address})
        try:
            self._ask("nbd-server-add", {"device": "disk"})
            image = ("-f", "raw", f"nbd+unix:///disk?socket={socket}")
            return all(self._qemu_io(one, ("-r", *image)) for one in commands)
        finally:
            self._ask("nbd-server-stop", {})

    def images(self) -> list[str]:
        paths = self.machine.record.machine.paths
        return sorted(one.name for one in paths.directory.rglob("*.qcow2"))

    def _ask(self, command: str, arguments: dict[str, object]) -> None:
        qmp.execute(self.machine.record.machine.paths.monitor_socket, command, arguments)

    def _qemu_io(self, command: str, image: Sequence[str | Path]) -> bool:
        """Whether what was read is what the command says."""
        tool = require_tool("qemu-io", package="qemu-utils")
        done = run([tool, "-c", command, *image], timeout=20, check=False)
        assert f"{BLOCK}/{BLOCK} bytes" in done.stdout, done
        return "Pattern verification failed" not in done.stdout


@contextmanager
def snapshot_place() -> Iterator[SnapshotPlace]:
    place = SnapshotPlace()
    try:
        yield place
    finally:
        place.machine.backend.undefine(place.machine.record.domain)
