"""The seed ISO, read back by the library and looked at as a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pycdlib.pycdlib import PyCdlib

from charly_vm.disk.seed import write_seed
from charly_vm.errors import HostError

DOCUMENTS = {"meta-data": "instance-id: one\n", "user-data": "#cloud-config\nname: ä\n"}


def _read(path: Path, **where: str) -> bytes:
    image = PyCdlib()
    image.open(str(path))
    try:
        content = io.BytesIO()
        image.get_file_from_iso_fp(content, **where)
        return content.getvalue()
    finally:
        image.close()


@pytest.mark.parametrize("kind", ["rr_path", "joliet_path"])
def test_every_document_is_there_under_its_name(tmp_path: Path, kind: str) -> None:
    write_seed(tmp_path / "seed.iso", DOCUMENTS)
    for name, text in DOCUMENTS.items():
        assert _read(tmp_path / "seed.iso", **{kind: f"/{name}"}) == text.encode()


def test_the_label_is_what_cloud_init_looks_for(tmp_path: Path) -> None:
    write_seed(tmp_path / "seed.iso", DOCUMENTS)
    image = PyCdlib()
    image.open(str(tmp_path / "seed.iso"))
    try:
        assert image.pvd.volume_identifier.rstrip() == b"cidata"
    finally:
        image.close()


def test_a_seed_is_private_and_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    write_seed(path, {"user-data": "old\n"})
    write_seed(path, DOCUMENTS)
    assert _read(path, rr_path="/user-data") == DOCUMENTS["user-data"].encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_seed_in_a_directory_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot write .*nowhere/seed.iso: No such file"):
        write_seed(tmp_path / "nowhere" / "seed.iso", DOCUMENTS)
