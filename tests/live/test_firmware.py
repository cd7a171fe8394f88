"""UEFI and Secure Boot, as the guest itself reports them, and how long its variables live."""

from __future__ import annotations

import pytest
from workspace import Workspace

pytestmark = pytest.mark.live

VARIABLES = "/sys/firmware/efi/efivars"
OURS = f"{VARIABLES}/CharlyTest-0c5b5d0e-33a4-4a9c-9d4f-3b8f6f1f2a77"

SECURE_BOOT = f"cat {VARIABLES}/SecureBoot-* | od -An -tu1 | sed 's/.* //'"
"""Four bytes of attributes, and one that is the answer."""


def choose(place: Workspace, firmware: str, *, block: str = "") -> None:
    """Have the workspace's VM boot by this firmware, with more RAM, which verifying takes."""
    text = place.project.read_text()
    text = text.replace("    ram: 256M\n", f"    ram: 384M\n    firmware: {firmware}\n")
    place.project.write_text(text.replace("check-tiny:\n", f"{block}check-tiny:\n"))


def ask(place: Workspace, command: str) -> str:
    done = place.charly("vm", "ssh", "check-tiny", "--", command)
    assert done.status == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_a_guest_of_uefi_keeps_its_variables_as_long_as_its_disk(there: Workspace) -> None:
    choose(there, "uefi-insecure")
    created = there.charly("vm", "create", "check-tiny", "--wait")
    assert created.status == 0, created.stderr
    assert ask(there, "ls -d /sys/firmware/efi") == "/sys/firmware/efi"
    # Firmware that cannot verify anything may be without the variable.
    assert ask(there, SECURE_BOOT) in ("", "0")
    ask(there, rf"printf '\007\000\000\000kept' >{OURS}")

    nvram = there.machines / "charly-check-tiny" / "nvram.fd"
    name = "CharlyTest".encode("utf-16-le")
    assert name in nvram.read_bytes()
    assert nvram.stat().st_mode & 0o777 == 0o600
    assert there.charly("vm", "stop", "check-tiny").status == 0
    assert there.charly("vm", "start", "check-tiny").status == 0
    assert name in nvram.read_bytes()
    updated = there.charly("update", "check-tiny")
    assert updated.status == 0, updated.stderr
    assert name not in nvram.read_bytes()

    # A disk that is kept keeps them, but for the firmware that wrote them alone.
    assert there.charly("vm", "destroy", "check-tiny").status == 0
    assert nvram.exists()
    text = there.project.read_text()
    there.project.write_text(text.replace("firmware: uefi-insecure", "firmware: bios"))
    again = there.charly("vm", "create", "check-tiny")
    assert again.status == 0, again.stderr
    assert not nvram.exists()
    there.charly("vm", "destroy", "check-tiny", "--disk")
    assert there.is_clean()


def test_a_guest_of_secure_boot_is_verified(there: Workspace) -> None:
    choose(
        there,
        "uefi-secure",
        block="  tiny-libvirt: {libvirt: {features: {smm: true}}}\n",
    )
    created = there.charly("vm", "create", "check-tiny", "--wait")
    assert created.status == 0, created.stderr
    assert "Secure Boot is off" not in created.stderr
    assert ask(there, SECURE_BOOT) == "1"
    assert "Secure boot enabled" in ask(there, "dmesg")
