"""One command to a domain's QEMU over its monitor, through libvirt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from charly_vm.backend.qmp import CommandRefused
from charly_vm.errors import HostError


def ask_monitor(found: Any, command: str, arguments: Mapping[str, object] | None = None) -> Any:
    """What QEMU returns for a command. Raises `CommandRefused`, `HostError`, libvirt's error."""
    import libvirt_qemu

    message = json.dumps({"execute": command, "arguments": dict(arguments or {})})
    said = libvirt_qemu.qemuMonitorCommand(found, message, 0)
    # QEMU's own answer, which libvirt hands on as it is.
    try:
        answer = json.loads(said)
        if "error" in answer:
            raise CommandRefused(f"QEMU refused {command}: {answer['error']['desc']}")
        return answer["return"]
    except (ValueError, LookupError, TypeError) as error:
        raise HostError(f"QEMU's answer to {command} is odd: {error!r}") from error
