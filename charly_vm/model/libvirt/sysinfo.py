"""`<sysinfo>`: what the guest reads in its SMBIOS tables, as `dmidecode` shows them.

The system's UUID is not here: it is the machine's own, and libvirt refuses any other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charly_vm.model.base import Model

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]*$")]
"""Text in one line."""


class SysinfoBios(Model):
    """The firmware (type 0)."""

    vendor: Text | None = None
    version: Text | None = None
    date: str | None = Field(default=None, pattern=r"^\d\d/\d\d/(\d\d)?\d\d$")
    """As month/day/year."""
    release: str | None = Field(default=None, pattern=r"^\d{1,3}\.\d{1,3}$")
    """As major.minor."""


class SysinfoSystem(Model):
    """The machine (type 1)."""

    manufacturer: Text | None = None
    product: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    sku: Text | None = None
    """The stock-keeping unit."""
    family: Text | None = None


class SysinfoBaseboard(Model):
    """The board (type 2), of which QEMU makes one."""

    manufacturer: Text | None = None
    product: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    asset: Text | None = None
    location: Text | None = None


class SysinfoChassis(Model):
    """The case (type 3)."""

    manufacturer: Text | None = None
    version: Text | None = None
    serial: Text | None = None
    asset: Text | None = None
    sku: Text | None = None


class SysinfoProcessor(Model):
    """The CPU (type 4), the same for every socket. libvirt knows it of hosts alone; QEMU takes it
    from charly directly."""

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
    """What the guest reads in its SMBIOS tables, as `dmidecode` shows them. The system's UUID is
    not here: it is the machine's own."""

    type: Literal["smbios"] = "smbios"
    """The only one there is."""
    bios: SysinfoBios | None = None
    """The firmware (type 0)."""
    system: SysinfoSystem | None = None
    """The machine (type 1)."""
    baseboard: SysinfoBaseboard | None = None
    """The board (type 2), of which QEMU makes one."""
    chassis: SysinfoChassis | None = None
    """The case (type 3)."""
    processor: SysinfoProcessor | None = None
    """The CPU (type 4)."""
    oem_strings: tuple[Text, ...] = ()
    """Strings (type 11), behind charly's own."""
