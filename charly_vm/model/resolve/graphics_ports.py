"""Ports for screens that are served on one which nobody has written down.

libvirt chooses them itself when a domain starts. QEMU alone chooses none for SPICE, and nobody
would learn which it took for VNC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.graphics import Graphics

SERVERS = ("vnc", "spice")


def count_open_ports(devices: Devices) -> int:
    """How many ports there are to choose."""
    return sum(map(_is_open, devices.graphics))


def fill_in_ports(devices: Devices, ports: Iterable[int]) -> Devices:
    """The devices with one of `ports` for each that is open; there have to be enough."""
    graphics = tuple(_with_port(devices.graphics, iter(ports)))
    return devices.model_copy(update={"graphics": graphics})


def _with_port(graphics: Iterable[Graphics], ports: Iterator[int]) -> Iterator[Graphics]:
    for one in graphics:
        if _is_open(one):
            yield one.model_copy(update={"port": next(ports), "autoport": "no"})
        else:
            yield one


def _is_open(graphics: Graphics) -> bool:
    written = (graphics.port or 0) > 0 and graphics.autoport != "yes"
    on_socket = any(one.type == "socket" for one in graphics.listen)
    return graphics.type in SERVERS and not written and not on_socket
