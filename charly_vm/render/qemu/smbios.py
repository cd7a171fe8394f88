"""`-smbios`: what the firmware tells the guest about its maker, and the OEM strings."""

from __future__ import annotations

from charly_vm.model.base import Model
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.sysinfo import render_processor_table
from charly_vm.render.qemu.option import Value, option


def render_smbios(machine: ResolvedMachine) -> list[str]:
    info = machine.libvirt.sysinfo
    # charly's own first: a guest that reads its credentials from them finds them soonest.
    strings = (*machine.oem_strings, *info.oem_strings)
    return [
        *_table(0, info.bios),
        *_table(1, info.system),
        *_table(2, info.baseboard),
        *_table(3, info.chassis),
        *render_processor_table(machine),
        *(["-smbios", option("type=11", {"value": strings})] if strings else []),
    ]


def _table(number: int, written: Model | None) -> list[str]:
    """One table; QEMU's names of the entries are the fields'."""
    values: dict[str, Value] = dict(written or ())
    return ["-smbios", option(f"type={number}", values)] if any(values.values()) else []
