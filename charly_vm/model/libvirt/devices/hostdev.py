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
    bus: Annotated[Hexadecimal, Field(ge=0, le=0xFF)]
    slot: Annotated[Hexadecimal, Field(ge=0, le=0x1F)]
    function: Annotated[Hexadecimal, Field(ge=0, le=7)] = 0

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"


class HostdevDriver(Short):
    """What holds the device on the host while the guest has it."""

    short_for: ClassVar[str] = "name"
    name: Literal["vfio"] = "vfio"
    model: str | None = None
    """A variant of vfio-pci that is made for this card."""


class PciHostdev(Model):
    """One function of a card. A guest can only be given all functions of an IOMMU group."""

    type: Literal["pci"]
    mode: Literal["subsystem"] = "subsystem"
    managed: YesNo = "yes"
    """Have libvirt bind the driver; its session daemon has no right to."""
    source: PciAddress
    driver: HostdevDriver | None = None
    rom: Rom | None = None
    boot: BootOrder | None = None
    display: OnOff | None = None
    ramfb: OnOff | None = None


class UsbSource(Model):
    """By what it is (vendor and product), by where it is plugged in (bus and device), or both."""

    vendor: UsbId | None = None
    product: UsbId | None = None
    bus: Annotated[Number, Field(ge=0, le=0xFFF)] | None = None
    device: Annotated[Number, Field(ge=0, le=0xFFF)] | None = None
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = None
    """What it means that the device is missing."""
    guest_reset: Literal["off", "uninitialized", "on"] | None = None

    @model_validator(mode="after")
    def _names_a_device(self) -> Self:
        by_product = (self.vendor is None, self.product is None)
        by_place = (self.bus is None, self.device is None)
        if len(set(by_product)) > 1 or len(set(by_place)) > 1 or (by_product[0] and by_place[0]):
            raise ValueError("needs vendor and product, or bus and device")
        return self


class UsbHostdev(Model):
    type: Literal["usb"]
    mode: Literal["subsystem"] = "subsystem"
    managed: YesNo | None = None
    source: UsbSource
    boot: BootOrder | None = None


class IscsiHost(Model):
    name: str
    port: Port | None = None


class ScsiSource(Model):
    """A disk of one of the host's adapters, or of an iSCSI target."""

    adapter: str | None = Field(default=None, pattern=r"^scsi_host\d+$")
    bus: Index | None = None
    target: Index | None = None
    unit: Index | None = None
    name: str | None = None
    host: IscsiHost | None = None
    initiator: str | None = None

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
    type: Literal["scsi"]
    mode: Literal["subsystem"] = "subsystem"
    managed: YesNo | None = None
    source: ScsiSource
    rawio: YesNo | None = None
    readonly: Switch = False
    shareable: Switch = False
    boot: BootOrder | None = None


class MediatedSource(Short):
    short_for: ClassVar[str] = "uuid"
    uuid: Uuid


class MediatedHostdev(Model):
    """A slice of a card that its driver on the host has made."""

    type: Literal["mdev"]
    mode: Literal["subsystem"] = "subsystem"
    managed: YesNo | None = None
    model: Literal["vfio-pci"] = "vfio-pci"
    source: MediatedSource
    display: OnOff | None = None
    ramfb: OnOff | None = None


Hostdev = Annotated[
    PciHostdev | UsbHostdev | ScsiHostdev | MediatedHostdev, Field(discriminator="type")
]
