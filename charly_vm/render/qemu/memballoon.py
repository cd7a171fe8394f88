"""The balloon, through which the host takes memory back; a machine has none unless asked."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, device, switch
from charly_vm.render.qemu.virtio import virtio_device, virtio_options


def render_memballoon(machine: ResolvedMachine) -> list[str]:
    balloon = machine.libvirt.devices.memballoon
    if balloon is None or balloon.model == "none":
        return []
    properties: dict[str, Value] = {
        "deflate-on-oom": switch(balloon.autodeflate),
        "free-page-reporting": switch(balloon.free_page_reporting),
        "guest-stats-polling-interval": balloon.stats.period if balloon.stats else None,
        **virtio_options(balloon.driver, balloon.model),
    }
    return device(virtio_device("virtio-balloon", balloon.model), properties)
