"""GRUB's boot sector and core image on a GPT disk, patched the way `grub-install` would.

`grub-install` wants a mounted target. What it does to the two images is small: each holds the
sector number of what it loads next. The offsets are those of GRUB's own headers,
`include/grub/i386/pc/boot.h` and `include/grub/offsets.h`, and have not moved since GRUB 2.00.
"""

from __future__ import annotations

import struct

SECTOR = 512

_BOOT_CODE_END = 440
"""Behind it lie the disk signature and the partition table, which are not GRUB's."""
_KERNEL_SECTOR = 0x5C
"""GRUB_BOOT_MACHINE_KERNEL_SECTOR: where boot.img finds the first sector of core.img."""
_DRIVE_CHECK = 0x66
"""GRUB_BOOT_MACHINE_DRIVE_CHECK: a jump that distrusts the BIOS's drive number; it does not suit
a hard disk, where grub-install overwrites it with two no-ops."""
_NOP_NOP = b"\x90\x90"
_FIRST_BLOCKLIST = SECTOR - 12
"""In core.img's first sector: start (8 bytes), sectors (2), load segment (2) of all the others."""
_LOAD_SEGMENT = 0x820
"""GRUB_BOOT_MACHINE_KERNEL_SEG + 0x20: right behind the first sector."""


def render_boot_sector(boot_image: bytes, first_sector: bytes, core_sector: int) -> bytes:
    """The disk's first sector: boot.img's code, what `first_sector` has of partitions.

    `core_sector` is the disk's sector at which core.img begins.
    """
    if len(boot_image) != SECTOR or len(first_sector) != SECTOR:
        raise ValueError("a boot sector has 512 bytes")
    code = bytearray(boot_image)
    struct.pack_into("<Q", code, _KERNEL_SECTOR, core_sector)
    code[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NOP_NOP
    return bytes(code[:_BOOT_CODE_END]) + first_sector[_BOOT_CODE_END:]


def render_core_image(core_image: bytes, core_sector: int, *, room: int) -> bytes:
    """core.img for a contiguous home at `core_sector`, padded to whole sectors.

    `room` is the size of the BIOS boot partition in bytes; a larger image is a `ValueError`.
    """
    sectors = -(-len(core_image) // SECTOR)
    if sectors < 2 or sectors * SECTOR > room:
        raise ValueError(f"core.img has {len(core_image)} bytes, its partition {room}")
    core = bytearray(core_image.ljust(sectors * SECTOR, b"\0"))
    struct.pack_into("<QHH", core, _FIRST_BLOCKLIST, core_sector + 1, sectors - 1, _LOAD_SEGMENT)
    return bytes(core)
