"""An IOMMU for the guest itself."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.iommu import IommuDriver
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import device, switch


def render_iommu(machine: ResolvedMachine) -> list[str]:
    """The device, which has to come before those that it translates for.

    ARM's smmuv3 is part of the board.
    """
    iommu = machine.libvirt.devices.iommu
    if iommu is None or iommu.model == "smmuv3":
        return []
    if iommu.model == "virtio":
        return device("virtio-iommu-pci", {})
    driver = iommu.driver or IommuDriver()
    return device(
        "intel-iommu",
        {
            "intremap": switch(driver.intremap),
            "caching-mode": switch(driver.caching_mode),
            "eim": switch(driver.eim),
            "device-iotlb": switch(driver.iotlb),
            "aw-bits": driver.aw_bits,
            "dma-translation": switch(driver.dma_translation),
        },
    )


def remaps_interrupts(machine: ResolvedMachine) -> bool:
    iommu = machine.libvirt.devices.iommu
    return bool(iommu and iommu.driver and iommu.driver.intremap == "on")
