"""One SSH connection to a guest, kept while it lives and made anew when it is lost.

Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio

import asyncssh

from charly_vm.errors import GuestError, HostError
from charly_vm.guest.address import GuestUnreachable, SshAddress
from charly_vm.guest.dial import open_answering_socket
from charly_vm.host.files import explain_os_errors
from charly_vm.host.waiting import Deadline

HANDSHAKE_SECONDS = 30.0
"""A key exchange takes a guest about 1 s under TCG when it has nothing else to do."""
KEEPALIVE_SECONDS = 2.0
KEEPALIVE_COUNT = 5
"""So many unanswered in a row and the guest counts as gone, 12 s after it last said something."""
COMMANDS_AT_ONCE = 8
ENDINGS_AT_ONCE = 2
"""Together sshd's default MaxSessions, 10: to end a command takes a session too."""


class Connection:
    """The connection, and the turns that commands take on it."""

    def __init__(self, address: SshAddress) -> None:
        self.address = address
        self.commands = asyncio.Semaphore(COMMANDS_AT_ONCE)
        self.endings = asyncio.Semaphore(ENDINGS_AT_ONCE)
        self._dialling = asyncio.Lock()
        self._live: asyncssh.SSHClientConnection | None = None

    async def open(self, deadline: Deadline, patience: float) -> asyncssh.SSHClientConnection:
        """The live connection, or a new one where there is none; `patience` (seconds) is for the
        server's first word, the login after it has its own time.

        Raises `GuestUnreachable` where there may yet be one later, `GuestError` where another
        host key answers, `HostError` where our own key files cannot be read.
        """
        try:
            async with asyncio.timeout(deadline.remaining()):
                await self._dialling.acquire()
        except TimeoutError:
            seen = "another attempt to connect is still under way"
            raise GuestUnreachable(self.address, seen) from None
        try:
            if self._live is None or self._live.is_closed():
                self._live = await self._connect(deadline, patience)
            return self._live
        finally:
            self._dialling.release()

    async def close(self) -> None:
        """Drop the connection; the next `open` makes a new one."""
        live, self._live = self._live, None
        if live is not None and not live.is_closed():
            live.close()
            try:
                async with asyncio.timeout(KEEPALIVE_SECONDS):
                    await live.wait_closed()
            except TimeoutError:
                live.abort()

    async def _connect(self, deadline: Deadline, patience: float) -> asyncssh.SSHClientConnection:
        key, known_hosts = self._read_keys()
        connected = await open_answering_socket(self.address, deadline.remaining(patience))
        try:
            async with asyncio.timeout(deadline.remaining(HANDSHAKE_SECONDS)):
                return await asyncssh.connect(
                    self.address.host,
                    self.address.port,
                    sock=connected,
                    config=None,
                    agent_path=None,
                    username=self.address.user,
                    client_keys=[key],
                    preferred_auth="publickey",
                    # By the name alone: for a socket's path asyncssh has no address.
                    known_hosts=lambda host, _, port: known_hosts.match(host, "", port),
                    host_key_alias=self.address.name,
                    keepalive_interval=KEEPALIVE_SECONDS,
                    keepalive_count_max=KEEPALIVE_COUNT,
                    login_timeout=0,
                )
        except asyncssh.HostKeyNotVerifiable:
            if not self.address.found:
                raise self._wrong_host_key() from None
            seen = f"another host's key on {self.address.place}, which is no longer the guest's"
        except asyncssh.PermissionDenied:
            seen = f"permission denied for {self.address.user}"
        except TimeoutError:
            seen = "an SSH banner, and then no login in time"
        except (OSError, asyncssh.Error) as error:
            seen = f"an SSH banner, then: {error}"
        raise GuestUnreachable(self.address, seen, rejected=True)

    def _read_keys(self) -> tuple[asyncssh.SSHKey, asyncssh.SSHKnownHosts]:
        key, known_hosts = self.address.key, self.address.known_hosts
        try:
            with explain_os_errors(f"read {key}"):
                private = asyncssh.read_private_key(key)
            with explain_os_errors(f"read {known_hosts}"):
                return private, asyncssh.read_known_hosts(str(known_hosts))
        except asyncssh.KeyImportError as error:
            raise HostError(f"{key} is no SSH key that can be used: {error}") from error
        except ValueError as error:
            raise HostError(f"{known_hosts} cannot be used: {error}") from error

    def _wrong_host_key(self) -> GuestError:
        return GuestError(
            f"what answers on {self.address.place} is not {self.address.name}: its SSH host "
            f"key is not the one in {self.address.known_hosts}",
            hint="another program may have taken the port, or the guest has made a host key of its "
            "own instead of the one in its seed",
        )
