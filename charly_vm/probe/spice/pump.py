"""One daemon thread per session that reads all its channels, and writes what they have to say.

A server gives up a client that does not read or answer pings for half a minute, so the channels
are served also while the test does something else.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.channel import Channel

_MESSAGES_IN_A_ROW = 64
"""Of one channel, before the others have their turn."""
_STOP_SECONDS = 2.0


class Pump:
    """Serves channels until it is stopped; a channel that fails keeps its error and is closed."""

    def __init__(self, changed: threading.Condition) -> None:
        """`changed` is the lock of all channels; it is notified when anything has happened."""
        self._changed = changed
        self._channels: list[Channel] = []
        self._stopped = False
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="charly-spice", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, channel: Channel) -> None:
        """Serve one more channel, whose socket does not block from now on."""
        channel.sock.setblocking(False)
        with self._changed:
            self._channels.append(channel)
        self.wake()

    def wake(self) -> None:
        """Have the thread look again: something is to be sent."""
        # Full, it wakes the thread just as well; closed, there is nothing to wake.
        with contextlib.suppress(OSError):
            self._rope.send(b"\0")

    def stop(self) -> None:
        """Close every connection. A thread that decodes a picture ends when that is done."""
        with self._changed:
            self._stopped = True
            channels = list(self._channels)
        self.wake()
        if self._thread.ident is None:
            self._close()
        else:
            self._thread.join(_STOP_SECONDS)
        for channel in channels:
            channel.link.connection.close()
        self._rope.close()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._stopped:
                self._serve()
        except BaseException as defect:
            # Whoever waits for a channel raises it: on this thread nobody would see it.
            error = defect
        finally:
            with self._changed:
                for channel in self._channels:
                    self._say_last_words(channel)
                    channel.failure = channel.failure or error
                    self._leave(channel)
                self._channels.clear()
                self._changed.notify_all()
            self._close()

    def _say_last_words(self, channel: Channel) -> None:
        """What is still to be sent, if it can be at once: it may let go of a key."""
        if channel.failure is None:
            with contextlib.suppress(ProbeError):
                channel.flush()

    def _close(self) -> None:
        self._selector.close()
        self._bell.close()

    def _serve(self) -> None:
        with self._changed:
            live = [channel for channel in self._channels if channel.failure is None]
        more = False
        for channel in live:
            try:
                more |= self._turn(channel)
            except BaseException as error:
                self._fail(channel, error)
            else:
                if self._stopped:
                    # The connections may be closed already.
                    return
                self._watch(channel, paused=bool(channel.waits))
        for key, _ in self._selector.select(0 if more else None):
            if key.fileobj is self._bell:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(4096)

    def _turn(self, channel: Channel) -> bool:
        """Send and receive; True where there may be more without waiting for the socket."""
        for _ in range(_MESSAGES_IN_A_ROW):
            if self._stopped:
                return False
            channel.flush()
            if self._waits(channel) or not channel.receive():
                break
        else:
            return True
        channel.flush()
        with self._changed:
            self._changed.notify_all()
        return False

    def _waits(self, channel: Channel) -> bool:
        """Whether another channel has to receive something first (`WAIT_FOR_CHANNELS`)."""
        received = {(one.link.channel, one.link.channel_id): one.received for one in self._channels}
        # A channel that we do not have will never receive it.
        channel.waits = [
            (who, serial) for who, serial in channel.waits if received.get(who, serial) < serial
        ]
        return bool(channel.waits)

    def _watch(self, channel: Channel, *, paused: bool) -> None:
        events = 0 if paused else selectors.EVENT_READ
        if channel.unsent:
            events |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(channel.sock.fileno())
        if known is None:
            if events:
                self._selector.register(channel.sock, events)
        elif not events:
            self._selector.unregister(channel.sock)
        elif known.events != events:
            self._selector.modify(channel.sock, events)

    def _fail(self, channel: Channel, error: BaseException) -> None:
        with self._changed:
            channel.failure = error
            self._leave(channel)
            self._changed.notify_all()

    def _leave(self, channel: Channel) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(channel.sock)
        channel.link.connection.close()
