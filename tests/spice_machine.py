"""A real SPICE server for tests: QEMU with a boot sector instead of a disk."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from charly_vm.backend.qmp import execute
from charly_vm.backend.screen import convert_to_png
from charly_vm.host.process import end_group, require_tool, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import Picture, SpiceAddress, SpiceSession

BOOT_SECONDS = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@dataclass(frozen=True)
class SpiceMachine:
    """A QEMU that runs. Its serial port's output and its traces are files."""

    directory: Path
    port: int = 0
    """Where it listens on 127.0.0.1, if not on a UNIX socket."""

    @property
    def socket(self) -> Path:
        return self.directory / "spice"

    @property
    def qtest(self) -> Path:
        """Where memory and ports are read and written from outside, in a machine with `qtest`."""
        return self.directory / "qtest"

    @property
    def address(self) -> SpiceAddress:
        if self.port:
            return SpiceAddress("127.0.0.1", self.port)
        return SpiceAddress(socket=self.socket)

    def said(self) -> bytes:
        """All that the guest has said on its serial port."""
        return (self.directory / "serial").read_bytes()

    def wait_for_words(self, words: bytes, count: int = 1) -> None:
        """Until the guest has said that, so often."""

        def probe() -> bool | NotYet:
            said = self.said()
            return said.count(words) >= count or NotYet(repr(said[-40:]))

        wait_for(f"{words!r} from the guest", probe, Deadline(BOOT_SECONDS), every=0.02)

    def traced(self, event: str) -> list[str]:
        """The lines of one of QEMU's trace events."""
        log = (self.directory / "log").read_text()
        return re.findall(rf"^(?:\S+@\S+:)?{event} (.*)$", log, re.MULTILINE)

    def screendump(self) -> Image.Image:
        """What QEMU itself says that the screen shows, as our backends make a picture of it."""
        path = self.directory / "screen.ppm"
        execute(self.directory / "qmp", "screendump", {"filename": str(path)})
        return Image.open(io.BytesIO(convert_to_png(path.read_bytes()))).convert("RGB")


def compare_with_dump(spice: SpiceSession, machine: SpiceMachine) -> Picture:
    """Our picture, once it is what QEMU shows: the server hears of changes 30 times a second."""

    def probe() -> Picture | NotYet:
        picture = spice.screenshot()
        dump = machine.screendump()
        if (picture.width, picture.height) != dump.size:
            return NotYet(f"{picture.width}x{picture.height} and {dump.size}")
        return picture if picture.pixels == dump.tobytes() else NotYet("other pixels")

    return wait_for("the same picture on both sides", probe, Deadline(20), every=0.05)


@contextmanager
def spice_machine(
    directory: Path,
    sector: bytes = b"",
    *options: str,
    spice: Sequence[str] = ("disable-ticketing=on",),
    vga: str = "std",
    qtest: bool = False,
    port: int = 0,
) -> Iterator[SpiceMachine]:
    """A machine whose SPICE server has these options beside where it listens, for the block."""
    disk = directory / "disk"
    disk.write_bytes(sector.ljust(512, b"\0"))
    (directory / "serial").touch()
    qemu = require_tool("qemu-system-x86_64", package="qemu-system-x86")
    where = ["unix=on", f"addr={directory / 'spice'}"]
    if port:
        where = ["addr=127.0.0.1", f"port={port}"]
    argv = [
        str(qemu),
        *("-nodefaults", "-accel", "tcg", "-m", "32", "-display", "none", "-vga", vga),
        *("-drive", f"format=raw,file={disk}"),
        *("-serial", f"file:{directory / 'serial'}"),
        *("-qmp", f"unix:{directory / 'qmp'},server=on,wait=off"),
        *("-spice", ",".join([*where, *spice])),
        *options,
    ]
    if qtest:
        argv += ["-qtest", f"unix:{directory / 'qtest'},server=on,wait=off", "-qtest-log", "none"]
    with (directory / "log").open("wb") as log:
        child = spawn(argv, output=log)
    machine = SpiceMachine(directory, port)

    def probe() -> bool | NotYet:
        if child.poll() is not None:
            raise AssertionError((directory / "log").read_text())
        sockets = [directory / "qmp" if port else machine.socket]
        sockets += [machine.qtest] if qtest else []
        return all(path.exists() for path in sockets) or NotYet("no socket")

    try:
        wait_for("QEMU's SPICE socket", probe, Deadline(BOOT_SECONDS), every=0.02)
        yield machine
    finally:
        end_group(child)
