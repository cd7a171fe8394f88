"""virtio-serial: the guest agent's channel, which every machine has, and the author's."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.channel import GUEST_AGENT, Channel
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.character import listening_socket, render_character
from charly_vm.render.qemu.option import device
from charly_vm.render.qemu.sockets import AGENT_PORT_ID


def render_channels(machine: ResolvedMachine) -> list[str]:
    words = [
        *device("virtio-serial-pci", {"id": buses.SERIAL_CONTROLLER}),
        *listening_socket("agent", machine.paths.agent_socket),
        # Of a port without an id QEMU does not say that somebody in the guest has opened it.
        *_port("agent", GUEST_AGENT, AGENT_PORT_ID),
    ]
    for number, channel in enumerate(machine.libvirt.devices.channels, 1):
        if is_own(channel):
            continue
        name = f"channel{number}"
        words += render_character(name, channel, machine.paths, source=channel.host_end)
        if channel.target is None:
            words += _port(name, channel.name or "")
    return words


def guest_forwards(machine: ResolvedMachine) -> list[str]:
    """Addresses in the user network that lead to a channel, as `-netdev user` takes them."""
    return [
        f"guestfwd=tcp:{channel.target.address}:{channel.target.port}-chardev:channel{number}"
        for number, channel in enumerate(machine.libvirt.devices.channels, 1)
        if channel.target is not None
    ]


def is_own(channel: Channel) -> bool:
    """Whether it is the guest agent's, which is there already: QEMU refuses a second of a name."""
    return channel.target is None and channel.name == GUEST_AGENT


def _port(chardev: str, name: str, id_: str | None = None) -> list[str]:
    properties = {"bus": buses.SERIAL, "id": id_, "chardev": chardev, "name": name}
    return device("virtserialport", properties)
