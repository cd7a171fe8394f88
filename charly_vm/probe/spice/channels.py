"""The channels of one session: opened when they are first needed, and waited on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from charly_vm.errors import GuestTimeout
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.channel import Channel
from charly_vm.probe.spice.failures import SpiceMissing, SpiceUnreachable
from charly_vm.probe.spice.handshake import Link, channel_name, open_link
from charly_vm.probe.spice.main_channel import MainChannel
from charly_vm.probe.spice.protocol.linking import SpiceChannel
from charly_vm.probe.spice.pump import Pump

OFTEN_SECONDS = 0.005
"""Between looks at what depends on the clock and not only on messages."""
_SELDOM_SECONDS = 1.0

C = TypeVar("C", bound=Channel)
MakeChannel = Callable[[Link, threading.Condition], C]


class Channels:
    """The main channel, and others by type and id. Raises `ProbeError` and `GuestTimeout`."""

    def __init__(self, address: SpiceAddress, secret: bytes) -> None:
        self.changed = threading.Condition()
        self._address = address
        self._secret = secret
        self._pump = Pump(self.changed)
        self._open: dict[tuple[int, int], Channel] = {}
        self._opening = threading.Lock()
        self._main: MainChannel | None = None

    @property
    def main(self) -> MainChannel:
        assert self._main is not None, "begin() comes first"
        return self._main

    @property
    def opened(self) -> list[Channel]:
        return list(self._open.values())

    def begin(self, deadline: Deadline) -> None:
        """Open the main channel and learn which others there are."""
        self._pump.start()
        main = self._add(SpiceChannel.MAIN, 0, 0, MainChannel, deadline)
        self._main = main
        awaited = "the SPICE server to say which channels it has"
        with self.when(main, awaited, lambda: main.channels is not None, deadline):
            pass

    def close(self) -> None:
        self._pump.stop()
        with self.changed:
            if self._main is not None and self._main.failure is None:
                self._main.failure = SpiceUnreachable("the SPICE session has been closed")
            for channel in self._open.values():
                channel.release()
            self._open.clear()

    def find(self, channel: int, channel_id: int) -> Channel | None:
        """An open channel."""
        return self._open.get((channel, channel_id))

    def require(self, channel: int, channel_id: int, make: MakeChannel[C], deadline: Deadline) -> C:
        """A channel, opened now if it is not yet. Raises `SpiceMissing` where there is none."""
        with self._opening:
            self.check(self.main)
            found = self._open.get((channel, channel_id))
            if found is not None:
                # What `make` would make: the number says of which kind a channel is.
                return cast(C, found)
            offered = self.main.channels or []
            if (channel, channel_id) not in offered:
                raise _missing(channel, channel_id, offered)
            session = self.main.session_id or 0
            return self._add(channel, channel_id, session, make, deadline)

    def check(self, channel: Channel) -> None:
        """Raise what ended a channel, or the session with it."""
        for one in (self._main, channel):
            if one is not None and one.failure is not None:
                raise one.failure

    @contextmanager
    def when(
        self,
        channel: Channel,
        awaited: str,
        ready: Callable[[], bool],
        deadline: Deadline,
        *,
        every: float = _SELDOM_SECONDS,
    ) -> Iterator[None]:
        """Wait until a channel is between two messages and `ready`; it stays so in the block.

        `ready` is asked after each message, and again after `every` seconds. Raises what ended the
        channel, and `GuestTimeout`.
        """
        with self.changed:
            while True:
                self.check(channel)
                if not channel.busy and ready():
                    break
                if deadline.passed:
                    raise GuestTimeout(awaited, seconds=deadline.seconds)
                self.changed.wait(deadline.remaining(at_most=every))
            yield

    def wake(self) -> None:
        """Have what is to be sent be sent, without waiting for it."""
        self._pump.wake()

    def sent(self, channel: Channel, deadline: Deadline) -> None:
        """Wait until everything that was to be sent on a channel is on its way."""
        self._pump.wake()
        awaited = f"the SPICE server to read its {channel.name} channel"
        with self.when(channel, awaited, lambda: not channel.unsent, deadline):
            pass

    def pause(self, channel: Channel, seconds: float, deadline: Deadline) -> None:
        """Let time pass, such as that for which a key is held; ends early where the channel does.

        Raises `GuestTimeout` where the deadline is nearer than that.
        """
        end = Deadline(seconds)
        with self.when(channel, "time to pass", lambda: end.passed, deadline, every=OFTEN_SECONDS):
            pass

    def _add(
        self,
        channel: int,
        channel_id: int,
        session: int,
        make: MakeChannel[C],
        deadline: Deadline,
    ) -> C:
        link = open_link(self._address, self._secret, channel, channel_id, session, deadline)
        try:
            made = make(link, self.changed)
            made.begin()
        except BaseException:
            link.connection.close()
            raise
        self._open[channel, channel_id] = made
        self._pump.add(made)
        return made


def _missing(channel: int, channel_id: int, offered: list[tuple[int, int]]) -> SpiceMissing:
    name = channel_name(channel)
    ids = sorted(number for kind, number in offered if kind == channel)
    if not ids:
        return SpiceMissing(
            f"the SPICE server has no {name} channel",
            hint="does the machine have a graphics card?" if name == "display" else "",
        )
    which = ", ".join(map(str, ids))
    return SpiceMissing(f"the SPICE server has no {name} {channel_id}, only {which}")
