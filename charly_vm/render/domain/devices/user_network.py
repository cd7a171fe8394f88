"""Cards on QEMU's own user network, in QEMU's words.

libvirt's XML can ask for this network and cannot forward a port of it.
"""

from __future__ import annotations

from charly_vm.model.libvirt.devices.interface import Interface
from charly_vm.model.resolved import Carrier, ResolvedMachine
from charly_vm.render.qemu.network import (
    render_interface_card,
    render_interface_host_end,
    render_network_card,
    render_user_network,
)

OWN_NAME = "charly-net"
FIRST_SLOT = 0x10


def find_slirp_interfaces(machine: ResolvedMachine) -> tuple[Interface, ...]:
    """The author's cards that need it: those with forwarded ports, where passt does not do it."""
    if machine.network.carrier is Carrier.PASST:
        return ()
    return tuple(one for one in machine.libvirt.devices.interfaces if one.port_forwards)


def render_user_network_arguments(machine: ResolvedMachine) -> list[str]:
    """For `<qemu:commandline>`: a network and a card for each, the machine's own first."""
    pairs = []
    if machine.network.carrier is Carrier.SLIRP:
        pairs.append(
            (
                render_user_network(OWN_NAME, machine),
                render_network_card(OWN_NAME, machine.network),
            )
        )
    for number, interface in enumerate(find_slirp_interfaces(machine), 1):
        name = f"{OWN_NAME}{number}"
        pairs.append(
            (render_interface_host_end(name, interface), render_interface_card(name, interface))
        )
    # QEMU places what it is told here before libvirt's devices, which have addresses from 1
    # upwards: without an address of its own a card would take one of theirs.
    bus = "pci.0" if machine.machine.startswith(("pc", "i440fx")) else "pcie.0"
    words = []
    for slot, (network, card) in enumerate(pairs, FIRST_SLOT):
        words += ["-netdev", network, "-device", f"{card},bus={bus},addr={slot:#x}"]
    return words
