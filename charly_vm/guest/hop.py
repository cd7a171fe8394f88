"""The way to a guest behind another host: an ssh of the user's own that forwards one port.

It is the system's ssh with the user's configuration, as for libvirt's own connection to that host,
so whatever lets the one through lets the other. It ends with us, however we end.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.files import explain_os_errors, make_private_directory
from charly_vm.host.process import require_tool, spawn, tail_text
from charly_vm.host.waiting import Deadline, NotYet, wait_for

if TYPE_CHECKING:
    import subprocess

LOGIN_SECONDS = 30.0
ALIVE_SECONDS = 5
"""Three such in a row without a word from that host, and ssh ends."""

# ssh looks at its input no more once it forwards. So a shell waits for the end of that, which
# comes with the end of whoever holds the other side.
_BOUND_TO_INPUT = """\
exec 3<&0
"$@" </dev/null 3<&- &
ssh=$!
{ read -r _ <&3; kill "$ssh"; } 2>/dev/null &
exec 3<&-
wait "$ssh"
"""


class Hop:
    """Another host, by its name for ssh, and the sockets of ours for it below a directory."""

    def __init__(self, destination: str, directory: Path) -> None:
        self.destination = destination
        self.directory = directory
        self._target: tuple[str, int] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._held: int = -1
        self._log: IO[bytes] | None = None
        self._socket = Path()

    def open(self, host: str, port: int, deadline: Deadline) -> Path:
        """The socket that leads to this port as that host sees it.

        Raises `HostError` where ssh does not get there.
        """
        if self._target != (host, port) or self._child is None or self._child.poll() is not None:
            self.close()
            self._start(host, port)
            try:
                wait_for(
                    f"ssh to {self.destination}",
                    self._probe,
                    Deadline(deadline.remaining(LOGIN_SECONDS)),
                )
            except BaseException as error:
                said = self._said()
                self.close()
                if isinstance(error, GuestTimeout):
                    raise self._no_way(said or "it has not logged in yet") from error
                raise
        return self._socket

    def close(self) -> None:
        """End the ssh, where there is one."""
        child, self._child, self._target = self._child, None, None
        if child is None:
            return
        os.close(self._held)
        child.wait()
        if self._log is not None:
            self._log.close()
        self._socket.unlink(missing_ok=True)

    def _start(self, host: str, port: int) -> None:
        ssh = require_tool("ssh", package="openssh-client (Fedora: openssh-clients, Arch: openssh)")
        make_private_directory(self.directory)
        self._socket = self.directory / f"hop-{secrets.token_hex(4)}.sock"
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        argv: list[str | Path] = [
            *("sh", "-c", _BOUND_TO_INPUT, "sh"),
            *(ssh, "-N", "-T", "-o", "BatchMode=yes", "-o", f"ServerAliveInterval={ALIVE_SECONDS}"),
            # A master connection of the user's would take the forward over and keep it.
            *("-o", "ControlMaster=no", "-o", "ControlPath=none"),
            *("-L", f"{self._socket}:{target}", self.destination),
        ]
        with explain_os_errors(f"start ssh to {self.destination}"):
            self._log = tempfile.TemporaryFile()  # noqa: SIM115
            reading, self._held = os.pipe()
        try:
            self._child = spawn(argv, output=self._log, stdin=reading)
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(reading)
        self._target = host, port

    def _probe(self) -> bool | NotYet:
        if self._child is not None and self._child.poll() is not None:
            raise self._no_way(self._said() or "it ended without a word")
        return True if self._socket.exists() else NotYet("no login yet")

    def _said(self) -> str:
        if self._log is None or self._log.closed:
            return ""
        # ssh writes through the same file position, so that stays where it is.
        size = os.fstat(self._log.fileno()).st_size
        said = os.pread(self._log.fileno(), 4096, max(0, size - 4096))
        return tail_text(said.decode(errors="replace"), 1)

    def _no_way(self, reason: str) -> HostError:
        return HostError(
            f"no way through {self.destination}: {reason}",
            hint=f"`ssh {self.destination}` has to log in without a question; the machine is "
            "behind that host",
        )
