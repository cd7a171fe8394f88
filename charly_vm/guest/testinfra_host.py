"""A guest as a pytest-testinfra host: `host.file`, `host.package`, `host.service` and the rest, on
the connection that the guest already has. Import it where it is used: testinfra is slow to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from charly_vm.guest.ssh import DEFAULT_TIMEOUT, SshGuest
from charly_vm.guest.waits import SECONDS, Waits

T = TypeVar("T")


class GuestBackend(BaseBackend):  # type: ignore[misc]  # testinfra comes without types
    """What testinfra needs of a connection."""

    NAME = "charly"

    def __init__(self, guest: SshGuest) -> None:
        super().__init__(guest.name)
        self.guest = guest

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run a command, `args` quoted into it; `timeout` (seconds) as in `SshGuest.run`."""
        text = self.get_command(command, *args)
        result = self.guest.run(text, timeout=kwargs.get("timeout", DEFAULT_TIMEOUT))
        return self.result(result.status, text.encode(), result.stdout, result.stderr)

    def get_encoding(self) -> str:
        # testinfra would start Python in the guest to find out.
        return "UTF-8"

    def decode(self, data: bytes) -> str:
        # A check should see odd bytes in its comparison, not a UnicodeDecodeError in our code.
        return data.decode("utf-8", "replace")


class GuestHost(Host):  # type: ignore[misc]  # testinfra comes without types
    """All of testinfra's host, and what only a machine that boots needs: waiting."""

    def __init__(self, backend: GuestBackend) -> None:
        super().__init__(backend)
        self._guest = backend.guest
        self._waits = Waits(backend.guest)

    def succeed(self, *commands: str, timeout: float = DEFAULT_TIMEOUT) -> str:
        """Run shell commands one after the other, each of which has to end with status 0; returns
        what they wrote to standard output. Raises `AssertionError` with the status and both
        streams of the first that does not."""
        said = []
        for command in commands:
            result = self._guest.run(command, timeout=timeout)
            assert result.status == 0, (
                f"{command!r} ended with status {result.status}\n"
                f"{result.stdout_text}{result.stderr_text}"
            )
            said.append(result.stdout_text)
        return "".join(said)

    def wait_for_unit(self, unit: str, timeout: float = SECONDS) -> None:
        """Wait until a systemd unit is active; at most `timeout` seconds. Fails at once where the
        unit has failed, is unknown, is masked, or is inactive with nothing to start it."""
        self._waits.for_unit(unit, timeout=timeout)

    def wait_for_port(self, port: int, timeout: float = SECONDS) -> None:
        """Wait until something in the guest listens on a TCP port."""
        self._waits.for_port(port, timeout=timeout)

    def wait_for_file(self, path: str, timeout: float = SECONDS) -> None:
        """Wait until a path is there."""
        self._waits.for_file(path, timeout=timeout)

    def wait_until(self, what: str, holds: Callable[[], T], timeout: float = SECONDS) -> T:
        """Wait until `holds()` is true, and return what it returned. `what` is for the message:
        `guest.wait_until("the queue to drain", lambda: guest.succeed("queue") == "")`."""
        return self._waits.until(what, holds, timeout=timeout)


def make_testinfra_host(guest: SshGuest) -> GuestHost:
    """A new host, which knows nothing yet: testinfra remembers what it finds out about a guest, so
    a rebuilt guest needs a new one. All that `SshGuest.run` raises comes through."""
    backend = GuestBackend(guest)
    host = GuestHost(backend)
    backend.set_host(host)
    return host
