"""Sources of randomness: every machine has one, so that its first SSH key does not wait."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.rng import Rng
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.character import KINDS, render_source
from charly_vm.render.qemu.option import Value, backend_object, device, option
from charly_vm.render.qemu.virtio import virtio_device, virtio_options

RATE_PERIOD = 1000
"""Milliseconds: what libvirt counts a rate in that says no period."""


def render_rng(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, rng in enumerate(machine.libvirt.devices.rng):
        name = f"charly-rng{number or ''}"
        properties: dict[str, Value] = {"rng": name, **virtio_options(rng.driver, rng.model)}
        if rng.rate is not None:
            properties["max-bytes"] = rng.rate.bytes
            properties["period"] = rng.rate.period or RATE_PERIOD
        words += _backend(name, rng)
        words += device(virtio_device("virtio-rng", rng.model), properties)
    return words


def _backend(name: str, rng: Rng) -> list[str]:
    backend = rng.backend
    source = backend.source
    match backend.model:
        case "builtin":
            return backend_object("rng-builtin", {"id": name})
        case "egd":
            kind = backend.type or ""
            chardev = f"{name}-daemon"
            properties: dict[str, Value] = {"id": chardev, **render_source(kind, source)}
            return [
                *("-chardev", option(KINDS.get(kind, kind), properties)),
                *backend_object("rng-egd", {"id": name, "chardev": chardev}),
            ]
    return backend_object("rng-random", {"id": name, "filename": source.path if source else None})
