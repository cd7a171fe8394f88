"""What boots a machine: the emulator's BIOS, or one of this host's UEFI firmwares."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts, Firmware
from charly_vm.model.distribution import ARCH, find_distribution
from charly_vm.model.entity import EntityNode
from charly_vm.model.resolve.architecture import Platform, spec_error
from charly_vm.model.resolved import ResolvedFirmware
from charly_vm.model.source import Bootstrap

VERSIONED = {"q35": "pc-q35-0", "pc": "pc-i440fx-0", "virt": "virt-0"}
"""A machine type as firmware descriptors name it, by its short name."""

PACKAGES = {
    "x86_64": "ovmf (apt) or edk2-ovmf (dnf, pacman)",
    "aarch64": "qemu-efi-aarch64 (apt) or edk2-aarch64 (dnf, pacman)",
    "riscv64": "qemu-efi-riscv64 (apt, from Debian 13 on) or edk2-riscv64 (dnf, pacman)",
}

FIRST_QEMU_WITH_RISCV_UEFI = (8, 1)
"""Before it the first flash chip of `virt` is for firmware of the machine's own level."""


def choose_firmware(node: EntityNode, facts: Facts, platform: Platform) -> ResolvedFirmware:
    """The firmware of an entity on its platform.

    A machine that is no PC has no BIOS, and boots by UEFI where the author says nothing. Raises
    `SpecError` for what does not go together, and `HostError` where this host lacks the firmware.
    """
    name = node.vm.firmware
    if name == "bios":
        if platform.architecture == "x86_64":
            return ResolvedFirmware("bios")
        if "firmware" in node.vm.model_fields_set:
            raise spec_error(
                node,
                f"firmware: {platform.architecture} has no BIOS; write uefi-insecure, or nothing",
            )
        name = "uefi-insecure"
    if name == "uefi-secure":
        _require_guarded(node, platform)
    if platform.architecture == "riscv64" and platform.version < FIRST_QEMU_WITH_RISCV_UEFI:
        raise HostError(
            f"{platform.emulator} cannot boot riscv64 by UEFI: it is QEMU "
            f"{'.'.join(map(str, platform.version))}",
            hint="install QEMU 8.1 or later; Debian 13 has 10.0",
        )
    if facts.libvirt_chooses_firmware:
        if name == "uefi-secure":
            _require_signed(node)
        return ResolvedFirmware(name, keys_enrolled=name == "uefi-secure")
    found = next(_fitting(name, facts, platform), None)
    if found is None:
        raise HostError(
            f"this host has no UEFI firmware for firmware: {name} on {platform.architecture} "
            f"({platform.machine})",
            hint=f"install {PACKAGES[platform.architecture]}",
        )
    if found.keys_enrolled:
        _require_signed(node)
    return ResolvedFirmware(
        name=name,
        code=found.code,
        vars_template=found.vars_template,
        format=found.format,
        smm=found.smm,
        keys_enrolled=found.keys_enrolled,
    )


def _require_guarded(node: EntityNode, platform: Platform) -> None:
    """On a PC, system management mode is what keeps the guest from changing the keys.

    A machine that is no PC has nothing of the kind, and its firmware does without.
    """
    if platform.architecture == "x86_64" and node.libvirt.features.smm != "on":
        raise spec_error(
            node,
            "firmware: uefi-secure needs system management mode; "
            f"write `{node.name}-libvirt: {{libvirt: {{features: {{smm: true}}}}}}`",
        )


def _require_signed(node: EntityNode) -> None:
    """A disk that we make has what its distribution signs for UEFI, and Arch's kin signs nothing.

    Without keys in it the firmware lets it pass.
    """
    source = node.vm.source
    distribution = find_distribution(source)
    if isinstance(source, Bootstrap) and distribution and distribution.family is ARCH:
        raise spec_error(
            node,
            f"firmware: uefi-secure boots no disk of {source.distro}, whose boot loader nobody has "
            "signed; write uefi-insecure or bios",
        )


def _fitting(name: str, facts: Facts, platform: Platform) -> Iterator[Firmware]:
    """What could be meant by a name, best first."""
    machine = VERSIONED[platform.machine]
    there = [
        one
        for one in facts.firmware
        if one.architecture == platform.architecture
        and any(fnmatchcase(machine, pattern) for pattern in one.machines)
    ]
    if name == "uefi-secure":
        # Without keys it cannot refuse anything, until the guest enrols some.
        yield from (one for one in there if one.secure_boot and one.keys_enrolled)
        yield from (one for one in there if one.secure_boot and not one.keys_enrolled)
    else:
        usable = [one for one in there if not one.smm and not one.keys_enrolled]
        yield from (one for one in usable if not one.secure_boot)
        yield from (one for one in usable if one.secure_boot)
