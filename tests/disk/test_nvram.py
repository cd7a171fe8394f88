"""The variables of a machine: a copy of its own that takes no room for what is empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.disk.nvram import FLASH_BYTES, make_nvram
from charly_vm.errors import HostError
from charly_vm.host.process import run

PIECES = st.lists(
    st.one_of(st.integers(1, 200_000).map(bytes), st.binary(min_size=1, max_size=100)), max_size=6
)


def test_it_is_a_private_copy_of_the_template(tmp_path: Path) -> None:
    template, nvram = tmp_path / "VARS.fd", tmp_path / "nvram.fd"
    template.write_bytes(b"variables" + bytes(540_000))
    make_nvram(template, nvram, format="raw", architecture="x86_64")
    assert nvram.read_bytes() == template.read_bytes()
    assert nvram.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["VARS.fd", "nvram.fd"]


@given(pieces=PIECES)
def test_every_content_is_copied_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    directory = tmp_path_factory.mktemp("nvram")
    template, nvram = directory / "VARS.fd", directory / "nvram.fd"
    template.write_bytes(b"".join(pieces))
    make_nvram(template, nvram, format="raw", architecture="x86_64")
    assert nvram.read_bytes() == template.read_bytes()


def test_earlier_variables_are_replaced(tmp_path: Path) -> None:
    template, nvram = tmp_path / "VARS.fd", tmp_path / "nvram.fd"
    template.write_bytes(b"new")
    nvram.write_bytes(b"what an earlier incarnation left")
    make_nvram(template, nvram, format="raw", architecture="x86_64")
    assert nvram.read_bytes() == b"new"


@pytest.mark.parametrize("architecture", FLASH_BYTES)
def test_a_flash_chip_of_virt_has_its_size_and_takes_no_room(
    tmp_path: Path, architecture: str
) -> None:
    template, nvram = tmp_path / "VARS.fd", tmp_path / "nvram.fd"
    template.write_bytes(b"\xff" * 1000)
    make_nvram(template, nvram, format="raw", architecture=architecture)
    assert nvram.stat().st_size == FLASH_BYTES[architecture]
    assert nvram.stat().st_blocks * 512 < 1024**2


def test_a_qcow2_template_stays_one(tmp_path: Path) -> None:
    template, nvram = tmp_path / "VARS.qcow2", tmp_path / "nvram.fd"
    run(["qemu-img", "create", "-q", "-f", "qcow2", template, "64M"], timeout=20)
    make_nvram(template, nvram, format="qcow2", architecture="aarch64")
    run(["qemu-img", "compare", "-q", template, nvram], timeout=20)
    assert nvram.stat().st_size == template.stat().st_size


def test_a_template_that_is_gone_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    template = tmp_path / "VARS.fd"
    with pytest.raises(HostError, match=f"cannot copy {template}"):
        make_nvram(template, tmp_path / "nvram.fd", format="raw", architecture="x86_64")
    assert list(tmp_path.iterdir()) == []
