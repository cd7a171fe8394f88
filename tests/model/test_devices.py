"""The devices of the libvirt block as an author writes them: what is taken, and what is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from device_machines import AUTHORED
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from charly_vm.model.document import Document, parse_document
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.values import parse_hexadecimal, parse_number
from charly_vm.model.problems import problems_of

Authored = dict[str, Any]

SPICE = {"type": "spice"}
DISK = {"source": "/srv/data.img"}
PCI = {"type": "pci", "source": {"bus": 1, "slot": 0}}
VIRTIOFS = {"driver": "virtiofs", "source": "/srv", "target": "srv"}

MISPLACED: list[tuple[Authored, str]] = [
    ({"videos": []}, "unknown key 'videos'; did you mean 'video'?"),
    ({"graphics": [{**SPICE, "autport": "yes"}]}, "unknown key 'autport'; did you mean"),
    ({"graphics": {"type": "sdl", "keymap": "de"}}, "keymap: has no meaning in type sdl"),
    ({"graphics": {"type": "vnc", "gl": {"rendernode": "/dev/x"}}}, "gl: has no meaning in"),
    ({"graphics": {**SPICE, "listen": {"type": "address", "socket": "/x"}}}, "socket: has no"),
    ({"video": {"model": "virtio", "vgamem": 1}}, "vgamem: has no meaning in model virtio"),
    ({"video": {"vram64": 1}}, "vram64: has no meaning in model virtio; it belongs to qxl"),
    ({"video": {"model": "none", "heads": 1}}, "heads: has no meaning in model none"),
    ({"disks": {"source": {"dev": "/dev/sdb"}}}, "dev: has no meaning in type file"),
    ({"disks": {"type": "block", "source": {"file": "/x"}}}, "file: has no meaning in type block"),
    ({"interfaces": {"type": "bridge", "source": {"dev": "eth0"}}}, "dev: has no meaning in"),
    ({"interfaces": {"type": "bridge", "source": "b", "port_forwards": []}}, "port_forwards: has"),
    ({"hostdevs": [{**PCI, "model": "vfio-pci"}]}, "unknown key 'model'"),
    ({"hostdevs": [{"type": "usb", "source": {"bus": 1, "slot": 1}}]}, "unknown key 'slot'"),
    ({"filesystems": {**VIRTIOFS, "fmode": "0644"}}, "fmode: has no meaning in driver virtiofs"),
    ({"filesystems": {**VIRTIOFS, "driver": "9p", "idmap": {}}}, "idmap: has no meaning"),
    ({"filesystems": {"source": "/s", "target": "s", "binary": "/b"}}, "binary: has no meaning"),
    ({"filesystems": {**VIRTIOFS, "driver": {"type": "9p", "queue": 1}}}, "queue: has no meaning"),
    ({"sound": {"model": "ac97", "codec": "duplex"}}, "codec: has no meaning in model ac97"),
    ({"audio": {"type": "none", "output": {"dev": "x"}}}, "dev: has no meaning in type none"),
    ({"inputs": {"type": "tablet", "source": "/dev/x"}}, "source: has no meaning in type tablet"),
    ({"tpm": {"backend": {"device": "/dev/tpm0"}}}, "device: has no meaning in type emulator"),
    ({"memballoon": {"model": "none", "stats": 5}}, "stats: has no meaning in model none"),
    ({"iommu": {"model": "virtio", "driver": {"iotlb": "on"}}}, "driver: has no meaning in"),
    ({"shmem": {"name": "s", "msi": {}}}, "msi: has no meaning in model ivshmem-plain"),
    ({"serial": {"type": "pty", "source": {"host": "h"}}}, "host: has no meaning in type pty"),
    ({"channels": {"type": "pty", "name": "c", "path": "/p"}}, "path: has no meaning in type pty"),
    ({"smartcard": {"mode": "host", "type": "tcp"}}, "type: has no meaning in mode host"),
    ({"rng": {"backend": {"model": "builtin", "source": "/dev/x"}}}, "source: has no meaning in"),
]
"""A key that is not known, or not of this type: JSON Schema refuses it as well."""

INCOMPLETE: list[tuple[Authored, str]] = [
    ({"graphics": {"port": 1}}, "type: is required"),
    ({"disks": {"type": "network", "source": {"name": "x"}}}, "protocol: is required"),
    ({"disks": {"type": "block", "source": {}}}, "dev: is required in type block"),
    ({"interfaces": {"type": "network"}}, "network: is required in type network"),
    ({"hostdevs": [{"type": "pci", "source": {"slot": 1}}]}, "bus: is required"),
    ({"hostdevs": [{"source": {"bus": 1, "slot": 1}}]}, "needs the key 'type'"),
    ({"serial": {"type": "unix"}}, "path: is required in type unix"),
    ({"serial": {"type": "tcp", "source": {"host": "h"}}}, "service: is required in type tcp"),
    ({"shmem": {"name": "s", "model": "ivshmem-doorbell"}}, "server: is required in model"),
    ({"inputs": {"type": "evdev"}}, "source: is required in type evdev"),
    ({"tpm": {"backend": {"type": "external"}}}, "source: is required in type external"),
]
"""A key that is missing: JSON Schema requires it as well."""

CONTRADICTORY: list[tuple[Authored, str]] = [
    ({"disks": [{**DISK, "target": "vda"}]}, "vda is the machine's own; the next free is vdc"),
    ({"disks": [{**DISK, "target": "vdb"}]}, "vdb is the machine's own"),
    ({"disks": [{**DISK, "target": "sda"}] * 2}, "the disk sda is there twice"),
    ({"disks": {**DISK, "boot": 1}, "redirdev": {"boot": 1}}, "boot: 1 is given to more than one"),
    ({"disks": {"source": "data.img"}}, "file: 'data.img' is not absolute; begin it with / or"),
    ({"hostdevs": {**PCI, "source": {"bus": "10", "slot": 0}}}, "'10' may mean 0xa or 0x10"),
    ({"hostdevs": {**PCI, "source": {"bus": "0x100", "slot": 0}}}, "bus: has to be at most 255"),
    ({"hostdevs": {**PCI, "source": {"bus": "ag", "slot": 0}}}, "not a hexadecimal number"),
    ({"hostdevs": [{"type": "usb", "source": {"vendor": "0x1"}}]}, "needs vendor and product, or"),
    ({"hostdevs": [{"type": "usb", "source": {"bus": "1f", "device": 1}}]}, "not a number"),
    ({"hostdevs": [{"type": "scsi", "source": {"bus": 1}}]}, "needs adapter, bus, target and"),
    ({"channels": {"path": "/run/x"}}, "needs a name; or, for a forwarded address, a target"),
    ({"channels": {"name": "c", "path": "/p", "source": "/s"}}, "path is short for source"),
    ({"channels": {"type": "file", "name": "c"}}, "type file needs a path"),
    ({"console": {"type": "file", "source": "/x", "target": "serial"}}, "is the machine's own"),
    ({"filesystems": {**VIRTIOFS, "accessmode": "squash"}}, "knows the accessmode passthrough"),
    ({"filesystems": {**VIRTIOFS, "source": {}}}, "a directory, or the socket of a virtiofsd"),
    ({"vsock": {"cid": {"auto": "no"}}}, "cid is a number from 3 upwards, or {auto: yes}"),
    ({"shmem": {"name": "s", "size": "3M"}}, "a size is a power of two from 1M on"),
    ({"interfaces": {"type": "user", "mac": "01:00:5e:00:00:01"}}, "multicast"),
    ({"graphics": {**SPICE, "autoport": "maybe"}}, "autoport: is on or off, not 'maybe'"),
]
"""What only the reader can judge."""


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(Devices.model_json_schema())


def _complaints(authored: Authored) -> list[str]:
    """What the reader says, as an author sees it."""
    document = Document(Path("charly.yml"), authored, None)
    try:
        Devices.model_validate(authored)
    except ValidationError as error:
        return [problem.text for problem in problems_of(error, document, ())]
    return []


@pytest.mark.parametrize("authored", AUTHORED, ids=lambda authored: "+".join(authored) or "none")
def test_what_is_taken_is_taken_by_the_json_schema_too(authored: Authored) -> None:
    assert _complaints(authored) == []
    assert list(_schema().iter_errors(authored)) == []


@pytest.mark.parametrize(("authored", "text"), MISPLACED)
def test_a_key_in_the_wrong_place_is_refused_by_its_name(authored: Authored, text: str) -> None:
    assert any(text in complaint for complaint in _complaints(authored)), _complaints(authored)
    assert not _schema().is_valid(authored)


@pytest.mark.parametrize(("authored", "text"), INCOMPLETE)
def test_a_missing_key_is_asked_for_by_its_name(authored: Authored, text: str) -> None:
    assert any(text in complaint for complaint in _complaints(authored)), _complaints(authored)
    assert not _schema().is_valid(authored)


@pytest.mark.parametrize(("authored", "text"), CONTRADICTORY)
def test_a_contradiction_is_explained(authored: Authored, text: str) -> None:
    assert any(text in complaint for complaint in _complaints(authored)), _complaints(authored)


def test_all_mistakes_are_found_at_once_each_at_its_place() -> None:
    document = parse_document(
        Path("charly.yml"),
        "graphics:\n"
        "  type: spice\n"
        "  gl: {enable: sometimes}\n"
        "hostdevs:\n"
        "  - type: usb\n"
        "    source: {bus: x, device: 1}\n"
        "  - {type: pci, source: {bus: 1, slot: 32}}\n"
        "video: [{model: vga, ram: 5}]\n"
        "sound: [{model: ich10}]\n",
    )
    with pytest.raises(ValidationError) as caught:
        Devices.model_validate(document.data)
    problems = problems_of(caught.value, document, ())
    assert [(one.line, one.column, one.text.split(":")[0]) for one in problems] == [
        (3, 8, "enable"),
        (8, 22, "ram"),
        (9, 10, "model"),
        (6, 14, "bus"),
        (7, 34, "slot"),
    ]


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("0.0.0.0", {"type": "address", "address": "0.0.0.0"}),
        ("/run/spice.sock", {"type": "socket", "socket": "/run/spice.sock"}),
        ("{{.VmStateDir}}/s", {"type": "socket", "socket": "{{.VmStateDir}}/s"}),
        ({"type": "none"}, {"type": "none"}),
    ],
)
def test_a_listener_is_one_or_several_and_a_text_says_which_kind(
    written: object, means: Authored
) -> None:
    for listen in (written, [written]):
        devices = Devices.model_validate({"graphics": {**SPICE, "listen": listen}})
        assert [one.model_dump(exclude_unset=True) for one in devices.graphics[0].listen] == [means]
    several = Devices.model_validate({"graphics": {**SPICE, "listen": [written, "::1"]}})
    assert [one.type for one in several.graphics[0].listen] == [means["type"], "address"]


def test_a_device_needs_no_brackets_and_its_main_key_may_stand_for_it() -> None:
    short = {
        "rng": "virtio",
        "watchdog": "i6300esb",
        "disks": {"source": "/srv/data.img", "target": "vdc"},
        "usb": "qemu-xhci",
    }
    long = {
        "rng": [{"model": "virtio"}],
        "watchdog": [{"model": "i6300esb"}],
        "disks": [{"source": {"file": "/srv/data.img"}, "target": {"dev": "vdc"}}],
        "usb": {"model": "qemu-xhci"},
    }
    assert Devices.model_validate(short) == Devices.model_validate(long)


def test_switches_are_words_or_booleans() -> None:
    words = {"graphics": {**SPICE, "autoport": "yes", "playback": "on"}}
    booleans = {"graphics": {**SPICE, "autoport": True, "playback": True}}
    assert Devices.model_validate(words) == Devices.model_validate(booleans)


@given(st.integers(0, 0xFFFFFFFF))
def test_a_hexadecimal_number_is_read_from_all_its_spellings(number: int) -> None:
    assert parse_hexadecimal(number) == number
    assert parse_hexadecimal(f"{number:#x}") == number
    assert parse_hexadecimal(f"0X{number:08X}") == number
    bare = f"{number:02x}"
    if number <= 9 or not bare.isdecimal():
        assert parse_hexadecimal(bare) == number
    else:
        with pytest.raises(ValueError, match="write which"):
            parse_hexadecimal(bare)


@given(st.integers(0, 999))
def test_lsusb_counts_in_tens(number: int) -> None:
    assert parse_number(f"{number:03}") == parse_number(f"{number:#x}") == number


@given(st.text(max_size=6) | st.booleans() | st.none() | st.floats())
def test_no_other_thing_is_a_number(written: object) -> None:
    for parse in (parse_hexadecimal, parse_number):
        complaint = ""
        try:
            number = parse(written)
        except ValueError as error:
            number, complaint = 0, str(error)
        assert number >= 0
        assert not complaint or repr(written) in complaint
