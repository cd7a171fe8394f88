"""Events from a worker of pytest-xdist to the controller, as they happen.

They go over a channel of execnet, which joins the two anyway: it reaches workers on other hosts,
ends when either end dies, and leaves nothing in a file system.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_charly.progress.events import Event, decode, encode

CHANNEL = "charly_progress"
"""The channel's name among what a worker is given."""


def listen(node: Any, receive: Callable[[str, Event | None], None]) -> None:
    """Give a worker that is about to start (xdist's `WorkerController`) a channel of its own.

    `receive` is called in a thread of execnet, with the worker's id and each event, and with None
    when the worker has ended, however it did.
    """
    worker = node.gateway.id
    channel = node.gateway.newchannel()
    node.workerinput[CHANNEL] = channel
    channel.setcallback(lambda data: receive(worker, decode(data) if data else None), None)


class Uplink:
    """The worker's end."""

    def __init__(self, channel: Any) -> None:
        # Only a worker is sure to have it.
        from execnet import DumpError

        self._channel = channel
        self._lost = (OSError, DumpError)
        """A controller that has gone, and text that is none in UTF-8."""

    def tell(self, event: Event) -> None:
        """Send it, or drop it: it is no trouble of the bed's that nobody hears."""
        with suppress(*self._lost):
            self._channel.send(encode(event))
