"""A machine with devices as an author writes them, for the samples of each kind."""

from __future__ import annotations

from typing import Any

from sample_machine import sample_machine

from charly_vm.model.resolved import ResolvedMachine

ARM: dict[str, Any] = {
    "architecture": "aarch64",
    "machine": "virt",
    "emulator": "/usr/bin/qemu-system-aarch64",
}
RISCV: dict[str, Any] = {
    "architecture": "riscv64",
    "machine": "virt",
    "emulator": "/usr/bin/qemu-system-riscv64",
}

VIRTIO = {"iommu": "on", "ats": "on", "packed": "on", "page_per_vq": "on"}


CALLS = {"mode": "connect", "host": "127.0.0.1"}

AUTHORED: list[dict[str, Any]] = []
"""The devices of all machines here, as their author writes them."""


def device_sample(devices: dict[str, Any] | None = None, /, **changes: Any) -> ResolvedMachine:
    AUTHORED.append(devices or {})
    return sample_machine(libvirt={"devices": devices or {}}, **changes)


def sharing_sample(devices: dict[str, Any]) -> ResolvedMachine:
    AUTHORED.append(devices)
    backing = {"source": "memfd", "access": "shared"}
    return sample_machine(libvirt={"devices": devices, "memory_backing": backing})
