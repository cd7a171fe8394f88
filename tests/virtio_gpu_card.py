"""A driver for QEMU's virtio-gpu that runs in the test instead of in a guest.

It does what a guest's driver does for a screen in two dimensions: it has the device take a picture
out of the machine's memory. Layouts are those of the VIRTIO specification, 4.1.4 (PCI), 2.7 (split
virtqueues) and 5.7 (GPU device).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from pathlib import Path

from qtest_bus import VGA_SLOT, QtestBus

from charly_vm.host.waiting import Deadline, NotYet, wait_for

# Memory that nobody uses in a machine whose firmware has booted a sector and stopped.
_DESCRIPTORS, _AVAILABLE, _USED = 0x100000, 0x101000, 0x102000
_REQUEST, _RESPONSE, _PICTURE = 0x110000, 0x111000, 0x200000
_QUEUE_SIZE = 16
_CONTROL_QUEUE = 0

_VENDOR_CAPABILITY = 0x09
_COMMON, _NOTIFY = 1, 2
_NEXT, _DEVICE_WRITES = 1, 2
_B8G8R8X8 = 2
_OK_NODATA = 0x1100
SECONDS = 5.0


class Command(IntEnum):
    """`VIRTIO_GPU_CMD_…`"""

    RESOURCE_CREATE_2D = 0x101
    RESOURCE_UNREF = 0x102
    SET_SCANOUT = 0x103
    RESOURCE_FLUSH = 0x104
    TRANSFER_TO_HOST_2D = 0x105
    RESOURCE_ATTACH_BACKING = 0x106


class VirtioGpuCard:
    """The card in the slot in which `-vga virtio` puts it; one screen at a time."""

    def __init__(self, qtest: Path) -> None:
        self._bus = QtestBus(qtest)
        self._asked = 0
        self._resource = 0
        self._width = 0
        self._height = 0
        self._common, _ = self._find(_COMMON)
        notify, capability = self._find(_NOTIFY)
        multiplier = self._bus.configured(VGA_SLOT, capability + 16)
        command = self._bus.configured(VGA_SLOT, 4)
        # Memory, and to be a master of the bus.
        self._bus.configure(VGA_SLOT, 4, command & 0xFFFF | 6)
        self._begin()
        offset = struct.unpack("<H", self._bus.read(self._common + 30, 2))[0]
        self._doorbell = notify + offset * multiplier

    def close(self) -> None:
        self._bus.close()

    def start(self, width: int, height: int, data: bytes) -> None:
        """Show a screen of this size, with these pixels of four bytes: blue, green, red, nothing.

        It takes the place of the one before.
        """
        before, self._resource = self._resource, self._resource + 1
        self._width, self._height = width, height
        one = self._resource
        self._do(Command.RESOURCE_CREATE_2D, struct.pack("<4I", one, _B8G8R8X8, width, height))
        backing = struct.pack("<IIQII", one, 1, _PICTURE, width * height * 4, 0)
        self._do(Command.RESOURCE_ATTACH_BACKING, backing)
        self._bus.write(_PICTURE, data)
        self.show(0, 0, width, height, scanout=True)
        if before:
            self._do(Command.RESOURCE_UNREF, struct.pack("<II", before, 0))

    def paint(self, x: int, y: int, width: int, height: int, data: bytes) -> None:
        """Change a part of the screen."""
        for row in range(height):
            begin = _PICTURE + ((y + row) * self._width + x) * 4
            self._bus.write(begin, data[row * width * 4 : (row + 1) * width * 4])
        self.show(x, y, width, height)

    def show(self, x: int, y: int, width: int, height: int, *, scanout: bool = False) -> None:
        """Have the device take a part of the picture out of memory."""
        box = struct.pack("<4I", x, y, width, height)
        offset = (y * self._width + x) * 4
        self._do(Command.TRANSFER_TO_HOST_2D, box + struct.pack("<QII", offset, self._resource, 0))
        if scanout:
            self._do(Command.SET_SCANOUT, box + struct.pack("<II", 0, self._resource))
        self._do(Command.RESOURCE_FLUSH, box + struct.pack("<II", self._resource, 0))

    def _find(self, kind: int) -> tuple[int, int]:
        """Where one of the device's structures is in memory, and its capability."""
        capability = self._bus.configured(VGA_SLOT, 0x34) & 0xFC
        while capability:
            head, bar, offset = (
                self._bus.configured(VGA_SLOT, capability + at) for at in (0, 4, 8)
            )
            if head & 0xFF == _VENDOR_CAPABILITY and head >> 24 == kind:
                base = self._bus.configured(VGA_SLOT, 0x10 + 4 * (bar & 0xFF)) & ~15
                return base + offset, capability
            capability = head >> 8 & 0xFC
        raise AssertionError("it is no virtio device of version 1")

    def _begin(self) -> None:
        """From a reset to a control queue, as in 3.1.1 of the specification."""
        acknowledged, driver, features_ok, driver_ok = 1, 2, 8, 4
        status = 0
        self._set(20, 1, status)
        for bit in (acknowledged, driver):
            status |= bit
            self._set(20, 1, status)
        # VIRTIO_F_VERSION_1 is bit 32, and nothing else is wanted.
        for half, bits in ((0, 0), (1, 1)):
            self._set(8, 4, half)
            self._set(12, 4, bits)
        status |= features_ok
        self._set(20, 1, status)
        self._set(22, 2, _CONTROL_QUEUE)
        self._set(24, 2, _QUEUE_SIZE)
        for register, address in ((32, _DESCRIPTORS), (40, _AVAILABLE), (48, _USED)):
            self._bus.write(address, bytes(16 * _QUEUE_SIZE))
            self._set(register, 4, address)
            self._set(register + 4, 4, 0)
        self._set(28, 2, 1)
        self._set(20, 1, status | driver_ok)

    def _do(self, command: Command, body: bytes) -> None:
        """One command, to its end."""
        request = struct.pack("<IIQII", command, 0, 0, 0, 0) + body
        self._bus.write(_REQUEST, request)
        self._bus.write(_RESPONSE, bytes(24))
        said = struct.pack("<QIHH", _REQUEST, len(request), _NEXT, 1)
        answered = struct.pack("<QIHH", _RESPONSE, 24, _DEVICE_WRITES, 0)
        self._bus.write(_DESCRIPTORS, said + answered)
        # All entries of the ring are 0: each command is the first descriptor.
        self._asked = self._asked + 1 & 0xFFFF
        self._bus.write(_AVAILABLE + 2, struct.pack("<H", self._asked))
        self._bus.store(self._doorbell, _CONTROL_QUEUE, 2)

        def probe() -> bool | NotYet:
            done = struct.unpack("<H", self._bus.read(_USED + 2, 2))[0]
            return done == self._asked or NotYet(f"{done} of {self._asked}")

        wait_for(f"virtio-gpu to do {command.name}", probe, Deadline(SECONDS), every=0.001)
        answer = struct.unpack("<I", self._bus.read(_RESPONSE, 4))[0]
        assert answer == _OK_NODATA, f"{command.name}: {answer:#x}"

    def _set(self, register: int, size: int, value: int) -> None:
        self._bus.store(self._common + register, value, size)
