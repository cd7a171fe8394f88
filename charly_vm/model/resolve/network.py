"""How the guest is connected, with every port chosen."""

from __future__ import annotations

import hashlib

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts
from charly_vm.model.absent_network import NAT_NETWORK, idle_network, missing_network
from charly_vm.model.forwards import PortForward
from charly_vm.model.network import Network
from charly_vm.model.resolved import BackendName, Carrier, ResolvedNetwork

SYSTEM_DAEMON = "as in CHARLY_LIBVIRT_URI=qemu:///system"


def resolve_network(
    network: Network,
    backend: BackendName,
    facts: Facts,
    *,
    uuid: str,
    forwards: tuple[PortForward, ...],
) -> ResolvedNetwork:
    """The card and what carries it; its address stays the same for the life of the machine.

    `forwards` are the author's with every port chosen. Raises `HostError` for a bridge or a
    network that this host does not have.
    """
    carrier, source = _choose_carrier(network, backend, facts)
    return ResolvedNetwork(
        carrier=carrier,
        model=network.model,
        mac=network.mac or mac_of(uuid),
        source=source,
        forwards=forwards,
    )


def _choose_carrier(network: Network, backend: BackendName, facts: Facts) -> tuple[Carrier, str]:
    match network.mode:
        case "user":
            passt = facts.libvirt is not None and facts.libvirt.passt
            libvirt = backend is BackendName.LIBVIRT
            return (Carrier.PASST if libvirt and passt else Carrier.SLIRP), ""
        case "bridge":
            return Carrier.BRIDGE, _require_bridge(network.bridge or "", facts)
        case _:
            wanted = network.bridge or NAT_NETWORK
            return Carrier.LIBVIRT_NETWORK, _require_network(wanted, network.mode, backend, facts)


def _require_bridge(name: str, facts: Facts) -> str:
    bridges = facts.bridges
    if bridges.unknown:
        return name
    if name not in bridges.names:
        found = f"it has {', '.join(bridges.names)}" if bridges.names else "it has none"
        raise HostError(
            f"this host has no bridge {name!r}; {found}",
            hint=f"make it with `ip link add {name} type bridge` (or the host's network manager), "
            "or use `mode: user`, which needs none",
        )
    if obstacle := bridges.obstacle(name):
        raise HostError(f"the bridge {name} cannot be used: {obstacle}", hint=BRIDGE_HINT)
    return name


BRIDGE_HINT = (
    "let qemu-bridge-helper use it: a line `allow <bridge>` in /etc/qemu/bridge.conf, and the "
    "setuid bit on the helper (`chmod u+s`)"
)


def _require_network(name: str, mode: str, backend: BackendName, facts: Facts) -> str:
    libvirt = facts.libvirt
    if backend is not BackendName.LIBVIRT or libvirt is None:
        raise HostError(
            f"network: {{mode: {mode}}} needs the libvirt backend, which manages such networks",
            hint=f"name a system daemon, {SYSTEM_DAEMON}, or use `mode: user`, or `mode: bridge` "
            "with a bridge of the host's",
        )
    if name in libvirt.networks:
        return name
    if libvirt.hypervisor is None:
        known = ", ".join(libvirt.networks) or "none"
        raise HostError(
            f"libvirt at {libvirt.uri} has no active network {name!r} (active are: {known})",
            hint="a session daemon has no rights to make networks; use `mode: user`, or name a "
            f"system daemon, {SYSTEM_DAEMON}",
        )
    if libvirt.networks_obstacle:
        raise HostError(
            f"libvirt at {libvirt.uri} manages no networks: {libvirt.networks_obstacle}",
            hint="install libvirt-daemon-driver-network on its host, where libvirtd or "
            "virtnetworkd has to run, or use `mode: user`",
        )
    if name in libvirt.idle_networks:
        raise idle_network(name, libvirt.uri)
    others = [*libvirt.networks, *(f"{one} (not active)" for one in libvirt.idle_networks)]
    raise missing_network(name, libvirt.uri, f"it has {', '.join(others) or 'none'}")


def mac_of(uuid: str) -> str:
    """A stable address in QEMU's own range, 52:54:00."""
    digest = hashlib.sha256(uuid.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
