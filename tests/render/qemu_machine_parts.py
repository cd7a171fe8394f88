"""What the machines for QEMU's golden files have in common."""

from __future__ import annotations

from typing import Any

from sample_machine import sample_machine

from charly_vm.model.resolved import ResolvedFirmware, ResolvedMachine

UEFI = ResolvedFirmware(
    "uefi-insecure", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
)
UEFI_SECURE = ResolvedFirmware(
    "uefi-secure",
    "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
    "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
    smm=True,
)
AAVMF = ResolvedFirmware(
    "uefi-insecure", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"
)
ARM: dict[str, Any] = {
    "architecture": "aarch64",
    "machine": "virt",
    "emulator": "/usr/bin/qemu-system-aarch64",
    "firmware": AAVMF,
}
RISCV: dict[str, Any] = {
    "architecture": "riscv64",
    "machine": "virt",
    "emulator": "/usr/bin/qemu-system-riscv64",
}
KVM: dict[str, Any] = {"accelerator": "kvm"}


def machine_of(block: dict[str, Any] | None = None, **changes: Any) -> ResolvedMachine:
    return sample_machine(libvirt=block or {}, **changes)


def devices_of(devices: dict[str, Any], **changes: Any) -> ResolvedMachine:
    return machine_of({"devices": devices}, **changes)


SPICE_SOCKET = {"type": "spice", "listen": "{{.VmStateDir}}/spice.sock"}
VIRTIO = {"iommu": "on", "ats": "on", "packed": "on", "page_per_vq": "on"}
