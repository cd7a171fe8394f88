"""Which devices do not fit the machine, or one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from charly_vm.model.libvirt.device_consistency import find_device_problems
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.resolve.devices import resolve_devices


def _problems(
    authored: dict[str, Any], architecture: str = "x86_64", machine: str = "q35", iothreads: int = 0
) -> list[str]:
    devices = resolve_devices(
        Devices.model_validate(authored),
        architecture=architecture,
        uuid="5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
        directory=Path("/data/charly-x"),
    )
    return list(
        find_device_problems(
            devices, architecture=architecture, machine=machine, iothreads=iothreads
        )
    )


OF_A_PC: list[tuple[dict[str, Any], str]] = [
    ({"video": {"model": "qxl"}}, "devices.video: qxl is VGA-compatible"),
    ({"video": {"model": "vga"}}, "devices.video: vga is VGA-compatible"),
    ({"video": {"model": "cirrus"}}, "devices.video: cirrus is VGA-compatible"),
    ({"inputs": {"type": "mouse", "bus": "ps2"}}, "devices.inputs: the mouse is on PS/2"),
    ({"serial": {"target": "isa-serial"}}, "devices.serial: isa-serial is on ISA"),
    ({"parallel": {"type": "null"}}, "devices.parallel: the port is on ISA"),
    ({"disks": {"device": "floppy"}}, "devices.disks: fda is on fdc"),
    (
        {"disks": {"source": "/x", "target": {"dev": "sda", "bus": "sata"}}},
        "devices.disks: sda is on sata",
    ),
    ({"sound": {"model": "sb16"}}, "devices.sound: sb16 is on ISA"),
    ({"watchdog": "ib700"}, "devices.watchdog: ib700 is part of the board"),
    ({"panic": "hyperv"}, "devices.panic: hyperv is part of the board"),
]


@pytest.mark.parametrize("architecture", ["aarch64", "riscv64"])
@pytest.mark.parametrize(("authored", "text"), OF_A_PC)
def test_what_belongs_to_pcs_is_refused_elsewhere(
    authored: dict[str, Any], text: str, architecture: str
) -> None:
    (problem,) = _problems(authored, architecture, "virt")
    assert problem.startswith(text)
    assert problem.endswith(f"which belongs to PCs; this is {architecture}")
    assert _problems(authored, machine="pc") == []


@pytest.mark.parametrize("architecture", ["aarch64", "riscv64"])
def test_the_defaults_fit_every_architecture(architecture: str) -> None:
    everything = {
        "graphics": {"type": "vnc"},
        "video": [{"model": "bochs"}, {"model": "virtio"}],
        "disks": [{"device": "cdrom"}, {"source": "/srv/x"}],
        "serial": {"type": "pty"},
        "panic": {},
        "tpm": {},
        "watchdog": {},
        "sound": {"model": "ich9"},
    }
    assert _problems(everything, architecture, "virt") == []
    assert _problems({"panic": {}, "tpm": {}}) == []


@pytest.mark.parametrize(
    ("authored", "text"),
    [
        (
            {"disks": {"source": "/x", "target": "hda"}},
            "devices.disks: hda is on IDE, which q35 has none of",
        ),
        ({"disks": {"device": "lun"}}, "devices.disks: a lun needs a source"),
        ({"watchdog": "ib700"}, "devices.watchdog: ib700 needs the machine pc, and this is q35"),
        ({"iommu": {"model": "smmuv3"}}, "devices.iommu: smmuv3 is of aarch64, and this is x86_64"),
        ({"video": [{}, {"model": "vga"}]}, "devices.video: vga can only be the first card"),
        (
            {"video": [{"primary": "yes"}, {"primary": "yes"}]},
            "devices.video: more than one is primary",
        ),
        (
            {"graphics": [{"type": "vnc"}, {"type": "vnc"}]},
            "devices.graphics: type vnc is there twice, and libvirt has one of each",
        ),
        (
            {"channels": {"type": "spicevmc", "name": "c"}},
            "devices.channels: type spicevmc needs graphics of type spice",
        ),
        (
            {"redirdev": {}, "graphics": {"type": "vnc"}},
            "devices.redirdev: type spicevmc needs graphics of type spice",
        ),
        (
            {"usb": "none", "hub": "usb", "inputs": {"type": "mouse", "bus": "usb"}},
            "devices.usb: is none, and the mouse, the hub cannot be without",
        ),
        (
            {"sound": {"model": "ich9", "audio": 3}},
            "devices.sound: there is no audio with the id 3",
        ),
        (
            {"disks": {"source": "/x", "driver": {"iothread": 1}}},
            "devices.disks: I/O thread 1 does not exist; `iothreads` is not set",
        ),
    ],
)
def test_what_contradicts_the_machine_or_another_device_is_named(
    authored: dict[str, Any], text: str
) -> None:
    assert _problems(authored) == [text]


@pytest.mark.parametrize(
    ("authored", "text"),
    [
        ({"watchdog": "itco"}, "devices.watchdog: itco is part of q35, and this is pc"),
        ({"iommu": {"model": "intel"}}, "devices.iommu: intel needs q35, and this is pc"),
    ],
)
def test_what_is_part_of_q35_is_refused_on_older_boards(
    authored: dict[str, Any], text: str
) -> None:
    assert _problems(authored, machine="pc") == [text]
    assert _problems(authored) == []


def test_a_disk_may_use_the_io_threads_that_there_are() -> None:
    wanting = {"disks": {"source": "/x", "driver": {"iothread": 3}}}
    assert _problems(wanting, iothreads=3) == []
    assert _problems(wanting, iothreads=2) == [
        "devices.disks: I/O thread 3 does not exist; there are 2"
    ]
