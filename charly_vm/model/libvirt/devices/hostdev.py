"""`<hostdev>`: a device of the host's that is handed to the guest."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Short
from charly_vm.model.libvirt.devices.values import (
    BootOrder,
    Hexadecimal,
    Number,
    Port,
    Rom,
    Uuid,
)
from charly_vm.model.libvirt.numbers import Index
from charly_vm.model.libvirt.switches import OnOff, Switch, YesNo

UsbId = Annotated[Hexadecimal, Field(ge=0, le=0xFFFF)]


class PciAddress(Model):
    """One function, as lspci names it: `0000:01:00.1`."""

    domain: Annotated[Hexadecimal, Field(ge=0, le=0xFFFFFFFF)] = 0
    """The first of the four."""
    bus: Annotated[Hexadecimal, Field(ge=0, le=0xFF)]
    """The number in front of the colon."""
    slot: Annotated[Hexadecimal, Field(ge=0, le=0x1F)]
    """The number in front of the dot."""
    function: Annotated[Hexadecimal, Field(ge=0, le=7)] = 0
    """The number behind the dot."""

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"


class HostdevDriver(Short):
    """What holds the device on the host while the guest has it."""

    short_for: ClassVar[str] = "name"
    name: Literal["vfio"] = "vfio"
    """The only one there is."""
    model: str | None = None
    """A variant of vfio-pci that is made for this card."""


class PciHostdev(Model):
    """One function of a card. A guest can only be given all functions of an IOMMU group."""

    type: Literal["pci"]
    """What kind of device it is."""
    mode: Literal["subsystem"] = "subsystem"
    """The only one that QEMU has."""
    managed: YesNo = "yes"
    """Have libvirt bind the driver; its session daemon has no right to."""
    source: PciAddress
    """Where it is, as lspci says: `0000:01:00.1`."""
    driver: HostdevDriver | None = None
    rom: Rom | None = None
    boot: BootOrder | None = None
    """When firmware tries it."""
    display: OnOff | None = None
    """Show what the card draws."""
    ramfb: OnOff | None = None
    """Let firmware draw, before the card's driver does."""


class UsbSource(Model):
    """By what it is (vendor and product), by where it is plugged in (bus and device), or both."""

    vendor: UsbId | None = None
    """The maker's id, as lsusb says."""
    product: UsbId | None = None
    """The model's id."""
    bus: Annotated[Number, Field(ge=0, le=0xFFF)] | None = None
    """The bus that it is plugged into."""
    device: Annotated[Number, Field(ge=0, le=0xFFF)] | None = None
    """Its number there."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = None
    """What it means that the device is missing."""
    guest_reset: Literal["off", "uninitialized", "on"] | None = None
    """When the guest may reset it."""

    @model_validator(mode="after")
    def _names_a_device(self) -> Self:
        by_product = (self.vendor is None, self.product is None)
        by_place = (self.bus is None, self.device is None)
        if len(set(by_product)) > 1 or len(set(by_place)) > 1 or (by_product[0] and by_place[0]):
            raise ValueError("needs vendor and product, or bus and device")
        return self


class UsbHostdev(Model):
    """A USB device."""

    type: Literal["usb"]
    """What kind of device it is."""
    mode: Literal["subsystem"] = "subsystem"
    """The only one that QEMU has."""
    managed: YesNo | None = None
    """As libvirt has it; no matter for USB."""
    source: UsbSource
    """Which device it is."""
    boot: BootOrder | None = None
    """When firmware tries it."""


class IscsiHost(Model):
    """An iSCSI server."""

    name: str
    """Its name or address."""
    port: Port | None = None
    """Its port; 3260 where it is not given."""


class ScsiSource(Model):
    """A disk of one of the host's adapters, or of an iSCSI target."""

    adapter: str | None = Field(default=None, pattern=r"^scsi_host\d+$")
    """The host's adapter, such as scsi_host0."""
    bus: Index | None = None
    """Its bus."""
    target: Index | None = None
    """The target on the bus."""
    unit: Index | None = None
    """The unit of the target."""
    name: str | None = None
    """The iSCSI target's name."""
    host: IscsiHost | None = None
    """The iSCSI server."""
    initiator: str | None = None
    """What the iSCSI server knows us by."""

    @model_validator(mode="after")
    def _names_a_device(self) -> Self:
        local = {"adapter", "bus", "target", "unit"}
        remote = {"name", "host"}
        written = {key for key in local | remote if getattr(self, key) is not None}
        if written not in (local, remote):
            raise ValueError("needs adapter, bus, target and unit; or name and host of iSCSI")
        if self.initiator and written == local:
            raise ValueError("initiator belongs to iSCSI")
        return self


class ScsiHostdev(Model):
    """A SCSI device."""

    type: Literal["scsi"]
    """What kind of device it is."""
    mode: Literal["subsystem"] = "subsystem"
    """The only one that QEMU has."""
    managed: YesNo | None = None
    """As libvirt has it; no matter for SCSI."""
    source: ScsiSource
    """Which device it is."""
    rawio: YesNo | None = None
    """Let the guest send every command."""
    readonly: Switch = False
    """The guest cannot write to it."""
    shareable: Switch = False
    """Other machines may have it at the same time."""
    boot: BootOrder | None = None
    """When firmware tries it."""


class MediatedSource(Short):
    """The slice's UUID."""

    short_for: ClassVar[str] = "uuid"
    uuid: Uuid


class MediatedHostdev(Model):
    """A slice of a card that its driver on the host has made."""

    type: Literal["mdev"]
    """What kind of device it is."""
    mode: Literal["subsystem"] = "subsystem"
    """The only one that QEMU has."""
    managed: YesNo | None = None
    """As libvirt has it; no matter for a slice."""
    model: Literal["vfio-pci"] = "vfio-pci"
    """The only one there is."""
    source: MediatedSource
    """The slice's UUID."""
    display: OnOff | None = None
    """Show what the slice draws."""
    ramfb: OnOff | None = None
    """Let firmware draw, before the slice's driver does."""


Hostdev = Annotated[
    PciHostdev | UsbHostdev | ScsiHostdev | MediatedHostdev, Field(discriminator="type")
]
