"""`<iommu>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.iommu import Iommu
from charly_vm.render.domain.element import add_given


def render_iommu(iommu: Iommu) -> ET.Element:
    element = ET.Element("iommu", model=iommu.model)
    if driver := iommu.driver:
        add_given(
            element,
            "driver",
            intremap=driver.intremap,
            caching_mode=driver.caching_mode,
            eim=driver.eim,
            iotlb=driver.iotlb,
            aw_bits=driver.aw_bits,
            dma_translation=driver.dma_translation,
        )
    return element
