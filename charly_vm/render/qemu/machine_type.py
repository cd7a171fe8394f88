"""`-machine` and `-accel`: the board, its switches, and what executes the guest's code."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.iommu import remaps_interrupts
from charly_vm.render.qemu.memory import MAIN, has_main_backend
from charly_vm.render.qemu.option import Value, option, switch


def render_machine_type(machine: ResolvedMachine) -> list[str]:
    features, backing = machine.libvirt.features, machine.libvirt.memory_backing
    iommu = machine.libvirt.devices.iommu
    properties: dict[str, Value] = {
        "acpi": None if features.acpi else False,
        "smm": True if machine.firmware.smm else switch(features.smm),
        "vmport": switch(features.vmport),
        "mem-merge": False if backing is not None and backing.nosharepages else None,
        "memory-backend": MAIN if has_main_backend(machine) else None,
        "iommu": "smmuv3" if iommu is not None and iommu.model == "smmuv3" else None,
        "pcspk-audiodev": _speaker(machine),
        # The interrupt controller that `virt` has of itself under TCG serves eight CPUs.
        "gic-version": "max" if machine.architecture == "aarch64" and machine.cpus > 8 else None,
    }
    for timer in machine.libvirt.clock.timers:
        if timer.name in ("pit", "hpet"):
            properties[timer.name] = switch(timer.present)
    return ["-machine", option(machine.machine, properties)]


def render_accelerator(machine: ResolvedMachine) -> list[str]:
    if machine.accelerator == "tcg":
        # One host thread per guest CPU. It cannot be said together with `-machine accel=`.
        return ["-accel", "tcg,thread=multi"]
    kvm = machine.libvirt.features.kvm
    properties: dict[str, Value] = {
        "dirty-ring-size": kvm.dirty_ring_size if kvm else None,
        # Interrupts can be remapped only where the I/O APIC is QEMU's own.
        "kernel-irqchip": "split" if remaps_interrupts(machine) else None,
    }
    return ["-accel", option(machine.accelerator, properties)]


def _speaker(machine: ResolvedMachine) -> str | None:
    """Where the PC speaker, which is part of the board, is heard."""
    devices = machine.libvirt.devices
    speaker = next((one for one in devices.sound if one.model == "pcspk"), None)
    if speaker is None or not devices.audio:
        return None
    return f"audio{speaker.audio or devices.audio[0].id}"
