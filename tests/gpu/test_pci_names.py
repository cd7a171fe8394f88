"""Names of devices come from the host's pci.ids, and as much of them as is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.gpu.names import find_names

DATABASE = """\
#
#\tList of PCI ID's
#
10de  NVIDIA Corporation
# A remark between
\t0008  NV1 [EDGE 3D]
\t28c2  AD107M
\t\t1043 1df3  A laptop of somebody
\t\t10de 22be  No device but a subsystem
\t22be  AD107 High Definition Audio Controller
\todd   no id
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t73bf  Navi 21 [Radeon RX 6800]

\t744c  Navi 31
1234  Bochs [stand-in] and others
ffff  Illegal Vendor ID
C 03  Display controller
\t00  VGA compatible controller
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "pci.ids"
    file.write_text(DATABASE)
    return file


@pytest.mark.parametrize(
    ("vendor", "device", "name"),
    [
        (0x10DE, 0x28C2, "NVIDIA Corporation AD107M"),
        (0x10DE, 0x0008, "NVIDIA Corporation NV1 [EDGE 3D]"),
        (0x10DE, 0x22BE, "NVIDIA Corporation AD107 High Definition Audio Controller"),
        (0x1002, 0x73BF, "AMD/ATI Navi 21 [Radeon RX 6800]"),
        (0x1002, 0x744C, "AMD/ATI Navi 31"),
        (0x1234, 0x1111, "stand-in device 1111"),
        # Another maker's id is no name for it, nor is a subsystem's.
        (0x10DE, 0x73BF, "NVIDIA Corporation device 73bf"),
        (0x10DE, 0x1043, "NVIDIA Corporation device 1043"),
        (0xFFFF, 0x0000, "Illegal Vendor ID device 0000"),
        (0x0003, 0x0000, "vendor 0003 device 0000"),
    ],
)
def test_a_device_is_called_by_its_maker_and_its_model(
    database: Path, vendor: int, device: int, name: str
) -> None:
    assert find_names([(vendor, device)], [database]) == {(vendor, device): name}


def test_all_are_found_at_once(database: Path) -> None:
    wanted = [(0x10DE, 0x28C2), (0x1002, 0x73BF), (0x10DE, 0x28C2), (0xABCD, 0xEF01)]
    assert find_names(wanted, [database]) == {
        (0x10DE, 0x28C2): "NVIDIA Corporation AD107M",
        (0x1002, 0x73BF): "AMD/ATI Navi 21 [Radeon RX 6800]",
        (0xABCD, 0xEF01): "vendor abcd device ef01",
    }
    assert find_names([], [database]) == {}


def test_the_first_database_that_can_be_read_counts(tmp_path: Path, database: Path) -> None:
    other = tmp_path / "other.ids"
    other.write_text("\n10de  Another\n\t28c2  One\n")
    found = find_names([(0x10DE, 0x28C2)], [tmp_path / "missing", tmp_path, other, database])
    assert found == {(0x10DE, 0x28C2): "Another One"}


def test_without_a_database_there_are_numbers(tmp_path: Path) -> None:
    assert find_names([(0x10DE, 0x28C2)], [tmp_path / "missing"]) == {
        (0x10DE, 0x28C2): "vendor 10de device 28c2"
    }


def test_the_first_line_and_the_last_count_as_well(tmp_path: Path) -> None:
    file = tmp_path / "pci.ids"
    file.write_bytes(b"10de  NVIDIA\n\t28c2  AD107\xff")
    assert find_names([(0x10DE, 0x28C2)], [file]) == {(0x10DE, 0x28C2): "NVIDIA AD107�"}
