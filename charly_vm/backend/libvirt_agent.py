"""A few words with the guest agent of a machine on the libvirt backend, through libvirt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.errors import GuestError

ANSWER_SECONDS = 5
"""An agent that is there answers at once."""


def ask_agent(
    found: Any, command: str, arguments: Mapping[str, object], *, seconds: float | None = None
) -> Any:
    """What the agent of a libvirt domain returns for a command. Raises `GuestError`."""
    import libvirt_qemu

    libvirt = import_libvirt()
    message = json.dumps({"execute": command, "arguments": dict(arguments)})
    try:
        # Whole seconds, of which 0 would mean none at all.
        patience = ANSWER_SECONDS if seconds is None else max(1, round(seconds))
        answer = libvirt_qemu.qemuAgentCommand(found, message, patience, 0)
    except libvirt.libvirtError as error:
        raise GuestError(
            f"the guest agent does not answer {command}: {error}",
            hint="install qemu-guest-agent in the guest and have it running",
        ) from error
    try:
        return json.loads(answer)["return"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise GuestError(f"the guest agent's answer to {command} is odd: {error!r}") from error
