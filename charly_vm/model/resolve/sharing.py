"""Directories that host and guest share: what virtiofs needs of the machine and of its host."""

from __future__ import annotations

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.memory_backing import MemoryBacking

FIRST_UNPRIVILEGED = (10, 0, 0)
"""The first libvirt whose session daemon starts virtiofsd."""


def uses_virtiofs(block: LibvirtDomain) -> bool:
    return any(one.driver.type == "virtiofs" for one in block.devices.filesystems)


def share_memory(block: LibvirtDomain) -> LibvirtDomain:
    """With memory that other processes can read, where virtiofsd or a vhost-user daemon has to.

    An author's own backing stays: memory of the guest's NUMA nodes may be shared node by node.
    """
    backing = block.memory_backing or MemoryBacking()
    by_nodes = any(cell.memaccess == "shared" for cell in block.cpu.numa)
    if not block.devices.need_shared_memory or by_nodes or backing.source or backing.access:
        return block
    shared = backing.model_copy(update={"source": "memfd", "access": "shared"})
    return block.model_copy(update={"memory_backing": shared})


def runs_virtiofsd_as_us(facts: Facts) -> bool:
    """Whether virtiofsd has no more rights than the user: under a session daemon that starts it.

    A privileged one runs it as root, which needs no map of ids.
    """
    libvirt = facts.libvirt
    if libvirt is None or libvirt.hypervisor:
        return False
    return libvirt.uri.endswith("/session") and libvirt.version >= FIRST_UNPRIVILEGED


def require_virtiofs(block: LibvirtDomain, facts: Facts) -> None:
    """Raise `HostError` where libvirt on this host cannot share a directory by virtiofs."""
    if not uses_virtiofs(block) or facts.libvirt is None or facts.libvirt.hypervisor:
        return
    version = facts.libvirt.version
    if not facts.is_root and version < FIRST_UNPRIVILEGED:
        raise HostError(
            f"filesystems with driver virtiofs need libvirt 10 in a user's session; this is "
            f"{'.'.join(map(str, version))}",
            hint="use `driver: 9p`, which QEMU serves itself, or a newer libvirt (Debian 13 has "
            "11.3)",
        )
    own = all(
        one.binary is not None and one.binary.path is not None
        for one in block.devices.filesystems
        if one.driver.type == "virtiofs" and one.source.socket is None
    )
    if not facts.virtiofsd and not own:
        raise HostError(
            "filesystems with driver virtiofs need virtiofsd, which is not installed",
            hint="install virtiofsd (apt, dnf, pacman), or use `driver: 9p`",
        )
