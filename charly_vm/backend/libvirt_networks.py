"""libvirt's own networks: which there are, and what it says of one that a guest cannot be on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.errors import HostError
from charly_vm.model.absent_network import idle_network, missing_network

IDLE = re.compile(r"network '(?P<name>[^']+)' is not active")
MISSING = re.compile(r"no network with matching name '(?P<name>[^']+)'")


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks by name, or the `obstacle` to knowing them."""

    active: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    obstacle: str = ""


def probe_networks(connection: Any) -> Networks:
    """Ask libvirt for them; its network driver is a package, and may be a daemon, of its own."""
    libvirt = import_libvirt()
    try:
        active = connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)
        idle = connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_INACTIVE)
    except libvirt.libvirtError as error:
        return Networks(obstacle=str(error))
    return Networks(_names(active), _names(idle))


def explain_network_failure(message: str, uri: str) -> HostError | None:
    """The error behind libvirt's refusal to start a domain, or None where it is about no network.

    A network that a machine was made on may have been stopped or removed since.
    """
    if found := IDLE.search(message):
        return idle_network(found["name"], uri)
    if found := MISSING.search(message):
        return missing_network(found["name"], uri)
    return None


def _names(networks: Any) -> tuple[str, ...]:
    return tuple(sorted(network.name() for network in networks))
