"""What libvirt 9.0 is told not to know is what it refuses, as `tests/render` shows."""

from __future__ import annotations

import pytest
from device_machines import DEVICE_MACHINES, SINCE

from charly_vm.model.libvirt.old_libvirt import find_too_new

ONLY_PASST = "interfaces-passt"
"""That is chosen by what libvirt says of itself."""


@pytest.mark.parametrize("name", DEVICE_MACHINES)
def test_an_old_libvirt_is_not_given_what_it_does_not_know(name: str) -> None:
    devices = DEVICE_MACHINES[name].libvirt.devices
    assert bool(find_too_new(devices, (9, 0, 0))) == (name in SINCE and name != ONLY_PASST)
    assert find_too_new(devices, (11, 3, 0)) == []


def test_it_is_said_which_key_and_which_libvirt() -> None:
    devices = DEVICE_MACHINES["tpm-emulator-state"].libvirt.devices
    assert find_too_new(devices, (9, 0, 0)) == [
        "devices.tpm.backend.debug is too new for libvirt 9.0.0; 11.3 knows it",
        "devices.tpm.backend.profile is too new for libvirt 9.0.0; 11.3 knows it",
        "devices.tpm.backend.source of an emulator is too new for libvirt 9.0.0; 11.3 knows it",
    ]
