"""A machine with a blank disk, for tests of snapshots: bytes are written to and read from its disk
through the QEMU that runs it, or through qemu-io while it is off."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine_samples import sample_record
from sample_machine import sample_machine

from charly_vm.backend import qmp
from charly_vm.backend.libvirt_session import libvirt_uri
from charly_vm.host.process import find_tool, require_tool, run
from charly_vm.host.progress import Silent
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import find_record, write_record
from charly_vm.machine.snapshot_record import SnapshotRecord, read_snapshots
from charly_vm.model.resolved import BackendName

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

    def __init__(self, backend: BackendName = BackendName.QEMU) -> None:
        # Both are found by it, also by another run of these tests.
        identity = str(uuid.uuid4())
        record = sample_record(f"snap-{identity[:8]}")
        self.domain = record.machine.domain
        paths = record.machine.paths
        paths.directory.mkdir(exist_ok=True)
        resolved = sample_machine(
            backend=backend,
            domain=self.domain,
            uuid=identity,
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
        record = find_record(self.domain)
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
            device = self._disk()["qdev"]
            for part in (command, "flush"):
                self._ask(
                    "human-monitor-command", {"command-line": f'qemu-io -d {device} "{part}"'}
                )
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
            node = self._disk()["inserted"]["node-name"]
            self._ask("nbd-server-add", {"device": node, "name": "disk"})
            image = ("-f", "raw", f"nbd+unix:///disk?socket={socket}")
            return all(self._qemu_io(one, ("-r", *image)) for one in commands)
        finally:
            self._ask("nbd-server-stop", {})

    def images(self) -> list[str]:
        paths = self.machine.record.machine.paths
        return sorted(one.name for one in paths.directory.rglob("*.qcow2"))

    def _disk(self) -> Any:
        """What QEMU says of the one device that the guest can write to."""
        return next(
            one
            for one in self._ask("query-block", {})
            if not one.get("inserted", {"ro": True})["ro"]
        )

    def _ask(self, command: str, arguments: dict[str, object]) -> Any:
        resolved = self.machine.record.machine
        if resolved.backend is BackendName.QEMU:
            return qmp.execute(resolved.paths.monitor_socket, command, arguments)
        message = json.dumps({"execute": command, "arguments": arguments})
        virsh = ["virsh", "-c", libvirt_uri(), "qemu-monitor-command", self.domain, message]
        return json.loads(run(virsh, timeout=20).stdout)["return"]

    def _qemu_io(self, command: str, image: Sequence[str | Path]) -> bool:
        """Whether what was read is what the command says."""
        tool = require_tool("qemu-io", package="qemu-utils")
        done = run([tool, "-c", command, *image], timeout=20, check=False)
        assert f"{BLOCK}/{BLOCK} bytes" in done.stdout, done
        return "Pattern verification failed" not in done.stdout


@contextmanager
def snapshot_place(backend: BackendName = BackendName.QEMU) -> Iterator[SnapshotPlace]:
    place = SnapshotPlace(backend)
    try:
        yield place
    finally:
        place.machine.backend.undefine(place.machine.record.domain)
