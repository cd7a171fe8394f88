"""Images through the real qemu-img."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from tiny_disk import MEBIBYTE, make_qcow2, make_raw_disk, run_on_tiny_disk

from charly_vm.disk.qcow2 import convert_to_qcow2, create_overlay, inspect_image
from charly_vm.errors import HostError
from charly_vm.host.process import run


def test_an_image_is_what_it_is_and_not_what_it_is_called(tmp_path: Path) -> None:
    path = make_qcow2(tmp_path / "disk.raw", size=3 * MEBIBYTE)
    info = inspect_image(path)
    assert (info.format, info.virtual_size) == ("qcow2", 3 * MEBIBYTE)
    assert info.backing_file is None
    assert info.other_files == ()


def test_an_image_that_a_machine_writes_to_can_be_looked_at(tmp_path: Path) -> None:
    path = make_qcow2(tmp_path / "disk.qcow2")
    with path.open("r+b") as stream:
        # The bytes by which QEMU says what it does to a file and bears of others; docs of its
        # block/file-posix.c.
        fcntl.lockf(stream, fcntl.LOCK_EX, 200, 100)
        assert run(["qemu-img", "info", path], timeout=20, check=False).status != 0
        assert inspect_image(path).format == "qcow2"


def test_an_overlay_reads_from_its_base_and_has_its_own_size(tmp_path: Path) -> None:
    base = make_qcow2(tmp_path / "base.qcow2")
    create_overlay(base, tmp_path / "disk.qcow2", 5 * MEBIBYTE)
    info = inspect_image(tmp_path / "disk.qcow2")
    assert (info.backing_file, info.virtual_size) == (str(base), 5 * MEBIBYTE)
    assert run(
        ["qemu-img", "info", "--output=json", tmp_path / "disk.qcow2"], timeout=20
    ).stdout.count('"backing-filename-format": "qcow2"')


def test_an_overlay_without_a_size_has_its_bases(tmp_path: Path) -> None:
    base = make_qcow2(tmp_path / "base.qcow2", size=3 * MEBIBYTE)
    create_overlay(base, tmp_path / "disk.qcow2")
    assert inspect_image(tmp_path / "disk.qcow2").virtual_size == 3 * MEBIBYTE


def test_an_overlay_on_a_link_names_the_image_itself(tmp_path: Path) -> None:
    base = make_qcow2(tmp_path / "base.qcow2")
    (tmp_path / "link.qcow2").symlink_to(base)
    create_overlay(tmp_path / "link.qcow2", tmp_path / "disk.qcow2", MEBIBYTE)
    assert inspect_image(tmp_path / "disk.qcow2").backing_file == str(base)


def test_a_new_overlay_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    base, path = make_qcow2(tmp_path / "base.qcow2"), tmp_path / "disk.qcow2"
    create_overlay(base, path, MEBIBYTE)
    run(["qemu-io", "-c", "write -P 7 0 4096", path], timeout=20)
    create_overlay(base, path, MEBIBYTE)
    assert "7" not in run(["qemu-io", "-c", "read -v 0 16", path], timeout=20).stdout.split()[1:17]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["base.qcow2", "disk.qcow2"]


def test_a_disk_that_is_smaller_than_its_base_is_refused_with_both_sizes(tmp_path: Path) -> None:
    base = make_qcow2(tmp_path / "base.qcow2", size=4 * MEBIBYTE)
    with pytest.raises(HostError, match=rf"{MEBIBYTE} bytes cannot .*{4 * MEBIBYTE}") as raised:
        create_overlay(base, tmp_path / "disk.qcow2", MEBIBYTE)
    assert raised.value.hint == "set disk_size to at least 4M"
    assert not (tmp_path / "disk.qcow2").exists()


def test_a_raw_disk_becomes_a_qcow2_of_its_own(tmp_path: Path) -> None:
    convert_to_qcow2(make_raw_disk(tmp_path / "a"), tmp_path / "b", source_format="raw")
    info = inspect_image(tmp_path / "b")
    assert (info.format, info.virtual_size, info.other_files) == ("qcow2", MEBIBYTE, ())


def test_a_header_of_another_format_in_a_raw_disk_is_only_data(tmp_path: Path) -> None:
    hostile = make_qcow2(tmp_path / "hostile", options=("-b", "/etc/hosts", "-F", "raw"))
    convert_to_qcow2(hostile, tmp_path / "out", source_format="raw")
    info = inspect_image(tmp_path / "out")
    assert info.other_files == ()
    assert info.virtual_size == -(-hostile.stat().st_size // 512) * 512


@pytest.mark.parametrize(
    ("options", "other"),
    [
        (("-b", "/etc/hosts", "-F", "raw"), "/etc/hosts"),
        (("-o", "data_file=data.raw,data_file_raw=on"), "data.raw"),
    ],
    ids=["backing file", "data file"],
)
def test_other_files_that_a_qcow2_names_are_found(
    tmp_path: Path, options: tuple[str, ...], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert other in inspect_image(make_qcow2(tmp_path / "disk", options=options)).other_files


def test_other_files_that_a_vmdk_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    path.write_text(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n"
        'createType="monolithicFlat"\nRW 1 FLAT "/etc/passwd" 0\n'
        'ddb.geometry.cylinders = "1"\nddb.geometry.heads = "16"\nddb.geometry.sectors = "63"\n'
        'ddb.adapterType = "ide"\n'
    )
    info = inspect_image(path)
    assert (info.format, info.other_files) == ("vmdk", ("/etc/passwd",))


def test_a_missing_image_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot read the image .*gone: No such file"):
        inspect_image(tmp_path / "gone")


def test_an_image_that_may_not_be_read_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(HostError, match=r"cannot read the image .*directory"):
        inspect_image(tmp_path / "directory")


def test_a_damaged_image_is_one_clear_error(tmp_path: Path) -> None:
    path = make_qcow2(tmp_path / "disk.qcow2")
    os.truncate(path, 80)
    with pytest.raises(HostError, match=r"disk.qcow2 is not a usable disk image: Could not open"):
        inspect_image(path)


def test_a_directory_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    base = make_qcow2(tmp_path / "base.qcow2")
    with pytest.raises(HostError, match=r"cannot write .*nowhere/disk.qcow2: No such file"):
        create_overlay(base, tmp_path / "nowhere" / "disk.qcow2", MEBIBYTE)


def test_a_full_disk_is_one_clear_error_and_nothing_is_left(tmp_path: Path) -> None:
    source = tmp_path / "source.raw"
    source.write_bytes(os.urandom(4 * MEBIBYTE))
    (tmp_path / "tiny").mkdir()
    done = run_on_tiny_disk(
        tmp_path / "tiny",
        f"""
from charly_vm.disk.qcow2 import convert_to_qcow2
try:
    convert_to_qcow2(Path({str(source)!r}), directory / "disk.qcow2", source_format="raw")
finally:
    print(list(directory.iterdir()))
""",
    )
    assert done.stderr.startswith(f"HostError: the disk is full below {tmp_path / 'tiny'}: ")
    assert "hint: free some room" in done.stderr
    assert done.stdout == "[]\n"
