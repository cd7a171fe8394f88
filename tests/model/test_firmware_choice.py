"""What boots a machine, decided without a host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from charly_vm.errors import HostError, SpecError
from charly_vm.host.facts import Accelerator, Facts, Firmware
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.resolve.architecture import Platform
from charly_vm.model.resolve.firmware import choose_firmware
from charly_vm.model.resolved import ResolvedFirmware

TCG = Accelerator("tcg", True, "ran guest code")
Q35 = Platform("x86_64", "q35", "/usr/bin/qemu-system-x86_64", (7, 2), TCG)
PC = replace(Q35, machine="pc")
ARM = Platform("aarch64", "virt", "/usr/bin/qemu-system-aarch64", (7, 2), TCG)
RISCV = Platform("riscv64", "virt", "/usr/bin/qemu-system-riscv64", (10, 0), TCG)

PLAIN = Firmware(
    "x86_64", ("pc-i440fx-*", "pc-q35-*"), "/PLAIN", "/VARS", "raw",
    secure_boot=False, keys_enrolled=False, smm=False,
)  # fmt: skip
CAPABLE = replace(PLAIN, machines=("pc-q35-*",), code="/CAPABLE", secure_boot=True, smm=True)
ENROLLED = replace(CAPABLE, code="/ENROLLED", vars_template="/KEYS", keys_enrolled=True)
ARM_PLAIN = replace(PLAIN, architecture="aarch64", machines=("virt-*",), code="/ARM")
ARM_ENROLLED = replace(
    ARM_PLAIN, code="/ARM-MS", vars_template="/KEYS", secure_boot=True, keys_enrolled=True
)
RISCV_PLAIN = replace(PLAIN, architecture="riscv64", machines=("virt*",), code="/RISCV")

DEBIAN = (ARM_ENROLLED, ENROLLED, CAPABLE, ARM_PLAIN, PLAIN, RISCV_PLAIN)
SMM: dict[str, object] = {"features": {"smm": True}}


def choose(
    platform: Platform,
    *there: Firmware,
    libvirt: dict[str, object] | None = None,
    **entity: object,
) -> ResolvedFirmware:
    facts = Facts(
        hostname="host", architecture="x86_64", uid=0, accelerators=(TCG,), qemu=None, libvirt=None,
        firmware=there,
    )  # fmt: skip
    vm = VmEntity.model_validate({"source": {"kind": "bootstrap"}, **entity})
    block = LibvirtDomain.model_validate(libvirt or {})
    return choose_firmware(EntityNode("shape", vm, block, "charly.yml", 7), facts, platform)


def test_a_pc_boots_by_the_emulators_own_bios() -> None:
    assert choose(Q35, *DEBIAN) == ResolvedFirmware("bios")
    assert choose(PC, firmware="bios") == ResolvedFirmware("bios")


@pytest.mark.parametrize("platform", [Q35, PC])
def test_plain_uefi_is_the_one_that_verifies_nothing(platform: Platform) -> None:
    chosen = choose(platform, *DEBIAN, firmware="uefi-insecure")
    assert chosen == ResolvedFirmware("uefi-insecure", "/PLAIN", "/VARS", "raw")


def test_plain_uefi_is_never_one_with_keys_or_with_system_management_mode() -> None:
    with pytest.raises(HostError, match="no UEFI firmware for firmware: uefi-insecure on x86_64"):
        choose(Q35, ENROLLED, CAPABLE, firmware="uefi-insecure")


def test_secure_boot_takes_the_firmware_with_keys() -> None:
    chosen = choose(Q35, *DEBIAN, firmware="uefi-secure", libvirt=SMM)
    assert chosen == ResolvedFirmware(
        "uefi-secure", "/ENROLLED", "/KEYS", "raw", smm=True, keys_enrolled=True
    )


ARCH = {"kind": "bootstrap", "builder": "pacstrap", "distro": "cachyos"}


def test_secure_boot_with_keys_is_refused_for_a_disk_that_nobody_has_signed() -> None:
    with pytest.raises(SpecError, match=r"uefi-secure boots no disk of cachyos.*write uefi-insecu"):
        choose(Q35, ENROLLED, CAPABLE, firmware="uefi-secure", libvirt=SMM, source=ARCH)
    # Without keys it lets everything pass, until the guest enrols some.
    assert choose(Q35, CAPABLE, firmware="uefi-secure", libvirt=SMM, source=ARCH).smm


def test_an_image_of_arch_may_be_signed_by_whoever_made_it() -> None:
    image = {"kind": "cloud_image", "url": "file:///srv/arch.qcow2", "distro": "arch"}
    chosen = choose(Q35, ENROLLED, firmware="uefi-secure", libvirt=SMM, source=image)
    assert chosen.keys_enrolled


def test_secure_boot_without_keys_is_taken_where_there_is_nothing_else_and_says_so() -> None:
    chosen = choose(Q35, CAPABLE, PLAIN, firmware="uefi-secure", libvirt=SMM)
    assert (chosen.code, chosen.keys_enrolled) == ("/CAPABLE", False)


def test_the_format_is_the_firmwares() -> None:
    chosen = choose(Q35, replace(PLAIN, format="qcow2"), firmware="uefi-insecure")
    assert chosen.format == "qcow2"


@pytest.mark.parametrize("block", [{}, {"features": {"smm": False}}])
def test_secure_boot_on_a_pc_needs_system_management_mode(block: dict[str, object]) -> None:
    with pytest.raises(
        SpecError, match=r"charly\.yml:7:1: shape: firmware: uefi-secure needs"
    ) as e:
        choose(Q35, *DEBIAN, firmware="uefi-secure", libvirt=block)
    assert "shape-libvirt: {libvirt: {features: {smm: true}}}" in str(e.value)


def test_arm_boots_by_uefi_without_a_word() -> None:
    assert choose(ARM, *DEBIAN) == ResolvedFirmware("uefi-insecure", "/ARM", "/VARS", "raw")


def test_arm_has_secure_boot_without_system_management_mode() -> None:
    chosen = choose(ARM, *DEBIAN, firmware="uefi-secure")
    assert (chosen.code, chosen.smm, chosen.keys_enrolled) == ("/ARM-MS", False, True)


@pytest.mark.parametrize("platform", [ARM, RISCV])
def test_a_bios_that_there_is_not_is_the_authors_mistake(platform: Platform) -> None:
    with pytest.raises(SpecError, match=f"{platform.architecture} has no BIOS"):
        choose(platform, *DEBIAN, firmware="bios")


@pytest.mark.parametrize(
    ("platform", "package"),
    [(Q35, "ovmf (apt)"), (ARM, "qemu-efi-aarch64 (apt)"), (RISCV, "qemu-efi-riscv64 (apt")],
)
def test_missing_firmware_is_an_error_that_names_the_packages(
    platform: Platform, package: str
) -> None:
    with pytest.raises(HostError, match="this host has no UEFI firmware") as caught:
        choose(platform, firmware="uefi-insecure")
    assert package in caught.value.hint


def test_riscv_boots_by_uefi_from_the_qemu_on_that_can() -> None:
    assert choose(RISCV, *DEBIAN).code == "/RISCV"
    with pytest.raises(HostError, match=r"cannot boot riscv64 by UEFI: it is QEMU 7\.2"):
        choose(replace(RISCV, version=(7, 2)), *DEBIAN)
