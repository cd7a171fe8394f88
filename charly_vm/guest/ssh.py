"""A guest over SSH, for synchronous callers: any thread, one connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.errors import GuestError
from charly_vm.guest.address import GuestUnreachable, SshAddress
from charly_vm.guest.command import CommandResult, describe
from charly_vm.guest.transcript import Ended, Transcript
from charly_vm.host.loop import call
from charly_vm.host.waiting import Deadline
from charly_vm.model.protocols import AddressSearch

if TYPE_CHECKING:
    from charly_vm.guest.connection import Connection
    from charly_vm.guest.hop import Hop

DEFAULT_TIMEOUT = 120.0
CONNECT_PATIENCE = 10.0
"""Seconds for the first word of an SSH server that should be there."""
CLEAN_UP_SECONDS = 8.0
"""After Ctrl-C, for ending the command in the guest; see `running.END_SECONDS`."""


class SshGuest:
    """A guest behind an SSH server: on a port of 127.0.0.1, or where `locate` finds it.

    The connection is made when it is first needed, kept, and made anew after it was lost. Up to
    eight commands run at the same time; further ones wait for their turn. With a `hop` that host's
    127.0.0.1, or its way to the guest, is meant.
    """

    def __init__(
        self,
        *,
        name: str,
        port: int,
        user: str,
        key: Path,
        known_hosts: Path,
        locate: Callable[[], AddressSearch] | None = None,
        hop: Hop | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.address = SshAddress(name, port, user, key, known_hosts)
        self.host = "" if locate else self.address.host
        """Where it is, or was last looked for; empty where nobody knows."""
        self._locate = locate
        self._hop = hop
        self._transcript = transcript
        self._attempts = 0
        self._lock = threading.Lock()
        self._made: Connection | None = None

    def __repr__(self) -> str:
        return f"<SshGuest {self.address.user}@{self.address.name} port {self.address.port}>"

    @property
    def name(self) -> str:
        return self.address.name

    def run(
        self,
        command: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        stdin: bytes | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        on_stderr: Callable[[bytes], None] | None = None,
        check: bool = False,
        recorded: bool = True,
    ) -> CommandResult:
        """Run a command with the guest's `sh`, whatever the account's login shell is.

        Both streams are in the result whole; the callbacks get them as they come, on the event
        loop's thread, so they have to be quick and must not use the guest. `timeout` (seconds)
        covers everything, from the connection to the last byte. When it has passed, or on Ctrl-C,
        the command and what it started are ended in the guest, which takes up to 7 s where the
        guest does not answer; a daemon that made a session of its own stays. `recorded` is whether
        the transcript, where there is one, tells of it.

        Raises `GuestTimeout` with the end of what was said as `seen`, `GuestUnreachable` as soon
        as there is no connection, and with `check` a `GuestError` when the status is not 0.
        """
        with self.recording(command) if recorded else nullcontext(_untold) as ended:
            result = self._run(Deadline(timeout), command, stdin, on_stdout, on_stderr)
            ended(result.status, result.stdout, result.stderr)
        if check and result.status != 0:
            error = GuestError(f"{describe(command)} failed in {self.name} ({result.explain()})")
            error.add_excerpt("it said", result.stderr_text or result.stdout_text)
            raise error
        return result

    def recording(self, command: str) -> AbstractContextManager[Ended]:
        """A command that is run in the block by other means than `run`, for the transcript."""
        return self._transcript.recording(command) if self._transcript else nullcontext(_untold)

    def connect(self, deadline: Deadline, *, patience: float = CONNECT_PATIENCE) -> None:
        """Make the connection where there is none, in one attempt; `patience` (seconds) is for the
        server's first word, the login after it has its own time. Raises `GuestUnreachable`."""
        with self.reached(deadline) as connection:
            call(connection.open(deadline, patience))

    def close(self) -> None:
        """Drop the connection. The next use makes a new one."""
        with self._lock:
            connection, self._made = self._made, None
            hop = self._hop
        if connection is not None:
            call(connection.close())
        if hop is not None:
            hop.close()

    @contextmanager
    def reached(self, deadline: Deadline) -> Iterator[Connection]:
        """The connection, which need not be open. One that has led nowhere is looked for anew."""
        from charly_vm.guest.connection import Connection

        with self._lock:
            if self._made is None:
                self._made = Connection(self._find_way(deadline))
            connection = self._made
        try:
            yield connection
        except GuestUnreachable:
            with self._lock:
                if self._made is connection and (self._locate or self._hop):
                    self._made = None
                    self._attempts += 1
            raise

    def _run(
        self,
        deadline: Deadline,
        command: str,
        stdin: bytes | None,
        on_stdout: Callable[[bytes], None] | None,
        on_stderr: Callable[[bytes], None] | None,
    ) -> CommandResult:
        from charly_vm.guest.running import run_command

        with self.reached(deadline) as connection:
            return call(
                run_command(
                    connection,
                    command,
                    deadline,
                    stdin=stdin,
                    on_stdout=on_stdout,
                    on_stderr=on_stderr,
                ),
                grace=CLEAN_UP_SECONDS,
            )

    def _find_way(self, deadline: Deadline) -> SshAddress:
        """The address with the host and the socket filled in that lead there now."""
        address = self.address
        if self._locate is not None:
            search = self._locate()
            if not search.found:
                raise GuestUnreachable(address, search.seen)
            # Some may be of an earlier lease: each gets its turn.
            host = search.found[self._attempts % len(search.found)]
            self.host = host
            address = replace(address, host=host, found=True)
        if self._hop is not None:
            local = self._hop.open(address.host, address.port, deadline)
            address = replace(address, local=local)
        return address


def _untold(status: int, stdout: bytes, stderr: bytes) -> None:
    """How a command ended, where nobody keeps a transcript."""
