"""A few words with the guest agent of a machine on the libvirt backend, through libvirt."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_monitor import ask_monitor
from charly_vm.errors import GuestError, GuestTimeout
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.libvirt.devices.channel import GUEST_AGENT

ANSWER_SECONDS = 5
"""An agent that is there answers at once."""
LONGEST_MESSAGE = 160 * 1024
"""Bytes. libvirt writes to a socket that does not block, and of a message that does not fit into
its buffer (208 KiB, net.core.wmem_default) the beginning is sent twice: seen with 9.0, whose agent
then is "not available" until it is started again."""
CATCH_UP_SECONDS = 5
"""For an event that QEMU has sent already; libvirt takes milliseconds."""


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


def catch_up(found: Any) -> None:
    """Wait until libvirt knows of an agent that came with the memory of a running domain.

    QEMU tells only once the guest runs that its agent has the channel open, and libvirt, which
    sees to that beside its other work, says until then that no agent is connected. Where there is
    no agent, or libvirt does not learn of it, nothing is waited for that the next question to the
    agent would not tell better.
    """
    channel = _find_channel(found)
    if channel is None or not _is_open(found, channel):
        return

    def probe() -> bool | NotYet:
        now = _find_channel(found)
        return now is None or _state(now) == "connected" or NotYet(_state(now))

    with suppress(GuestTimeout):
        wait_for("libvirt to connect to the guest agent", probe, Deadline(CATCH_UP_SECONDS))


def _find_channel(found: Any) -> ET.Element | None:
    for channel in ET.fromstring(found.XMLDesc(0)).findall("devices/channel"):
        target = channel.find("target")
        if target is not None and target.get("name") == GUEST_AGENT:
            return channel
    return None


def _state(channel: ET.Element) -> str:
    target = channel.find("target")
    return "" if target is None else target.get("state", "")


def _is_open(found: Any, channel: ET.Element) -> bool:
    """Whether a program in the guest has the port open, as QEMU sees it."""
    alias = channel.find("alias")
    label = f"char{'' if alias is None else alias.get('name', '')}"
    ends = ask_monitor(found, "query-chardev")
    return any(end["label"] == label and end["frontend-open"] for end in ends)
