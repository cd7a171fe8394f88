"""QEMU's qtest socket: a machine's memory, ports and PCI devices, read and written by a test."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

VGA_SLOT = 2
"""Where `-vga` puts its card on the PCI bus of a PC."""

_CONFIG_ADDRESS, _CONFIG_DATA = 0xCF8, 0xCFC


class QtestBus:
    """What the machine's processor would see of it, while that is halted."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rw")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def read(self, address: int, size: int) -> bytes:
        return base64.b64decode(self._ask(f"b64read {address:#x} {size:#x}"))

    def write(self, address: int, data: bytes) -> None:
        self._ask(f"b64write {address:#x} {len(data):#x} {base64.b64encode(data).decode()}")

    def store(self, address: int, value: int, size: int) -> None:
        """Write a device's register of 1, 2 or 4 bytes at once."""
        self._ask(f"write{'?bw?l'[size]} {address:#x} {value:#x}")

    def out(self, port: int, value: int) -> None:
        """Write a byte to a port."""
        self._ask(f"outb {port:#x} {value:#x}")

    def configured(self, slot: int, register: int) -> int:
        """32 bits of a PCI device's configuration."""
        self._select(slot, register)
        return int(self._ask(f"inl {_CONFIG_DATA:#x}"), 16)

    def configure(self, slot: int, register: int, value: int) -> None:
        self._select(slot, register)
        self._ask(f"outl {_CONFIG_DATA:#x} {value:#x}")

    def _select(self, slot: int, register: int) -> None:
        self._ask(f"outl {_CONFIG_ADDRESS:#x} {0x80000000 | slot << 11 | register:#x}")

    def _ask(self, line: str) -> str:
        self._stream.write(line + "\n")
        self._stream.flush()
        while True:
            answer = self._stream.readline().split()
            if answer[:1] == ["IRQ"]:
                continue
            assert answer[:1] == ["OK"], f"{line[:60]}: {answer}"
            return answer[-1]
