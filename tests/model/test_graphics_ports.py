"""A screen that nobody gave a port gets one where QEMU would choose none."""

from __future__ import annotations

from typing import Any

import pytest

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.resolve.graphics_ports import count_open_ports, fill_in_ports


def devices(*graphics: dict[str, Any]) -> Devices:
    return Devices.model_validate({"graphics": list(graphics)})


@pytest.mark.parametrize(
    "graphics",
    [
        {"type": "spice"},
        {"type": "spice", "autoport": "yes", "listen": "127.0.0.1"},
        {"type": "vnc", "port": -1},
    ],
)
def test_an_open_port_is_filled_in(graphics: dict[str, Any]) -> None:
    wanted = devices(graphics)
    assert count_open_ports(wanted) == 1
    [filled] = fill_in_ports(wanted, (20001,)).graphics
    assert (filled.port, filled.autoport) == (20001, "no")


@pytest.mark.parametrize(
    "graphics",
    [
        {"type": "spice", "port": 5930},
        {"type": "vnc", "listen": "/run/vnc.sock"},
        {"type": "egl-headless"},
    ],
)
def test_what_has_its_place_keeps_it(graphics: dict[str, Any]) -> None:
    wanted = devices(graphics)
    assert count_open_ports(wanted) == 0
    assert fill_in_ports(wanted, ()) == wanted
