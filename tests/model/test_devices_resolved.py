"""The devices of a machine with nothing left open: defaults, this host's overlay, names, ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from charly_vm.host.subordinate_ids import HostUser, SubordinateIds
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.filesystem import Filesystem, IdRange
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.resolve.devices import resolve_devices
from charly_vm.model.resolve.idmap import map_ids

UUID = "5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11"
USER = HostUser(1000, 1001, SubordinateIds(100000, 65536), SubordinateIds(200000, 65536))
VIRTIOFS = {"driver": "virtiofs", "source": "/srv", "target": "srv"}
CARD = {"type": "pci", "source": {"bus": 1, "slot": 0}}
ITS_SOUND = {"type": "pci", "source": {"bus": 1, "slot": 0, "function": 1}}
HOSTDEV: TypeAdapter[Hostdev] = TypeAdapter(Hostdev)


def _resolve(
    authored: dict[str, Any] | None = None, *, architecture: str = "x86_64", **more: Any
) -> Devices:
    return resolve_devices(
        Devices.model_validate(authored or {}),
        architecture=architecture,
        uuid=UUID,
        directory=Path("/data/charly-x"),
        **{"user": USER, **more},
    )


def test_a_machine_of_which_nothing_is_said_has_a_screen_and_randomness_and_no_more() -> None:
    written = _resolve().model_dump(exclude_unset=True)
    assert {name: value for name, value in written.items() if value != ()} == {
        "video": ({"model": "virtio", "heads": 1, "primary": "yes"},),
        "rng": ({"backend": {"source": {"path": "/dev/urandom"}}},),
        "usb": {"model": "none"},
        "memballoon": {"model": "none"},
    }


def test_what_an_author_has_written_replaces_its_default() -> None:
    devices = _resolve(
        {
            "video": [{"model": "qxl"}],
            "rng": {"backend": "builtin"},
            "memballoon": {"model": "virtio"},
            "usb": "nec-xhci",
        }
    )
    assert [(one.model, one.primary) for one in devices.video] == [("qxl", "yes")]
    assert [one.backend.model for one in devices.rng] == ["builtin"]
    assert devices.memballoon is not None
    assert devices.memballoon.model == "virtio"
    assert devices.usb is not None
    assert devices.usb.model == "nec-xhci"


def test_resolving_twice_changes_nothing() -> None:
    once = _resolve(
        {
            "graphics": {"type": "spice"},
            "disks": [{"device": "cdrom"}, {"source": "/srv/a.qcow2"}],
            "interfaces": {"type": "user"},
            "serial": {"type": "pty"},
            "sound": {"model": "ich9"},
            "tpm": {},
            "filesystems": VIRTIOFS,
        }
    )
    again = resolve_devices(
        once, architecture="x86_64", uuid=UUID, directory=Path("/data/charly-x"), user=USER
    )
    assert again == once


def test_this_hosts_devices_come_behind_the_authors_and_none_comes_twice() -> None:
    devices = _resolve(
        {"hostdevs": [CARD], "filesystems": [VIRTIOFS]},
        hostdevs=[HOSTDEV.validate_python(one) for one in (CARD, ITS_SOUND)],
        filesystems=[Filesystem.model_validate({"source": "/opt", "target": "opt"})],
    )
    assert [str(one.source) for one in devices.hostdevs] == ["0000:01:00.0", "0000:01:00.1"]
    assert [one.target.dir for one in devices.filesystems] == ["srv", "opt"]


def test_the_machines_directory_is_filled_in_wherever_it_is_asked_for() -> None:
    place = "{{.VmStateDir}}/in"
    devices = _resolve(
        {
            "emulator": "{{ .VmStateDir }}/qemu",
            "disks": {"source": place},
            "channels": {"name": "c", "path": place},
            "graphics": {"type": "spice", "listen": [place, "127.0.0.1"]},
            "serial": {"type": "file", "source": place, "log": place},
            "filesystems": {**VIRTIOFS, "source": "{{.VmStateDir}}", "binary": place},
            "hostdevs": {**CARD, "rom": {"file": place}},
        }
    )
    text = devices.model_dump_json(exclude_defaults=True)
    assert "VmStateDir" not in text
    assert text.count("/data/charly-x/in") == 7
    assert devices.emulator == "/data/charly-x/qemu"
    assert devices.filesystems[0].source.dir == "/data/charly-x"


def test_disks_get_names_that_nobody_has_the_buses_of_their_names_and_a_format() -> None:
    devices = _resolve(
        {
            "disks": [
                {"source": "/srv/a.qcow2"},
                {"source": "/srv/b", "target": "vdc"},
                {"device": "cdrom", "source": "/srv/c.iso"},
                {"device": "floppy", "source": "/srv/d"},
                {"device": "lun", "type": "block", "source": "/dev/sde"},
                {"source": "/srv/f.qcow2", "driver": {"type": "raw"}, "target": "hda"},
                {"type": "dir", "source": "/srv/g"},
            ]
        }
    )
    assert [
        (
            one.target and one.target.dev,
            one.target and one.target.bus,
            one.driver and one.driver.type,
        )
        for one in devices.disks
    ] == [
        ("vdd", "virtio", "qcow2"),
        ("vdc", "virtio", "raw"),
        ("sda", "scsi", "raw"),
        ("fda", "fdc", "raw"),
        ("sdb", "scsi", "raw"),
        ("hda", "ide", "raw"),
        ("vde", "virtio", "fat"),
    ]
    assert [one.readonly for one in devices.disks] == [False, False, True, *[False] * 4]


def test_names_of_disks_go_on_after_z() -> None:
    devices = _resolve({"disks": [{"source": f"/srv/{number}"} for number in range(26)]})
    names = [one.target.dev for one in devices.disks if one.target]
    assert (names[23], names[24], names[25]) == ("vdz", "vdaa", "vdab")
    assert len(set(names)) == 26


@given(st.sets(st.integers(1, 6)))
def test_the_machines_own_disk_is_tried_first_of_those_that_nobody_has_placed(
    taken: set[int],
) -> None:
    disks = [{"source": f"/srv/{order}", "boot": order} for order in taken]
    own = Devices.model_validate({"disks": disks}).own_boot_order
    assert own not in taken
    assert taken.issuperset(range(1, own))


def test_a_card_has_an_address_that_stays_and_no_rom_unless_it_boots() -> None:
    cards = {"interfaces": [{"type": "user"}, {"type": "user", "boot": 2}]}
    first, second = _resolve(cards).interfaces
    assert (first.mac, second.mac) == tuple(one.mac for one in _resolve(cards).interfaces)
    assert first.mac != second.mac
    assert first.mac is not None
    assert first.mac.startswith("52:54:00:")
    assert first.rom is not None
    assert first.rom.enabled == "no"
    assert second.rom is None


def test_a_server_listens_here_alone_on_a_port_that_is_free() -> None:
    vnc, spice = _resolve(
        {"graphics": [{"type": "vnc"}, {"type": "spice", "listen": "/run/s", "port": 5930}]}
    ).graphics
    assert [(one.type, one.address) for one in vnc.listen] == [("address", "127.0.0.1")]
    assert (vnc.autoport, spice.autoport) == ("yes", None)


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("x86_64", [("tablet", "virtio")]),
        ("aarch64", [("keyboard", "virtio"), ("tablet", "virtio")]),
        ("riscv64", [("keyboard", "virtio"), ("tablet", "virtio")]),
    ],
)
def test_whoever_watches_can_point_and_type(
    architecture: str, expected: list[tuple[str, str]]
) -> None:
    watched = _resolve({"graphics": {"type": "vnc"}}, architecture=architecture)
    assert [(one.type, one.bus) for one in watched.inputs] == expected
    assert _resolve(architecture=architecture).inputs == ()


def test_spice_has_its_agents_channel_once() -> None:
    name = "com.redhat.spice.0"
    added = _resolve({"graphics": {"type": "spice"}}).channels
    assert [(one.type, one.name) for one in added] == [("spicevmc", name)]
    own = {"type": "spicevmc", "name": name}
    assert len(_resolve({"graphics": {"type": "spice"}, "channels": own}).channels) == 1
    assert _resolve({"graphics": {"type": "vnc"}}).channels == ()


@pytest.mark.parametrize(
    "needing",
    [
        {"inputs": {"type": "tablet", "bus": "usb"}},
        {"hostdevs": {"type": "usb", "source": {"bus": "001", "device": "004"}}},
        {"redirdev": {"type": "spicevmc"}},
        {"smartcard": {"mode": "host"}},
        {"hub": "usb"},
        {"sound": {"model": "usb"}},
        {"disks": {"source": "/srv/x", "target": {"dev": "sda", "bus": "usb"}}},
        {"serial": {"type": "pty", "target": "usb-serial"}},
    ],
    ids=lambda needing: "+".join(needing),
)
def test_a_usb_controller_is_there_where_something_needs_it(needing: dict[str, Any]) -> None:
    usb = _resolve(needing).usb
    assert usb is not None
    assert usb.model == "qemu-xhci"


def test_sound_goes_to_the_viewer_over_spice_and_else_nowhere() -> None:
    for graphics, kind in (("spice", "spice"), ("vnc", "none")):
        devices = _resolve({"graphics": {"type": graphics}, "sound": {"model": "ich9"}})
        assert [(one.type, one.id) for one in devices.audio] == [(kind, 1)]
        assert [one.audio for one in devices.sound] == [1]


def test_each_audio_has_an_id_of_its_own() -> None:
    audio = [{"type": "none"}, {"type": "none", "id": 1}, {"type": "none"}]
    assert [one.id for one in _resolve({"audio": audio}).audio] == [2, 1, 3]


def test_the_authors_serial_ports_come_behind_the_machines_console() -> None:
    ports = [{"type": "pty"}, {"type": "pty", "target": {"port": 1}}, {"type": "pty"}]
    serial = _resolve({"serial": ports}).serial
    assert [one.target.port for one in serial if one.target] == [2, 1, 3]


@pytest.mark.parametrize(("architecture", "model"), [("x86_64", "isa"), ("aarch64", "pvpanic")])
def test_a_panic_device_is_what_the_architecture_has(architecture: str, model: str) -> None:
    assert [one.model for one in _resolve({"panic": {}}, architecture=architecture).panic] == [
        model
    ]


def test_the_guests_first_user_is_the_hosts_and_the_rest_is_the_range_in_order() -> None:
    idmap = _resolve({"filesystems": VIRTIOFS}).filesystems[0].idmap
    assert idmap is not None
    assert idmap.uid == (
        IdRange(start=0, target=100000, count=1000),
        IdRange(start=1000, target=1000, count=1),
        IdRange(start=1001, target=101000, count=64536),
    )
    assert [(one.start, one.target) for one in idmap.gid][1] == (1000, 1001)


@given(st.integers(1, 3000), st.integers(1, 60000), st.integers(65536, 10**6))
def test_a_map_gives_every_id_once_on_either_side(count: int, own: int, start: int) -> None:
    ids = SubordinateIds(start, count)
    mapped = map_ids(Filesystem.model_validate(VIRTIOFS), HostUser(own, own, ids, ids))
    assert mapped.idmap is not None
    inside: list[int] = []
    outside: list[int] = []
    for one in mapped.idmap.uid:
        inside += range(one.start, one.start + one.count)
        outside += range(one.target, one.target + one.count)
    assert len(inside) == len(set(inside)) == count + 1
    assert sorted(outside) == sorted({own, *range(start, start + count)})
    assert outside[inside.index(1000)] == own


@pytest.mark.parametrize(
    ("written", "user"),
    [
        ({**VIRTIOFS, "idmap": {}}, USER),
        ({**VIRTIOFS, "driver": "9p"}, USER),
        ({**VIRTIOFS, "source": {"socket": "/run/fs.sock"}}, USER),
        (VIRTIOFS, None),
        (VIRTIOFS, HostUser(0, 0, USER.subuids, USER.subgids)),
        (VIRTIOFS, HostUser(1000, 1000, USER.subuids, None)),
        (VIRTIOFS, HostUser(1000, 1000, None, USER.subgids)),
    ],
    ids=["written", "9p", "socket", "unknown-user", "root", "no-subgids", "no-subuids"],
)
def test_ids_are_left_alone_where_there_can_be_no_map_or_is_one(
    written: dict[str, Any], user: HostUser | None
) -> None:
    filesystem = Filesystem.model_validate(written)
    assert map_ids(filesystem, user) == filesystem


def test_memory_is_shared_where_another_process_reads_it() -> None:
    for needing in (
        {"filesystems": VIRTIOFS},
        {"disks": {"type": "vhostuser", "source": "/run/b"}},
        {"interfaces": {"type": "vhostuser", "source": {"path": "/run/n", "mode": "client"}}},
        {"video": {"driver": {"name": "vhostuser"}}},
        {"video": {"blob": "on"}},
    ):
        assert Devices.model_validate(needing).need_shared_memory
    assert not _resolve({"filesystems": {**VIRTIOFS, "driver": "9p"}}).need_shared_memory
