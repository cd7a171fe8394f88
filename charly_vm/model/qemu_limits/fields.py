"""Fields that mean nothing to QEMU, whatever is written into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from charly_vm.model.base import Model
from charly_vm.model.libvirt.domain import LibvirtDomain
from charly_vm.model.qemu_limits.places import name_members

GROUPS = "needs the libvirt backend, whose system daemon makes control groups"
TLS = "needs the libvirt backend, which has the certificates for it"
PASSWORDS = "needs the libvirt backend, which watches over passwords while the machine runs"

REFUSED: Mapping[str, str] = {
    "features.hap": "QEMU has no switch for it; KVM takes it wherever the processor has it",
    "features.ibs": "is of POWER alone",
    "clock.timezone": "needs the libvirt backend, which starts QEMU in that zone",
    "memtune": GROUPS,
    "cputune": "needs the libvirt backend, which places threads and makes control groups",
    "launch_security": "needs the libvirt backend, which opens the host's secure processor",
    "resource": GROUPS,
    "devices.disks.snapshot": "needs the libvirt backend, which keeps it for its snapshots",
    "devices.disks.driver.discard_no_unref": "needs the libvirt backend: QEMU has it from 8.1 on",
    "devices.disks.source.query": "belongs to protocols that need the libvirt backend",
    "devices.disks.source.tls": TLS,
    "devices.interfaces.driver.queues": "needs the libvirt backend, which opens a tap for each",
    "devices.interfaces.virtualport": "needs the libvirt backend, which knows the switch",
    "devices.interfaces.trust_guest_rx_filters": "needs the libvirt backend, which sets filters",
    "devices.graphics.passwd_valid_to": PASSWORDS,
    "devices.graphics.connected": PASSWORDS,
    "devices.graphics.tls_port": TLS,
    "devices.video.rendernode": "needs the libvirt backend, which starts the program it is for",
    "devices.video.driver.vgaconf": "is of another hypervisor, bhyve",
    "devices.audio.runtime_dir": "needs the libvirt backend, which starts QEMU with it",
    "devices.audio.driver": "needs the libvirt backend, which starts QEMU with it",
    "devices.hostdevs.driver.model": "needs the libvirt backend, which binds drivers",
    "devices.hostdevs.rawio": "needs the libvirt backend, which keeps rights for QEMU",
}
"""By the field's path. What is below such a field is refused with it."""


def find_refused_fields(block: LibvirtDomain) -> list[str]:
    return [f"{name}: {REFUSED[path]}" for path, name in _find(block, "", "")]


def _find(value: Any, path: str, name: str) -> Iterator[tuple[str, str]]:
    """The refused fields that are written, as path and as the author's own name."""
    if path in REFUSED:
        yield path, name
    elif isinstance(value, Model):
        for key, field in type(value).model_fields.items():
            inner = getattr(value, key)
            if inner is not None and inner != field.default:
                yield from _find(inner, _below(path, key), _below(name, key))
    elif isinstance(value, tuple):
        for member_name, member in name_members(name, value):
            yield from _find(member, path, member_name)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
