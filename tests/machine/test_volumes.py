"""Which volumes on another hypervisor are ours, and which of them nobody needs any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.backend.libvirt_storage import Volume
from charly_vm.machine.records import find_record, write_record
from charly_vm.machine.volumes import UNUSED_SECONDS, base_volume, find_unneeded
from charly_vm.model.resolved import Hypervisor

NOW = 1_800_000_000.0
POOL = "/srv/images"
DIGEST = "0123456789abcdef" * 4
THERE = Hypervisor("qemu+ssh://me@lab/system", hop="ssh://me@lab", pool="default", directory=POOL)


def volume(name: str, *, age: float = 0, format_: str = "qcow2", below: str = "") -> Volume:
    return Volume(name, format_, 1, 1, below, NOW - age)


def test_an_image_of_the_store_is_named_by_its_digest_and_by_whose_it_is(tmp_path: Path) -> None:
    name = base_volume(Path(f"/images/sha256/{DIGEST}.qcow2"))
    assert name.startswith("charly-base-0123456789ab-")
    assert name == base_volume(Path(f"/elsewhere/{DIGEST}.qcow2"))
    other = tmp_path / "disk.qcow2"
    other.write_bytes(b"abc")
    assert base_volume(other).startswith("charly-base-ba7816bf8f01-")


def test_another_data_directory_has_bases_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Path(f"/images/{DIGEST}.qcow2")
    ours = base_volume(image)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
    assert base_volume(image) != ours


def test_a_base_is_kept_while_it_is_needed_or_young() -> None:
    name = base_volume(Path(f"/images/{DIGEST}.qcow2"))
    old = volume(name, age=UNUSED_SECONDS + 1)
    assert find_unneeded([old], set(), POOL, NOW) == [name]
    assert find_unneeded([old], {name}, POOL, NOW) == []
    assert find_unneeded([volume(name)], set(), POOL, NOW) == []
    on_it = volume("somebody-elses.qcow2", below=f"{POOL}/{name}")
    assert find_unneeded([old, on_it], set(), POOL, NOW) == []


def test_a_half_uploaded_base_goes_at_once_where_no_machine_waits_for_it() -> None:
    name = base_volume(Path(f"/images/{DIGEST}.qcow2"))
    assert find_unneeded([volume(name, format_="raw")], set(), POOL, NOW) == [name]
    assert find_unneeded([volume(name, format_="raw")], {name}, POOL, NOW) == []


def test_what_is_not_ours_is_never_taken() -> None:
    age = 10 * UNUSED_SECONDS
    name = base_volume(Path(f"/images/{DIGEST}.qcow2"))
    others = ["windows.qcow2", "charly-base-0123456789ab-00000000.qcow2", f"x{name}", f"{name}.bak"]
    volumes = [volume(one, age=age) for one in others]
    assert find_unneeded(volumes, set(), POOL, NOW) == []


def test_a_record_knows_where_its_machine_is() -> None:
    record = sample_record()
    record = replace(record, machine=replace(record.machine, hypervisor=THERE))
    record.machine.paths.directory.mkdir()
    write_record(record)
    found = find_record("charly-sample")
    assert found == record
    assert found.domain.hypervisor == THERE.uri
    assert found.machine.disk_file == f"{POOL}/charly-sample-{found.machine.uuid[:8]}.qcow2"
    assert found.machine.seed_file == f"{POOL}/charly-sample-{found.machine.uuid[:8]}-seed.iso"
