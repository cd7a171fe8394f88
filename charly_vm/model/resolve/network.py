"""How the guest is connected, with every port chosen."""

from __future__ import annotations

import hashlib

from charly_vm.host.facts import Facts
from charly_vm.model.network import Network
from charly_vm.model.resolved import BackendName, Carrier, ResolvedNetwork


def resolve_network(
    network: Network, backend: BackendName, facts: Facts, *, uuid: str
) -> ResolvedNetwork:
    """The card and what carries it; the address stays the same for the life of the machine."""
    return ResolvedNetwork(
        carrier=choose_carrier(network, backend, facts),
        model=network.model,
        mac=network.mac or mac_of(uuid),
        source=network.bridge or "",
        forwards=network.port_forwards,
    )


def choose_carrier(network: Network, backend: BackendName, facts: Facts) -> Carrier:
    """passt where libvirt offers it, and QEMU's own user network where not."""
    offers_passt = facts.libvirt is not None and facts.libvirt.passt
    return Carrier.PASST if backend is BackendName.LIBVIRT and offers_passt else Carrier.SLIRP


def mac_of(uuid: str) -> str:
    """A stable address in QEMU's own range, 52:54:00."""
    digest = hashlib.sha256(uuid.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
