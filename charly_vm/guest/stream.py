"""A command in a guest whose input or output is too large to be held: written and read bit by bit.

For synchronous callers; each step is one call to the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from charly_vm.errors import GuestError
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.command import describe
from charly_vm.guest.ssh import CONNECT_PATIENCE, SshGuest
from charly_vm.host.loop import call
from charly_vm.host.process import describe_status, tail_text
from charly_vm.host.waiting import Deadline

if TYPE_CHECKING:
    import asyncssh

CONNECT_SECONDS = 60.0
END_SECONDS = 60.0
"""For a command to end once its input or output has."""


class StreamBroken(Exception):
    """The command takes no more, or what it says cannot be used; it will have said why."""


class CommandStream:
    """A file object over a running command: what is written is its input, what is read its
    output."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process

    def write(self, data: bytes) -> int:
        """Raises `StreamBroken`."""
        import asyncssh

        async def send() -> None:
            self._process.stdin.write(data)
            await self._process.stdin.drain()

        try:
            call(send())
        except (OSError, asyncssh.Error) as error:
            raise StreamBroken(str(error)) from error
        return len(data)

    def read(self, size: int) -> bytes:
        """Raises `StreamBroken`."""
        import asyncssh

        try:
            return call(self._process.stdout.read(size))
        except (OSError, asyncssh.Error) as error:
            raise StreamBroken(str(error)) from error

    def finish(self) -> tuple[int | None, bytes]:
        """Close the input and wait for the end: the exit status, None where the connection was
        lost, and what was said on standard error."""

        async def end() -> tuple[int | None, bytes]:
            import asyncio

            if not self._process.stdin.is_closing():
                self._process.stdin.write_eof()
            async with asyncio.timeout(END_SECONDS):
                done = await self._process.wait()
            said = done.stderr or b""
            return done.returncode, said if isinstance(said, bytes) else bytes(said, "utf-8")

        return call(end())


@contextmanager
def open_stream(guest: SshGuest, command: str) -> Iterator[CommandStream]:
    """Run a command for the length of the block.

    Raises `GuestError` with what it said where it fails, and `GuestUnreachable` where the
    connection is lost.
    """
    import asyncssh

    deadline = Deadline(CONNECT_SECONDS)
    with guest.recording(command) as ended, guest.reached(deadline) as connection:

        async def open_process() -> asyncssh.SSHClientProcess[bytes]:
            live = await connection.open(deadline, CONNECT_PATIENCE)
            return await live.create_process(command, encoding=None)

        async def start() -> asyncssh.SSHClientProcess[bytes]:
            import asyncio

            from charly_vm.guest.refusal import until_taken

            async with asyncio.timeout(deadline.remaining()):
                return await until_taken(open_process)

        call(connection.commands.acquire())
        try:
            process = call(start())
            try:
                broken: StreamBroken | None = None
                stream = CommandStream(process)
                try:
                    yield stream
                except StreamBroken as error:
                    broken = error
                status, said = stream.finish()
            finally:
                call(_close(process))
        except (TimeoutError, asyncssh.Error) as error:
            raise GuestUnreachable(connection.address, f"{describe(command)}: {error}") from error
        finally:
            connection.commands.release()
        if status is None:
            raise GuestUnreachable(
                connection.address, f"the connection was lost during {describe(command)}"
            )
        ended(status, b"", said)
    if status != 0 or broken is not None:
        reason = describe_status(status) if status else str(broken)
        problem = GuestError(f"{describe(command)} failed in {guest.name} ({reason})")
        problem.add_excerpt("it said", tail_text(said.decode("utf-8", "replace")))
        raise problem from broken


async def _close(process: asyncssh.SSHClientProcess[bytes]) -> None:
    process.close()
