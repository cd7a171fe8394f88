"""A guest as a pytest-testinfra host: `host.file`, `host.package`, `host.service` and the rest, on
the connection that the guest already has. Import it where it is used: testinfra is slow to load."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from charly_vm.guest.ssh import DEFAULT_TIMEOUT, SshGuest


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


def make_testinfra_host(guest: SshGuest) -> Host:
    """A new host, which knows nothing yet: testinfra remembers what it finds out about a guest, so
    a rebuilt guest needs a new one. All that `SshGuest.run` raises comes through."""
    backend = GuestBackend(guest)
    host = Host(backend)
    backend.set_host(host)
    return host
