"""A few words with the guest agent of a machine on the qemu backend, over its channel.

The protocol is in QEMU's documentation (interop/qemu-ga): JSON objects, one per line. A client
before us may have left half a command or an answer that it did not read; `guest-sync-delimited`
gets past both.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.host.waiting import Deadline

SYNC_SECONDS = 5.0
"""An agent that is there answers at once; without one the channel is mute."""
COMMAND_SECONDS = 60.0
"""A guest with much to write takes a while to bring its file systems to rest."""
MARK = b"\xff"
"""Before it the agent forgets what it was told so far, and behind it comes its answer; no UTF-8
has this byte."""


def ask_agent(
    path: Path,
    command: str,
    arguments: Mapping[str, object] | None = None,
    *,
    patience: float = SYNC_SECONDS,
) -> Any:
    """What the agent behind a socket returns for a command; `patience` (seconds) is for its first
    word. Raises `GuestError`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            agent = _Agent(channel)
            agent.connect(path, Deadline(patience))
            return agent.execute(command, arguments)
    except OSError as error:
        reason = "it is silent" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise GuestError(
            f"the guest agent does not answer {command}: {reason}",
            hint="install qemu-guest-agent in the guest and have it running",
        ) from error


class _Agent:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._unread = b""

    def connect(self, path: Path, deadline: Deadline) -> None:
        self._channel.settimeout(deadline.seconds)
        self._channel.connect(str(path))
        number = secrets.randbits(31)
        self._send("guest-sync-delimited", {"id": number}, before=MARK)
        while True:
            self._read_until(MARK, deadline)
            if self._answer(deadline).get("return") == number:
                return

    def execute(self, command: str, arguments: Mapping[str, object] | None) -> Any:
        self._send(command, arguments)
        answer = self._answer(Deadline(COMMAND_SECONDS))
        if "error" in answer:
            raise GuestError(f"the guest agent refused {command}: {answer['error'].get('desc')}")
        return answer.get("return")

    def _send(
        self, command: str, arguments: Mapping[str, object] | None = None, *, before: bytes = b""
    ) -> None:
        message: dict[str, object] = {"execute": command}
        if arguments:
            message["arguments"] = dict(arguments)
        self._channel.sendall(before + json.dumps(message).encode() + b"\n")

    def _answer(self, deadline: Deadline) -> dict[str, Any]:
        line = self._read_until(b"\n", deadline)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise GuestError(f"the guest agent answers with what is no JSON object: {line[:80]!r}")
        return answer

    def _read_until(self, end: bytes, deadline: Deadline) -> bytes:
        while end not in self._unread:
            self._channel.settimeout(max(deadline.remaining(), 0.001))
            received = self._channel.recv(65536)
            if not received:
                raise ConnectionResetError(0, "the channel was closed")
            self._unread += received
        found, _, self._unread = self._unread.partition(end)
        return found
