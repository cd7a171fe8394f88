"""Where machines are made: by the user's own libvirt session, or by another hypervisor."""

from __future__ import annotations

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts
from charly_vm.model.resolved import BackendName, Hypervisor


def choose_hypervisor(backend: tuple[BackendName, str], facts: Facts) -> Hypervisor | None:
    """The other hypervisor, None where there is none. Raises `HostError` without a pool there."""
    if backend[0] is not BackendName.LIBVIRT or facts.libvirt is None:
        return None
    there = facts.libvirt.hypervisor
    if there is None:
        return None
    if there.pool_obstacle:
        raise HostError(
            f"the disks of machines at {facts.libvirt.uri} have no place: {there.pool_obstacle}",
            hint=there.pool_hint,
        )
    return Hypervisor(
        uri=facts.libvirt.uri, hop=there.hop, pool=there.pool, directory=there.pool_directory
    )
