"""How a guest says that it no longer is well: watchdogs and panic devices."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import device


def render_watchdogs(machine: ResolvedMachine) -> list[str]:
    words = []
    for watchdog in machine.libvirt.devices.watchdog:
        if watchdog.model == "itco":
            # The chip is part of q35, with a strap that keeps it from resetting anything.
            words += ["-global", "ICH9-LPC.noreboot=off"]
        else:
            words += device(watchdog.model, {})
    actions = [one.action for one in machine.libvirt.devices.watchdog if one.action]
    return [*words, "-action", f"watchdog={actions[0]}"] if actions else words


def render_panic(machine: ResolvedMachine) -> list[str]:
    """Hyper-V's way of saying it is a flag of the CPU."""
    drivers = {"isa": "pvpanic", "pvpanic": "pvpanic-pci"}
    words = []
    for panic in machine.libvirt.devices.panic:
        if driver := drivers.get(panic.model or ""):
            words += device(driver, {})
    return words
