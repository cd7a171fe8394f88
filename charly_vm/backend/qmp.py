"""One command to a QEMU over QMP, on a connection of its own.

A QMP monitor serves one client at a time and the next one waits in the socket's backlog. So
connections are short, whoever waits for a machine to end waits on its process, and nobody keeps
another process's `list` waiting for longer than one command.
"""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from charly_vm.errors import HostError
from charly_vm.host.loop import call
from charly_vm.host.waiting import Deadline
from charly_vm.model.protocols import DomainState

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

T = TypeVar("T")

COMMAND_SECONDS = 5.0

# The library logs what it also raises, and without a handler Python prints that.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())

_STATES = {
    "running": DomainState.RUNNING,
    # On its way out; for as long as the process is there, so is the machine.
    "shutdown": DomainState.RUNNING,
    "guest-panicked": DomainState.CRASHED,
    "internal-error": DomainState.CRASHED,
}


class MonitorError(HostError):
    """QEMU gave no answer: the socket refused, the deadline passed, or it ended meanwhile."""


class CommandRefused(HostError):
    """QEMU answered with an error."""


class _Dropped(Exception):
    """The connection was of no use before anything was asked, so that it can be asked again.

    QEMU closes one that it accepts in the moment in which it takes up another. And an event of that
    moment, such as that a SPICE client has gone, comes before the greeting or before the answer to
    `qmp_capabilities`, where the library expects none.
    """


def query_state(path: Path, *, timeout: float = COMMAND_SECONDS) -> DomainState:
    """Whether the CPUs run, as QEMU says it. Every other reason for their rest is a pause."""
    status: str = execute(path, "query-status", timeout=timeout)["status"]
    return _STATES.get(status, DomainState.PAUSED)


def execute(
    path: Path,
    command: str,
    arguments: dict[str, object] | None = None,
    *,
    timeout: float = COMMAND_SECONDS,
    secret: bool = False,
) -> Any:
    """Run a QMP command and return what it returns; `timeout` seconds are for all of it.

    What is `secret` gets into no log, and no exception has it.
    """
    deadline = Deadline(timeout)
    return with_monitor(
        path,
        command,
        deadline,
        lambda connection: _execute(connection, command, arguments, deadline, secret=secret),
    )


def with_monitor(
    path: Path,
    doing: str,
    deadline: Deadline,
    talk: Callable[[socket.socket], Coroutine[Any, Any, T]],
) -> T:
    """Run a coroutine with a connection to a monitor, again where that is of no use before
    anything was asked. `doing` is for errors. Raises `MonitorError`."""
    while True:
        try:
            connection = _connect(path, deadline)
        except OSError as error:
            raise MonitorError(f"QEMU did not answer {doing}: {error.strerror}") from error
        try:
            return call(talk(connection))
        except _Dropped as error:
            # A QEMU that has ended refuses the next connection.
            if deadline.passed:
                raise MonitorError(f"QEMU did not answer {doing}: {error}") from error


def _connect(path: Path, deadline: Deadline) -> socket.socket:
    """A connection to the monitor, or one that waits behind others until they are served.

    Made here and not by asyncio: a UNIX socket whose backlog is full refuses a connect that does
    not block, and asyncio takes that refusal for a connection in progress.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        seconds = max(deadline.remaining(), 0.001)
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        client.connect(str(path))
    except BaseException:
        client.close()
        raise
    return client


async def _execute(
    connection: socket.socket,
    command: str,
    arguments: dict[str, object] | None,
    deadline: Deadline,
    *,
    secret: bool,
) -> Any:
    import asyncio

    from qemu.qmp import ExecuteError, QMPClient, QMPError

    client = QMPClient("charly")
    if secret:
        # The library logs every message.
        client.logger = _mute_logger()
    try:
        async with asyncio.timeout(deadline.remaining()):
            await greet(client, connection)
            try:
                return await client.execute(command, arguments)
            finally:
                # It raises again what broke the connection; the command has its answer by now,
                # or an error of its own.
                with suppress(QMPError, OSError, EOFError):
                    await client.disconnect()
    except ExecuteError as error:
        refusal = CommandRefused(f"QEMU refused {command}: {error}")
        # It has the message that was sent.
        raise refusal from (None if secret else error)
    except TimeoutError as error:
        raise MonitorError(
            f"QEMU did not answer {command} within {deadline.seconds:.0f} s"
        ) from error
    except (QMPError, OSError, EOFError) as error:
        raise MonitorError(f"QEMU did not answer {command}: {error}") from error
    finally:
        connection.close()


async def greet(client: QMPClient, connection: socket.socket) -> None:
    """Connect a client over a socket that is connected already, for `with_monitor`."""
    from qemu.qmp import ConnectError
    from qemu.qmp.qmp_client import GreetingError, NegotiationError

    try:
        await client.connect(connection)
    except ConnectError as error:
        again = (EOFError, ConnectionResetError, GreetingError, NegotiationError)
        if isinstance(error.exc, again):
            raise _Dropped(str(error)) from error
        raise


def _mute_logger() -> logging.Logger:
    logger = logging.Logger("charly.mute", logging.CRITICAL + 1)
    logger.propagate = False
    return logger
