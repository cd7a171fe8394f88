"""`<sysinfo>`: what the guest reads in its SMBIOS tables, as `dmidecode` shows them.

The system's UUID is not here: it is the machine's own, and libvirt refuses any other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charly_vm.model.base import Model

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]*$")]


class SysinfoBios(Model):
    """Type 0."""

    vendor: Text | None = None
    version: Text | None = None
    date: str | None = Field(default=None, pattern=r"^\d\d/\d\d/(\d\d)?\d\d$")
    """As month/day/year."""
    release: str | None = Field(default=None, pattern=r"^\d{1,3}\.\d{1,3}$")


class SysinfoSystem(Model):
    """Type 1."""

    manufacturer: Text | None = None
    product: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    sku: Text | None = None
    family: Text | None = None


class SysinfoBaseboard(Model):
    """Type 2, of which QEMU makes one."""

    manufacturer: Text | None = None
    product: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    asset: Text | None = None
    location: Text | None = None


class SysinfoChassis(Model):
    """Type 3."""

    manufacturer: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    asset: Text | None = None
    sku: Text | None = None


class SysinfoProcessor(Model):
    """Type 4, of every socket. libvirt has it for hosts alone; QEMU takes it from us directly."""

    socket_destination: Text | None = None
    """QEMU puts the socket's number behind it."""
    manufacturer: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    asset: Text | None = None
    part: Text | None = None
    max_speed: Annotated[int, Field(strict=True, ge=1, lt=65536)] | None = None
    """MHz."""
    current_speed: Annotated[int, Field(strict=True, ge=1, lt=65536)] | None = None
    """MHz."""


class Sysinfo(Model):
    type: Literal["smbios"] = "smbios"
    bios: SysinfoBios | None = None
    system: SysinfoSystem | None = None
    baseboard: SysinfoBaseboard | None = None
    chassis: SysinfoChassis | None = None
    processor: SysinfoProcessor | None = None
    oem_strings: tuple[Text, ...] = ()
    """Type 11, behind charly's own."""
