"""How the guest is connected, with every port chosen."""

from __future__ import annotations

import hashlib

from charly_vm.host.facts import Facts
from charly_vm.model.forwards import PortForward
from charly_vm.model.network import Network
from charly_vm.model.resolved import BackendName, Carrier, ResolvedNetwork


def resolve_network(
    network: Network,
    backend: BackendName,
    facts: Facts,
    *,
    uuid: str,
    forwards: tuple[PortForward, ...],
) -> ResolvedNetwork:
    """The card and what carries it; its address stays the same for the life of the machine.

    `forwards` are the author's with every port chosen.
    """
    passt = facts.libvirt is not None and facts.libvirt.passt
    libvirt = backend is BackendName.LIBVIRT
    return ResolvedNetwork(
        carrier=Carrier.PASST if libvirt and passt else Carrier.SLIRP,
        model=network.model,
        mac=network.mac or mac_of(uuid),
        forwards=forwards,
    )


def mac_of(uuid: str) -> str:
    """A stable address in QEMU's own range, 52:54:00."""
    digest = hashlib.sha256(uuid.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
