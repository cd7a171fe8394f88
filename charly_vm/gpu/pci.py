"""PCI functions as sysfs describes them: what they are, who drives them, and with whom they share
an IOMMU group."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
"""An address as the kernel writes it: domain, bus, slot and function."""

# Class codes are PCI's: base class, subclass, programming interface.
_DISPLAY = 0x03
_BRIDGE = 0x06
_AUDIO = 0x0403


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a PCI device, as it was a moment ago."""

    address: str
    """`0000:01:00.0`."""
    vendor: int
    device: int
    pci_class: int
    """All 24 bits: 0x030000 is a VGA controller."""
    driver: str = ""
    """Empty where there is no driver link. While a driver is being removed there is none either:
    no link does not mean that nothing holds the device."""
    group: int | None = None
    """Its IOMMU group; None where no IOMMU translates for it."""
    boot_display: bool = False
    """Whether firmware drew on it."""
    physical: str = ""
    """Of a virtual function (SR-IOV), the one that it belongs to."""
    virtual: int = 0
    """How many virtual functions are enabled on it."""

    @property
    def is_display(self) -> bool:
        return self.pci_class >> 16 == _DISPLAY

    @property
    def is_audio(self) -> bool:
        return self.pci_class >> 8 == _AUDIO

    @property
    def is_bridge(self) -> bool:
        """Bridges stay with the kernel: a group is viable with them."""
        return self.pci_class >> 16 == _BRIDGE

    @property
    def slot(self) -> str:
        """The address without the function: what is one card."""
        return self.address.rpartition(".")[0]
