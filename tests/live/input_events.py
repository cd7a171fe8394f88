"""What a guest's kernel says that its mice and keyboards did: `/dev/input/event…`."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NamedTuple

from charly_vm.guest.ssh import SshGuest
from charly_vm.host.waiting import Deadline, NotYet, wait_for

# struct input_event of a 64-bit kernel: the time, type, code, value.
_EVENT = struct.Struct("<16xHHi")
SECONDS = 20.0


class Type(IntEnum):
    """`EV_…` of linux/input-event-codes.h."""

    KEY = 1
    REL = 2
    ABS = 3


class Code(IntEnum):
    """`REL_…`, `ABS_…` and `BTN_…` of the same header."""

    X = 0
    Y = 1
    WHEEL = 8
    LEFT = 0x110
    RIGHT = 0x111
    MIDDLE = 0x112


class Event(NamedTuple):
    type: int
    code: int
    value: int


class Recorder:
    """What one device said since `recording` began."""

    def __init__(self, guest: SshGuest, path: str) -> None:
        self._guest = guest
        self._path = path

    def events(self) -> list[Event]:
        """All events but those that end a report."""
        read = self._guest.run(f"xxd -p {self._path}", check=True).stdout_text
        data = bytes.fromhex(read.replace("\n", ""))
        whole = data[: len(data) // _EVENT.size * _EVENT.size]
        return [event for one in _EVENT.iter_unpack(whole) if (event := Event(*one)).type]

    def wait_for(self, what: str, holds: Callable[[list[Event]], bool]) -> list[Event]:
        """All that came, once it is as it should be."""

        def probe() -> list[Event] | NotYet:
            events = self.events()
            return events if holds(events) else NotYet(f"{events}")

        return wait_for(what, probe, Deadline(SECONDS), every=0.05)


@contextmanager
def recording(guest: SshGuest, name: str) -> Iterator[Recorder]:
    """Record the one device whose name contains this, for the length of the block."""
    devices = guest.run("cat /proc/bus/input/devices", check=True).stdout_text
    found = re.findall(rf'N: Name=".*{re.escape(name)}.*"(?:\n.+)*?\nH: .*(event\d+)', devices)
    assert len(found) == 1, devices
    path = f"/run/{found[0]}"
    command = f"setsid cat /dev/input/{found[0]} </dev/null >{path} 2>/dev/null & echo $!"
    process = guest.run(command, check=True).stdout_text.strip()
    # A device is open once its reader sleeps in it.
    opened = f"until ls -l /proc/{process}/fd | grep -q input/{found[0]}; do sleep 0.05; done"
    guest.run(opened, check=True, timeout=SECONDS)
    try:
        yield Recorder(guest, path)
    finally:
        guest.run(f"kill {process}; rm {path}", check=True)
