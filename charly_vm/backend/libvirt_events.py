"""libvirt's event loop, on a thread of its own: its keepalive runs on it, and events come by it.

Nothing of libvirt's has a deadline. A keepalive ends the connection to a host that has gone away,
and with it whatever waits there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_allowed = threading.Event()
_allowed.set()
_started = False


def start_event_loop(libvirt: Any) -> None:
    """Start it where it does not run yet; it has to be there before a connection is opened."""
    global _started
    if _started:
        return
    _started = True
    libvirt.virEventRegisterDefaultImpl()

    def work() -> None:
        while True:
            _allowed.wait()
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=work, name="libvirt-events", daemon=True).start()


def forget_event_loop() -> None:
    """In a forked child, which has no thread of the parent's."""
    global _started
    _started = False
    _allowed.set()


@contextmanager
def events_paused() -> Iterator[None]:
    """While a connection is opened. Where that fails, the loop would see its end first, and what
    ssh has said against it would never be read."""
    _allowed.clear()
    try:
        yield
    finally:
        _allowed.set()
