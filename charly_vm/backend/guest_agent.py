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
LONGEST_ANSWER = 64 * 1024**2
"""Bytes. The agent itself keeps 16 MiB of each output of a command, which base64 makes longer."""
MOST_WORDS = 500
MARK = b"\xff"
"""Before it the agent forgets what it was told so far, and behind it comes its answer; no UTF-8
has this byte."""


def ask_agent(
    path: Path,
    command: str,
    arguments: Mapping[str, object] | None = None,
    *,
    patience: float = SYNC_SECONDS,
    seconds: float | None = None,
) -> Any:
    """What the agent behind a socket returns for a command; `patience` (seconds) is for its first
    word, `seconds` for the command. Raises `GuestError`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            agent = _Agent(channel)
            limit = COMMAND_SECONDS if seconds is None else seconds
            agent.connect(path, Deadline(min(patience, limit)))
            return agent.execute(command, arguments, Deadline(limit))
    except OSError as error:
        reason = "it is silent" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise GuestError(
            f"the guest agent does not answer {command}: {reason}",
            hint="install qemu-guest-agent in the guest and have it running",
        ) from error


class _Agent:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._unread = bytearray()

    def connect(self, path: Path, deadline: Deadline) -> None:
        self._channel.settimeout(deadline.seconds)
        self._channel.connect(str(path))
        number = secrets.randbits(31)
        self._send("guest-sync-delimited", {"id": number}, before=MARK)
        while True:
            self._read_until(MARK, deadline)
            if self._answer(deadline).get("return") == number:
                return

    def execute(
        self, command: str, arguments: Mapping[str, object] | None, deadline: Deadline
    ) -> Any:
        self._channel.settimeout(max(deadline.remaining(), 0.001))
        self._send(command, arguments)
        answer = self._answer(deadline)
        if "error" in answer:
            error = answer["error"]
            reason = error.get("desc") if isinstance(error, dict) else error
            raise GuestError(f"the guest agent refused {command}: {str(reason)[:MOST_WORDS]}")
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
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            shown = bytes(line[:80])
            raise GuestError(f"the guest agent answers with what is no JSON object: {shown!r}")
        return answer

    def _read_until(self, end: bytes, deadline: Deadline) -> bytearray:
        """What comes before one byte, which is taken as well."""
        seen = 0
        while (at := self._unread.find(end, seen)) < 0:
            seen = len(self._unread)
            if seen > LONGEST_ANSWER:
                raise GuestError(
                    f"the guest agent's answer has no end within {LONGEST_ANSWER // 1024**2} MiB"
                )
            self._channel.settimeout(max(deadline.remaining(), 0.001))
            received = self._channel.recv(65536)
            if not received:
                raise ConnectionResetError(0, "the channel was closed")
            if deadline.passed:
                # One that says something now and again would be listened to for ever.
                raise TimeoutError
            self._unread += received
        found = self._unread[:at]
        del self._unread[: at + 1]
        return found
