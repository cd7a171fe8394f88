"""One command on a guest's connection, from its turn to its result, or to its end by force.

Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncssh

from charly_vm.errors import GuestError, GuestTimeout
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.command import CommandResult, describe, render_end, render_start
from charly_vm.guest.connection import Connection
from charly_vm.guest.refusal import AGAIN_SECONDS, Refusals, until_taken
from charly_vm.guest.session import CommandSession, Stream
from charly_vm.host.waiting import Deadline

RECONNECT_PATIENCE = 10.0
"""Seconds for the first word of a guest whose connection was lost."""
END_SECONDS = 6.0
"""For ending a command: two seconds in the guest, which may need one for a new session."""
DRAIN_SECONDS = 1.0
"""For the last output of a command that was ended; a daemon may keep the stream open for ever."""


async def run_command(
    connection: Connection,
    command: str,
    deadline: Deadline,
    *,
    stdin: bytes | None = None,
    on_stdout: Callable[[bytes], None] | None = None,
    on_stderr: Callable[[bytes], None] | None = None,
) -> CommandResult:
    """Run a command to its end. At the deadline, or when cancelled, it is ended in the guest.

    Raises `GuestTimeout` with the end of what was said, `GuestUnreachable` when there is no
    connection or it is lost, and whatever a callback raises.
    """
    async with _limit(deadline, f"a free SSH session in {connection.address.name}"):
        await connection.commands.acquire()
    try:
        running = _Running(
            connection, command, lambda: CommandSession(Stream(on_stdout), Stream(on_stderr))
        )
        try:
            return await running.finish(deadline, stdin)
        except BaseException as error:
            ended = await running.end()
            if isinstance(error, GuestTimeout) and not ended:
                error.hint = "the command, or what it started, may still run in the guest"
            raise
    finally:
        connection.commands.release()


class _Running:
    """A command that is being started, runs, and has to be ended when nobody waits for it."""

    def __init__(
        self, connection: Connection, command: str, make_session: Callable[[], CommandSession]
    ) -> None:
        self.connection = connection
        self.command = command
        self.make_session = make_session
        self.session = make_session()
        self.refusals = Refusals()
        self.live: asyncssh.SSHClientConnection | None = None
        self.opening: asyncio.Task[object] | None = None

    async def finish(self, deadline: Deadline, stdin: bytes | None) -> CommandResult:
        name, what = self.connection.address.name, describe(self.command)
        loop = asyncio.get_running_loop()
        await self._start(deadline)
        started = loop.time()
        async with _limit(deadline, f"{what} to end in {name}", self.session.said_so_far):
            self.session.send(stdin)
            await self.session.settled.wait()
        if self.session.failure is not None:
            raise self.session.failure
        if self.session.lost is not None:
            raise self._lost(f"while {what} ran", self.session.lost)
        if self.session.status is None:
            raise GuestError(f"{what} ended in {name} without an exit status")
        return CommandResult(
            self.command,
            self.session.status,
            self.session.stdout.data(),
            self.session.stderr.data(),
            loop.time() - started,
        )

    async def end(self) -> bool:
        """End the command and what it started; whether nothing of it is left."""
        if self.live is None or self.opening is None:
            return True
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.opening
                await self.session.identified.wait()
                if self.session.closed.is_set() or self.session.pid is None:
                    return self.session.lost is None
                # As bytes: asyncssh ends the connection over text that it cannot decode.
                ending = functools.partial(
                    self.live.run, render_end(self.session.pid), encoding=None
                )
                async with self.connection.endings:
                    done = await until_taken(ending)
                return done.exit_status == 0
        except (TimeoutError, OSError, asyncssh.Error):
            return False
        finally:
            await self.session.drain(DRAIN_SECONDS)

    async def _start(self, deadline: Deadline) -> None:
        name = self.connection.address.name
        while True:
            self.live = await self.connection.open(deadline, RECONNECT_PATIENCE)
            async with _limit(deadline, f"{describe(self.command)} to start in {name}"):
                if await self._hand_over(self.live):
                    return
                await asyncio.sleep(AGAIN_SECONDS)

    async def _hand_over(self, live: asyncssh.SSHClientConnection) -> bool:
        """Give the command to the server; False where it does not take it now."""
        self.session = self.make_session()
        self.opening = asyncio.create_task(
            live.create_session(lambda: self.session, render_start(self.command), encoding=None)
        )
        try:
            # Shielded, so that a command whose start was interrupted is known and can be ended.
            await asyncio.shield(self.opening)
        except asyncssh.ChannelOpenError as error:
            self.opening = None
            if live.is_closed():
                raise self._lost(f"before {describe(self.command)} ran", error) from error
            if self.refusals.may_pass(error):
                return False
            name = self.connection.address.name
            raise GuestError(f"{name} does not run commands: {error.reason}") from error
        except (OSError, asyncssh.Error) as error:
            raise self._lost(f"before {describe(self.command)} ran", error) from error
        return True

    def _lost(self, when: str, reason: Exception) -> GuestUnreachable:
        return GuestUnreachable(
            self.connection.address, f"the connection was lost {when}: {reason}"
        )


@asynccontextmanager
async def _limit(
    deadline: Deadline, awaited: str, seen: Callable[[], str] = lambda: ""
) -> AsyncIterator[None]:
    """Raise `GuestTimeout` at this deadline, and leave every other `TimeoutError` alone."""
    scope = asyncio.timeout(deadline.remaining())
    try:
        async with scope:
            yield
    except TimeoutError:
        if not scope.expired():
            raise
        raise GuestTimeout(awaited, seconds=deadline.seconds, seen=seen()) from None
