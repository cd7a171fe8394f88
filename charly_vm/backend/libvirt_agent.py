"""A few words with the guest agent of a machine on the libvirt backend, through libvirt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.errors import GuestError

ANSWER_SECONDS = 5
"""An agent that is there answers at once."""
LONGEST_MESSAGE = 160 * 1024
"""Bytes. libvirt writes to a socket that does not block, and of a message that does not fit into
its buffer (208 KiB, net.core.wmem_default) the beginning is sent twice: seen with 9.0, whose agent
then is "not available" until it is started again."""


def ask_agent(
    found: Any, command: str, arguments: Mapping[str, object], *, seconds: float | None = None
) -> Any:
    """What the agent of a libvirt domain returns for a command. Raises `GuestError`."""
    import libvirt_qemu

    libvirt = import_libvirt()
    message = json.dumps({"execute": command, "arguments": dict(arguments)})
    if len(message) > LONGEST_MESSAGE:
        raise GuestError(
            f"{command} is {len(message)} bytes long with its arguments, and libvirt brings no "
            f"more than {LONGEST_MESSAGE} to the guest agent unharmed",
            hint="pass less at once: `guest/write` carries a file of any length",
        )
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
