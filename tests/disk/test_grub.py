"""GRUB's images after patching: what its own code will read where."""

from __future__ import annotations

import struct

import pytest

from charly_vm.disk.grub import render_boot_sector, render_core_image

BOOT_IMAGE = bytes(range(256)) * 2
PARTITIONS = b"\xee" * 512


def test_the_boot_sector_says_where_the_core_image_begins() -> None:
    sector = render_boot_sector(BOOT_IMAGE, PARTITIONS, 2048)
    assert struct.unpack_from("<Q", sector, 0x5C) == (2048,)


def test_the_boot_sector_trusts_the_drive_that_the_bios_names() -> None:
    assert render_boot_sector(BOOT_IMAGE, PARTITIONS, 2048)[0x66:0x68] == b"\x90\x90"


def test_the_partition_table_and_the_signature_stay() -> None:
    sector = render_boot_sector(BOOT_IMAGE, PARTITIONS, 2048)
    assert sector[440:] == PARTITIONS[440:]
    assert sector[:0x5C] == BOOT_IMAGE[:0x5C]
    assert len(sector) == 512


def test_the_core_image_loads_all_of_its_other_sectors() -> None:
    core = render_core_image(b"\x01" * 1300, 2048, room=4096)
    start, sectors, segment = struct.unpack_from("<QHH", core, 500)
    assert (start, sectors, segment) == (2049, 2, 0x820)
    assert len(core) == 3 * 512
    assert core[512:1300] == b"\x01" * 788


def test_a_core_image_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"5000 bytes, its partition 4096"):
        render_core_image(b"\x01" * 5000, 2048, room=4096)


def test_half_a_boot_sector_is_refused() -> None:
    with pytest.raises(ValueError, match="512 bytes"):
        render_boot_sector(BOOT_IMAGE[:100], PARTITIONS, 2048)
