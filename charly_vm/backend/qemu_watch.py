"""Watching a QEMU: its events as they come, over the monitor that is there for that."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from charly_vm.backend import qmp
from charly_vm.backend.emulator_process import EmulatorProcess, find_emulator
from charly_vm.backend.qemu_event_words import describe_event
from charly_vm.errors import HostError, StateError
from charly_vm.host.loop import call
from charly_vm.host.waiting import Deadline
from charly_vm.model.live import DomainEvent
from charly_vm.model.protocols import Domain

if TYPE_CHECKING:
    import asyncio

    from qemu.qmp import EventListener, Message, QMPClient

Tell = Callable[[DomainEvent], None]

CONNECT_SECONDS = 3.0
END_SECONDS = 5.0
"""Between the end of QEMU's monitor and that of its process."""
END_EVERY = 0.02


@contextmanager
def watch_emulator(domain: Domain, tell: Tell) -> Iterator[None]:
    """`RunningDomain.watch`, for as long as the QEMU that runs now does.

    One is watched by one at a time. Raises `HostError` where somebody else does, and where it was
    started by a charly that did not have this yet.
    """
    emulator = find_emulator(domain.uuid)
    if emulator is None:
        raise StateError(f"{domain.name} is not running")
    with emulator:
        path, deadline = domain.paths.events_socket, Deadline(CONNECT_SECONDS)
        if not path.exists():
            raise HostError(
                f"{domain.name} cannot be watched: it was made by an older charly",
                hint="`charly update` makes it anew",
            )
        try:
            watch = qmp.with_monitor(
                path, "who watches it", deadline, lambda one: _begin(one, deadline, emulator, tell)
            )
        except qmp.MonitorError as error:
            raise HostError(
                f"{domain.name} cannot be watched: {error.message}",
                hint="QEMU tells its events to one at a time: is somebody else watching?",
            ) from error
        try:
            yield
        finally:
            call(watch.end())


async def _begin(
    connection: socket.socket, deadline: Deadline, emulator: EmulatorProcess, tell: Tell
) -> _Watch:
    import asyncio

    from qemu.qmp import QMPClient, QMPError

    client = QMPClient("charly-events")
    watch = _Watch(client, connection, emulator, tell)
    try:
        async with asyncio.timeout(deadline.remaining()):
            client.register_listener(_listener(client, watch.hear))
            await qmp.greet(client, connection)
    except (QMPError, OSError, EOFError) as error:
        connection.close()
        reason = "no answer" if isinstance(error, TimeoutError) else str(error)
        raise qmp.MonitorError(reason) from error
    except BaseException:
        connection.close()
        raise
    watch.ending = asyncio.create_task(watch.wait_for_end())
    return watch


class _Watch:
    """One connection that only listens."""

    def __init__(
        self,
        client: QMPClient,
        connection: socket.socket,
        emulator: EmulatorProcess,
        tell: Tell,
    ) -> None:
        self._client = client
        self._connection = connection
        self._emulator = emulator
        self._tell = tell
        self._stopped_by = "failed"
        """libvirt's word for an emulator that is gone without a shutdown of its own."""
        self.ending: asyncio.Task[None] | None = None

    def hear(self, message: dict[str, Any]) -> None:
        event = describe_event(message)
        if event.event == "lifecycle" and event.detail.startswith("shutdown"):
            self._stopped_by = "shutdown" if event.detail == "shutdown guest" else "destroyed"
        self._tell(event)

    async def wait_for_end(self) -> None:
        """Tell when there will be no more."""
        import asyncio

        from qemu.qmp import Runstate

        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
        words = "the monitor has closed the connection"
        deadline = Deadline(END_SECONDS)
        while not (ended := self._emulator.wait(0)) and not deadline.passed:
            await asyncio.sleep(END_EVERY)
        if ended:
            self._say("lifecycle", f"stopped {self._stopped_by}")
            words = "the emulator has ended"
        self._say("disconnected", words)

    def _say(self, event: str, detail: str) -> None:
        self._tell(DomainEvent(time.time(), event, detail))

    async def end(self) -> None:
        import asyncio

        from qemu.qmp import QMPError

        try:
            if self.ending is not None:
                self.ending.cancel()
                with suppress(asyncio.CancelledError):
                    await self.ending
            with suppress(QMPError, OSError, EOFError):
                await self._client.disconnect()
        finally:
            self._connection.close()


def _listener(client: QMPClient, hear: Callable[[dict[str, Any]], None]) -> EventListener:
    from qemu.qmp import EventListener

    class Listener(EventListener):
        async def put(self, event: Message) -> None:
            hear(dict(event))
            # The client keeps every event for somebody who would ask it later.
            client.events.clear()

    return Listener()
