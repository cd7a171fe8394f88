"""What one machine has on this host: its devices, and the host's veto."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.instance import Instance, read_instance

GOOD = """\
# found by charly vm create
libvirt:
  devices:
    hostdevs:
      - {type: pci, managed: yes, source: {domain: 0x0000, bus: 0x01, slot: 0x00, function: 0x0}}
    filesystems:
      - {driver: virtiofs, source: /srv/work, target: workspace}
    something: {else: 3}
  memtune: {hard_limit: 1G}
disposable: false
note: kept
"""


def read(directory: Path, text: str) -> Instance:
    file = directory / "instance.yml"
    file.write_text(text)
    return read_instance(file)


def test_devices_and_the_veto_are_read_and_the_rest_is_kept(tmp_path: Path) -> None:
    instance = read(tmp_path, GOOD)
    [card] = instance.hostdevs
    assert card.type == "pci"
    assert str(card.source) == "0000:01:00.0"
    [share] = instance.filesystems
    assert (share.source.dir, share.target.dir) == ("/srv/work", "workspace")
    assert instance.is_vetoed
    assert instance.written["note"] == "kept"
    assert instance.written["libvirt"]["memtune"] == {"hard_limit": "1G"}


def test_a_machine_without_the_file_says_nothing(tmp_path: Path) -> None:
    assert read_instance(tmp_path / "instance.yml") == Instance()
    assert not read(tmp_path, "").is_vetoed
    assert not read(tmp_path, "disposable: true\n").is_vetoed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- x\n", "1:1: has to be a mapping"),
        ("disposabl: false\n", "1:1: unknown key 'disposabl'; did you mean 'disposable'?"),
        (
            "libvirt: {devices: {hostdev: []}}\n",
            "1:21: unknown key 'hostdev'; did you mean 'hostdevs'?",
        ),
        (
            "libvirt: {devices: {hostdevs: [{type: pci, source: {bus: 1, slot: 99}}]}}\n",
            "1:61: slot: has to be at most 31, not 99",
        ),
        ("disposable: maybe\n", "1:1: disposable: has to be true or false, not 'maybe'"),
        ("a: [\n", "2:1: is not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, text)
    assert f"instance.yml:{problem}" in str(caught.value)
