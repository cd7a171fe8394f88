"""Sockets between host and guest without a network."""

from __future__ import annotations

import uuid

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, device
from charly_vm.render.qemu.virtio import virtio_device, virtio_options

FIRST_CID = 3
LAST_CID = 2**32 - 2
"""The kernel's: below are the hypervisor and the host, above is "any"."""


def render_vsock(machine: ResolvedMachine) -> list[str]:
    vsock = machine.libvirt.devices.vsock
    if vsock is None:
        return []
    properties: dict[str, Value] = {
        "guest-cid": vsock.cid.address or choose_cid(machine.uuid),
        **virtio_options(vsock.driver, vsock.model),
    }
    return device(virtio_device("vhost-vsock", vsock.model), properties)


def choose_cid(machine_uuid: str) -> int:
    """An address that stays the same for the life of the machine.

    From its UUID: which ones are taken can only be asked by trying, and two of some thousand
    machines share one in four billion about never; the kernel refuses the second.
    """
    return FIRST_CID + uuid.UUID(machine_uuid).int % (LAST_CID - FIRST_CID + 1)
