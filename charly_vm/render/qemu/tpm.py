"""The host's own trusted platform module, given to the guest."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, device, option

DEFAULT_DEVICE = "/dev/tpm0"


def render_tpm(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, tpm in enumerate(machine.libvirt.devices.tpm, 1):
        name = f"tpm{number}"
        if tpm.backend.type != "passthrough":
            continue
        properties: dict[str, Value] = {"id": name, "path": tpm.backend.device or DEFAULT_DEVICE}
        words += ["-tpmdev", option("passthrough", properties)]
        words += device(tpm.model or "tpm-tis", {"tpmdev": name})
    return words
