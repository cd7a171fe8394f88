"""The UEFI firmware: its code and the machine's own variables, as two flash chips."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, option


def render_firmware(machine: ResolvedMachine) -> list[str]:
    """Nothing for a BIOS, which the emulator brings itself."""
    firmware = machine.firmware
    if not firmware.code:
        return []
    code: dict[str, Value] = {"format": firmware.format, "file": firmware.code, "readonly": "on"}
    variables: dict[str, Value] = {"format": firmware.format, "file": machine.paths.nvram}
    words = []
    if firmware.smm:
        # Only code in system management mode may write the variables: without it, whoever is
        # root in the guest could switch Secure Boot off.
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return [
        *words,
        *("-drive", option("if=pflash,unit=0", code)),
        *("-drive", option("if=pflash,unit=1", variables)),
    ]
