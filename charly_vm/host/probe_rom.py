"""A few bytes of guest code that show whether, and how fast, an accelerator really executes it."""

from __future__ import annotations

ROM_BYTES = 64 * 1024
EXIT_PORT = 0xF4
PASSED_STATUS = 85
"""QEMU's exit status for the 0x2a that the code writes: isa-debug-exit gives `value * 2 + 1`."""

_CODE = bytes.fromhex(
    "fa"  # cli
    "66b900000001"  # mov ecx, 1 << 24
    "6649"  # dec ecx
    "75fc"  # jnz, to the dec
    "baf400"  # mov dx, 0xf4
    "b02a"  # mov al, 0x2a
    "ee"  # out dx, al
    "f4"  # hlt
    "ebfd"  # jmp, to the hlt
)
_RESET_VECTOR = 0xFFF0
_JUMP_TO_START = bytes.fromhex("ea000000f0")  # jmp 0xf000:0x0000


def build_probe_rom() -> bytes:
    """A PC's firmware that counts down from 16 million in real mode and makes QEMU exit.

    The counting tells a processor from a kernel that emulates instruction by instruction: a
    handful of them such a kernel also gets through.
    """
    rom = bytearray(b"\xf4" * ROM_BYTES)
    rom[: len(_CODE)] = _CODE
    rom[_RESET_VECTOR : _RESET_VECTOR + len(_JUMP_TO_START)] = _JUMP_TO_START
    return bytes(rom)
