"""A few bytes of guest code that show whether, and how fast, an accelerator really executes it.

The code counts down from 16 million and makes QEMU end in a way that nothing else does. The
counting tells a processor from a kernel that emulates instruction by instruction: a handful of them
such a kernel also gets through.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeRom:
    """Firmware for one architecture, and what QEMU says when it has been executed."""

    machine: str
    cpu: str
    """The emulated one; KVM has the host's."""
    image: bytes
    options: tuple[str, ...] = ()
    status: int = 85
    """QEMU's exit status."""
    output: str = ""
    """What the guest writes on its serial port, which is QEMU's standard output."""


def _build_pc_rom() -> bytes:
    """64 KiB that end at 4 GiB; the processor begins 16 bytes before, in real mode."""
    code = bytes.fromhex(
        "fa"  # cli
        "66b900000001"  # mov ecx, 1 << 24
        "6649"  # dec ecx
        "75fc"  # jnz, to the dec
        "baf400"  # mov dx, 0xf4
        "b02a"  # mov al, 0x2a, from which isa-debug-exit makes the status 0x2a * 2 + 1
        "ee"  # out dx, al
        "f4"  # hlt
        "ebfd"  # jmp, to the hlt
    )
    start = bytes.fromhex("ea000000f0")  # jmp 0xf000:0x0000
    return (code.ljust(0xFFF0, b"\xf4") + start).ljust(0x10000, b"\xf4")


def _little_endian(*instructions: int) -> bytes:
    return struct.pack(f"<{len(instructions)}I", *instructions)


PROBE_ROMS = {
    "x86_64": ProbeRom(
        "q35",
        "max",
        _build_pc_rom(),
        options=("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
    ),
    "aarch64": ProbeRom(
        "virt",
        "max",
        _little_endian(
            0x52A02001,  # mov w1, #1 << 24
            0x71000421,  # subs w1, w1, #1
            0x54FFFFE1,  # b.ne, to the subs
            0x52A12002,  # mov w2, #0x9000000, the serial port
            0x52800AA3,  # mov w3, #'U'
            0xB9000043,  # str w3, [x2]
            0x52B08000,  # mov w0, #0x84000000
            0x72800100,  # movk w0, #8: PSCI's SYSTEM_OFF
            0xD4000002,  # hvc #0
            0x14000000,  # b, to itself
        ),
        options=("-serial", "stdio"),
        # A guest that powers off is a good end of QEMU's, hence the letter.
        status=0,
        output="U",
    ),
    "riscv64": ProbeRom(
        "virt",
        "rv64",
        _little_endian(
            0x010002B7,  # lui t0, 1 << 12
            0xFFF28293,  # addi t0, t0, -1
            0xFE029EE3,  # bnez t0, to the addi
            0x00100337,  # lui t1, 0x100: the test finisher
            0x005533B7,  # lui t2, 0x553
            0x33338393,  # addi t2, t2, 0x333: fail, with status 0x55
            0x00732023,  # sw t2, 0(t1)
            0x0000006F,  # j, to itself
        ),
    ),
}
"""By the guest's architecture, as `uname -m` says it."""
