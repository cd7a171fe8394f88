"""An SSH server in a process of its own, so that a test can freeze it, kill it and start it again.

It stands in for sshd: each command gets a session (as in setsid(2)) and runs with `sh` as whoever
runs the test. Arguments: the descriptor of a listening socket, the host key, the authorized keys,
how many sessions a connection may have, the directory below which cloud-init's files are, and
`sftp` where it has an SFTP server, as sshd has and dropbear has not.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import asyncssh


def relocate(command: str, root: str) -> str:
    """Let a command find cloud-init's files below another root."""
    for path in ("/run/cloud-init", "/var/log/cloud-init"):
        command = command.replace(path, root + path)
    return command


class Server(asyncssh.SSHServer):
    def __init__(self, max_sessions: int, root: str, sftp: bool) -> None:
        self.free = max_sessions
        self.root = root
        # asyncssh's types of the two sides of this do not fit each other.
        self.sftp: Any = asyncssh.SFTPServer if sftp else None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        print("connection", flush=True)

    def connection_requested(self, host: str, port: int, orig_host: str, orig_port: int) -> bool:
        print(f"forward {host}:{port}", flush=True)
        return True

    def session_requested(self) -> asyncssh.SSHServerProcess[bytes] | bool:
        if self.free == 0:
            return False
        self.free -= 1
        return Session(self)

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        pipe = asyncio.subprocess.PIPE
        command = relocate(process.command or "", self.root)
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        feeding = asyncio.create_task(feed(process.stdin, child.stdin))
        # As with sshd, the end comes when nobody holds the streams any more.
        await asyncio.gather(
            drain(child.stdout, process.stdout), drain(child.stderr, process.stderr)
        )
        status = await child.wait()
        feeding.cancel()
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)


class Session(asyncssh.SSHServerProcess[bytes]):
    """Counts for as long as its channel is open, whatever was asked for on it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.run, server.sftp, 3, False)
        self.server = server

    def exec_requested(self, command: str) -> bool:
        # As dropbear does at times, as often as a file says.
        refuse = Path(self.server.root, "refuse")
        if refuse.exists() and (left := int(refuse.read_text())):
            refuse.write_text(str(left - 1))
            self.channel.close()
            return False
        return super().exec_requested(command)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.free += 1
        super().connection_lost(exc)


async def feed(source: asyncssh.SSHReader[bytes], target: asyncio.StreamWriter | None) -> None:
    assert target is not None
    # A command need not read its input.
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def drain(source: asyncio.StreamReader | None, target: asyncssh.SSHWriter[bytes]) -> None:
    assert source is not None
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


async def serve(
    descriptor: int, host_key: str, authorized: str, max_sessions: int, root: str, sftp: bool
) -> None:
    await asyncssh.listen(
        sock=socket.socket(fileno=descriptor),
        server_factory=lambda: Server(max_sessions, root, sftp),
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        encoding=None,
        line_editor=False,
        config=None,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    descriptor, host_key, authorized, max_sessions, root, *more = sys.argv[1:]
    asyncio.run(
        serve(int(descriptor), host_key, authorized, int(max_sessions), root, "sftp" in more)
    )
