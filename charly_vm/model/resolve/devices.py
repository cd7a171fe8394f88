"""The devices of a machine: the author's, this host's overlay, and the defaults of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from charly_vm.host.subordinate_ids import HostUser
from charly_vm.model.libvirt.device_consistency import X86, find_usb_devices
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.audio import Audio
from charly_vm.model.libvirt.devices.character import CharacterSource
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.libvirt.devices.interface import Interface
from charly_vm.model.libvirt.devices.memballoon import Memballoon
from charly_vm.model.libvirt.devices.panic import Panic
from charly_vm.model.libvirt.devices.rng import Rng
from charly_vm.model.libvirt.devices.serial import Serial, SerialTarget
from charly_vm.model.libvirt.devices.sound import Sound
from charly_vm.model.libvirt.devices.tpm import Tpm
from charly_vm.model.libvirt.devices.usb import Usb
from charly_vm.model.libvirt.devices.values import Rom
from charly_vm.model.resolve.disk_targets import name_disks
from charly_vm.model.resolve.idmap import map_ids
from charly_vm.model.resolve.machine_directory import fill_in_directory
from charly_vm.model.resolve.network import mac_of
from charly_vm.model.resolve.screen import resolve_screen

RANDOM_FILE = "/dev/urandom"
T = TypeVar("T")


def resolve_devices(
    devices: Devices,
    *,
    architecture: str,
    uuid: str,
    directory: Path,
    user: HostUser | None = None,
    hostdevs: Sequence[Hostdev] = (),
    filesystems: Sequence[Filesystem] = (),
) -> Devices:
    """The block with nothing left open. What an author has written replaces its default.

    `hostdevs` and `filesystems` are this host's, from `instance.yml`. `directory` is the machine's,
    `user` whoever runs it, None where nobody's ids are known. Whether all of it fits the machine is
    for `find_device_problems` to say.
    """
    is_x86 = architecture in X86
    wanted = devices.model_copy(
        update={
            "hostdevs": _joined(devices.hostdevs, hostdevs),
            "filesystems": _joined(devices.filesystems, filesystems),
        }
    )
    wanted = fill_in_directory(wanted, directory)
    wanted = wanted.model_copy(
        update={
            **resolve_screen(wanted, is_x86=is_x86),
            **_resolve_sound(wanted),
            "disks": name_disks(wanted.disks),
            "interfaces": tuple(
                _resolve_interface(one, f"{uuid} {number}")
                for number, one in enumerate(wanted.interfaces)
            ),
            "serial": _with_ports(wanted.serial),
            "filesystems": tuple(map_ids(one, user) for one in wanted.filesystems),
            "rng": tuple(map(_resolve_rng, wanted.rng or (Rng(),))),
            "tpm": tuple(map(_resolve_tpm, wanted.tpm)),
            "panic": tuple(_resolve_panic(one, is_x86=is_x86) for one in wanted.panic),
            # libvirt adds one unless it is told not to, and nothing here uses it.
            "memballoon": wanted.memballoon or Memballoon(model="none"),
        }
    )
    return wanted.model_copy(update={"usb": wanted.usb or _usual_usb(wanted)})


def _joined(authored: tuple[T, ...], overlay: Sequence[T]) -> tuple[T, ...]:
    """An author may have written down what the overlay says as well."""
    return (*authored, *(one for one in overlay if one not in authored))


def _usual_usb(devices: Devices) -> Usb:
    return Usb(model="qemu-xhci" if find_usb_devices(devices) else "none")


def _resolve_interface(interface: Interface, identity: str) -> Interface:
    """With an address that stays the machine's, and a boot ROM only where it is to boot from it:
    not every host's packages have the ROMs, and without its file QEMU does not start."""
    update: dict[str, Any] = {"mac": interface.mac or mac_of(identity)}
    if interface.rom is None and interface.boot is None and interface.type != "hostdev":
        update["rom"] = Rom(enabled="no")
    return interface.model_copy(update=update)


def _with_ports(serials: tuple[Serial, ...]) -> tuple[Serial, ...]:
    """Port 0 is the machine's console."""
    taken = {0, *(one.target.port for one in serials if one.target)}
    numbered = []
    for one in serials:
        target = one.target or SerialTarget()
        if target.port is None:
            port = next(number for number in range(len(serials) + 1) if number not in taken)
            taken.add(port)
            target = target.model_copy(update={"port": port})
        numbered.append(one.model_copy(update={"target": target}))
    return tuple(numbered)


def _resolve_sound(devices: Devices) -> dict[str, Any]:
    """Sound goes to whoever watches over SPICE, and else nowhere."""
    audio = devices.audio
    if devices.sound and not audio:
        spice = any(one.type == "spice" for one in devices.graphics)
        audio = (Audio(type="spice" if spice else "none"),)
    free = (number for number in count(1) if number not in [one.id for one in audio])
    audio = tuple(
        one if one.id is not None else one.model_copy(update={"id": next(free)}) for one in audio
    )
    sound = tuple(_playing(one, audio) for one in devices.sound)
    return {"audio": audio, "sound": sound}


def _playing(sound: Sound, audio: tuple[Audio, ...]) -> Sound:
    # The PC speaker is part of the machine and plays without being connected.
    if sound.audio is not None or sound.model == "pcspk":
        return sound
    return sound.model_copy(update={"audio": audio[0].id})


def _resolve_rng(rng: Rng) -> Rng:
    backend = rng.backend
    if backend.model != "random" or (backend.source and backend.source.path):
        return rng
    source = CharacterSource(path=RANDOM_FILE)
    return rng.model_copy(update={"backend": backend.model_copy(update={"source": source})})


def _resolve_tpm(tpm: Tpm) -> Tpm:
    # The one that every architecture and both versions of the standard have.
    model = tpm.model or "tpm-tis"
    backend = tpm.backend
    if backend.type == "emulator" and backend.version is None:
        backend = backend.model_copy(update={"version": "2.0"})
    return tpm.model_copy(update={"model": model, "backend": backend})


def _resolve_panic(panic: Panic, *, is_x86: bool) -> Panic:
    return panic if panic.model else Panic(model="isa" if is_x86 else "pvpanic")
