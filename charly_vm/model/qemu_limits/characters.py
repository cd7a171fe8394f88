"""Limits of serial ports, consoles, channels and what else carries characters."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.devices.channel import GUEST_AGENT, Channel
from charly_vm.model.libvirt.devices.character import CharacterDevice, CharacterSource
from charly_vm.model.libvirt.devices.serial import Serial
from charly_vm.model.qemu_limits.places import name_members
from charly_vm.model.resolved import Carrier, ResolvedMachine

KINDS = {
    "stdio": "stdio is charly's own: it starts QEMU without input and keeps its output",
    "dbus": "dbus needs the libvirt backend, which starts the message bus",
}
PORTS = ("isa-serial", "usb-serial", "pci-serial", "isa-debug")
ISA_PORTS = range(4)
"""A PC has four places for serial ports."""


def find_character_limits(machine: ResolvedMachine) -> Iterator[str]:
    devices = machine.libvirt.devices
    for name, device in _characters(machine):
        if device.type in KINDS:
            yield f"{name}.type: {KINDS[device.type]}"
        if device.protocol in ("telnets", "tls"):
            yield f"{name}.protocol: {device.protocol} needs the libvirt backend"
        yield from _source(name, device.source)
    for name, serial in name_members("devices.serial", devices.serial):
        yield from _serial(name, serial, machine)
    for name, channel in name_members("devices.channels", devices.channels):
        yield from _channel(name, channel, machine)
    for name, rng in name_members("devices.rng", devices.rng):
        yield from _source(f"{name}.backend", rng.backend.source)
    for name, card in name_members("devices.smartcard", devices.smartcard):
        kind = card.type or ""
        if kind in KINDS:
            yield f"{name}.type: {KINDS[kind]}"
        yield from _source(name, card.source)


def _characters(machine: ResolvedMachine) -> Iterator[tuple[str, CharacterDevice]]:
    devices = machine.libvirt.devices
    yield from name_members("devices.serial", devices.serial)
    yield from name_members("devices.console", devices.console)
    yield from name_members("devices.parallel", devices.parallel)
    yield from name_members("devices.channels", devices.channels)
    yield from name_members("devices.redirdev", devices.redirdev)


def _source(name: str, source: CharacterSource | None) -> Iterator[str]:
    if source is None:
        return
    if source.tls == "yes":
        yield f"{name}.source.tls: needs the libvirt backend, which has the certificates for it"
    again = source.reconnect
    if again is not None and again.enabled == "yes" and source.mode != "connect":
        yield f"{name}.source.reconnect: needs `mode: connect`"


def _serial(name: str, serial: Serial, machine: ResolvedMachine) -> Iterator[str]:
    target = serial.target
    kind = target.type if target else None
    if kind is None and machine.architecture != "x86_64":
        yield f"{name}.target: the board has no second port; take pci-serial or usb-serial"
    elif kind is not None and kind not in PORTS:
        yield f"{name}.target.type: the board has no second {kind}; take pci-serial or usb-serial"
    elif kind in (None, "isa-serial") and target and target.port not in ISA_PORTS:
        yield f"{name}.target.port: a PC has the ports 0 to 3; take pci-serial or usb-serial"


def _channel(name: str, channel: Channel, machine: ResolvedMachine) -> Iterator[str]:
    if channel.name == GUEST_AGENT and (channel.type != "unix" or channel.host_end is not None):
        yield f"{name}: charly itself keeps the guest agent's end; leave its source away"
    if channel.target is not None and machine.network.carrier is not Carrier.SLIRP:
        yield f"{name}.target: guestfwd needs `network: {{mode: user}}`"
