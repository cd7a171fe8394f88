"""`<driver>` of virtio devices."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.values import VirtioOptions
from charly_vm.render.domain.element import add_given, attributes_given


def virtio_attributes(options: VirtioOptions | None) -> dict[str, str]:
    if options is None:
        return {}
    return attributes_given(
        iommu=options.iommu,
        ats=options.ats,
        packed=options.packed,
        page_per_vq=options.page_per_vq,
    )


def add_virtio_driver(device: ET.Element, options: VirtioOptions | None) -> None:
    add_given(device, "driver", **virtio_attributes(options))
