"""The machine's own network card, and the author's further ones."""

from __future__ import annotations

from collections.abc import Iterable

from charly_vm.model.libvirt.devices.interface import Interface, PortRange
from charly_vm.model.resolved import Carrier, ResolvedMachine, ResolvedNetwork
from charly_vm.render.qemu.channels import guest_forwards
from charly_vm.render.qemu.option import Properties, Value, escape, option, switch
from charly_vm.render.qemu.rom import render_rom
from charly_vm.render.qemu.virtio import virtio_options

CARDS = {
    "virtio": "virtio-net-pci",
    "virtio-transitional": "virtio-net-pci-transitional",
    "virtio-non-transitional": "virtio-net-pci-non-transitional",
}
"""QEMU's names of the network cards that libvirt calls otherwise."""

TRANSMISSION = {"timer": "timer", "iothread": "bh"}


def render_network(machine: ResolvedMachine) -> list[str]:
    if machine.network.carrier is Carrier.BRIDGE:
        host_end = option("bridge", {"id": "net0", "br": machine.network.source})
    else:
        host_end = ",".join([render_user_network("net0", machine), *guest_forwards(machine)])
    return ["-netdev", host_end, "-device", render_network_card("net0", machine.network)]


def render_user_network(name: str, machine: ResolvedMachine) -> str:
    """QEMU's own user network, with the forwarded ports open on this host alone."""
    return _user_network(
        name,
        [_forward(one.protocol, "127.0.0.1", one.host, one.guest) for one in machine.forwards],
    )


def render_network_card(netdev: str, network: ResolvedNetwork) -> str:
    """A card without the boot ROM, which not every host's packages have."""
    device_name = CARDS.get(network.model, network.model)
    return f"{device_name},netdev={netdev},mac={network.mac},romfile="


def render_interfaces(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, interface in enumerate(machine.libvirt.devices.interfaces, 1):
        name = f"net{number}"
        if interface.type != "null":
            words += ["-netdev", render_interface_host_end(name, interface)]
        words += ["-device", render_interface_card(name, interface)]
    return words


def render_interface_host_end(name: str, interface: Interface) -> str:
    """The value of `-netdev` for one of the author's cards."""
    source = interface.source
    address = f"{source.address or ''}:{source.port}" if source else ""
    match interface.type:
        case "bridge":
            return option("bridge", {"id": name, "br": source.bridge if source else None})
        case "ethernet":
            tap = interface.target.dev if interface.target else None
            made: dict[str, Value] = {"id": name, "ifname": tap, "script": "no"}
            return option("tap", {**made, "downscript": "no"})
        case "vdpa":
            return option("vhost-vdpa", {"id": name, "vhostdev": source.dev if source else None})
        case "mcast":
            return option("socket", {"id": name, "mcast": address})
        case "server":
            return option("socket", {"id": name, "listen": address})
        case "client":
            return option("socket", {"id": name, "connect": address})
        case "udp":
            local = source.local if source else None
            here = f"{local.address}:{local.port}" if local else None
            return option("socket", {"id": name, "udp": address, "localaddr": here})
    return _user_network(name, _forwards(interface.port_forwards))


def render_interface_card(name: str, interface: Interface) -> str:
    """The value of `-device` for one of the author's cards, on the netdev of this name."""
    properties: dict[str, Value] = {
        "netdev": None if interface.type == "null" else name,
        "mac": interface.mac,
        "host_mtu": interface.mtu.size if interface.mtu else None,
        "bootindex": interface.boot,
        # A boot ROM only where the guest is to boot from the network.
        "romfile": "" if interface.boot is None else None,
        **_queues(interface),
        **virtio_options(interface.driver, interface.model),
    }
    written = {key: value for key, value in render_rom(interface.rom).items() if value is not None}
    return option(CARDS.get(interface.model, interface.model), properties | written)


def needs_bridge_helper(machine: ResolvedMachine) -> bool:
    """Whether QEMU starts its setuid helper, which may open a bridge that the user may not."""
    interfaces = machine.libvirt.devices.interfaces
    own = machine.network.carrier is Carrier.BRIDGE
    return own or any(one.type == "bridge" for one in interfaces)


def _queues(interface: Interface) -> Properties:
    driver = interface.driver
    if driver is None:
        return {}
    return {
        "rx_queue_size": driver.rx_queue_size,
        "tx_queue_size": driver.tx_queue_size,
        "tx": TRANSMISSION.get(driver.txmode or ""),
        "ioeventfd": switch(driver.ioeventfd),
        "event_idx": switch(driver.event_idx),
        "rss": switch(driver.rss),
        "hash": switch(driver.rss_hash_report),
    }


def _user_network(name: str, forwards: Iterable[str]) -> str:
    return ",".join(["user", f"id={name}", *forwards])


def _forwards(ranges: Iterable[PortRange]) -> Iterable[str]:
    for one in ranges:
        to = one.to or one.start
        for offset in range((one.end or one.start) - one.start + 1):
            yield _forward(one.proto, one.address, one.start + offset, to + offset)


def _forward(protocol: str, address: str, host: int, guest: int) -> str:
    return f"hostfwd={protocol}:{escape(address)}:{host}-:{guest}"
