"""A guest without a machine: a port that accepts, and behind it an SSH server that may or may not
be there, may freeze, die and come back. The port alone is like QEMU's user network: it accepts at
once and stays mute for as long as nobody serves it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Self

from ssh_server import relocate

from charly_vm.guest.ssh import SshGuest
from charly_vm.host.files import write_atomically
from charly_vm.host.process import require_tool, run, spawn
from charly_vm.host.ssh_keys import known_hosts_line, make_key_pair

PROGRAMS = "cat grep id seq setsid sh sleep stat tail timeout uname wc"
SERVER = Path(__file__).parent / "ssh_server.py"


class GuestStandIn:
    """The server's side. Commands find /run/cloud-init and cloud-init's logs below `directory`,
    and of the host's programs only those of `PROGRAMS`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bin").mkdir()
        for name in PROGRAMS.split():
            (directory / "bin" / name).symlink_to(require_tool(name, package=name))
        user = make_key_pair(directory / "id_ed25519", comment="user")
        host = make_key_pair(directory / "host_key", comment="host")
        (directory / "authorized_keys").write_text(user.public + "\n")
        (directory / "known_hosts").write_text(known_hosts_line("charly-x", host.public) + "\n")
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.guests: list[SshGuest] = []
        self.pid = 0

    def shell(self, command: str) -> str:
        """What a command prints that the server would run."""
        argv = ["sh", "-c", relocate(command, str(self.directory))]
        return run(argv, timeout=60, env={"PATH": str(self.directory / "bin")}).stdout

    def guest(
        self, *, name: str = "charly-x", key: str = "id_ed25519", port: int | None = None
    ) -> SshGuest:
        """The client's side, closed with the stand-in."""
        guest = SshGuest(
            name=name,
            port=port or self.port,
            user="somebody",
            key=self.directory / key,
            known_hosts=self.directory / "known_hosts",
        )
        self.guests.append(guest)
        return guest

    def start(self, *, max_sessions: int = 10, sftp: bool = False) -> None:
        """Serve the port; the connections that wait there are answered when the server is up."""
        with (self.directory / "server.log").open("ab") as log:
            self.server = spawn(
                [
                    sys.executable,
                    SERVER,
                    str(self.listening.fileno()),
                    self.directory / "host_key",
                    self.directory / "authorized_keys",
                    str(max_sessions),
                    self.directory,
                    *(["sftp"] if sftp else []),
                ],
                output=log,
                pass_fds=[self.listening.fileno()],
                env={"PATH": str(self.directory / "bin")},
            )
        self.pid = self.server.pid

    def install(self, name: str, script: str) -> None:
        """Put a program into the guest, also in place of one that is there."""
        path = self.directory / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!{require_tool('sh', package='dash')}\n{script}\n")
        path.chmod(0o755)

    def write(self, path: str, text: str) -> None:
        """Put a file of cloud-init's into the guest."""
        target = self.directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text)

    @property
    def connections(self) -> int:
        """How many clients have connected to the server so far."""
        return (self.directory / "server.log").read_text().splitlines().count("connection")

    def forget(self) -> None:
        """Take back what a test has put into the guest."""
        self.close_guests()
        for name in ("run", "var"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for path in (self.directory / "bin").iterdir():
            if not path.is_symlink():
                path.unlink()

    def close_guests(self) -> None:
        while self.guests:
            self.guests.pop().close()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End the server as a power cut does; the port stays."""
        if self.pid:
            self.server.kill()
            self.server.wait()
            self.pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.close_guests()
        self.listening.close()
