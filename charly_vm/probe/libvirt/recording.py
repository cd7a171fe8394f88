"""Events of a machine, recorded while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from charly_vm.errors import GuestTimeout
from charly_vm.host.waiting import Deadline
from charly_vm.model.live import EVENTS, DomainEvent
from charly_vm.model.spelling import find_meant
from charly_vm.probe.arguments import wrong_argument

MOST_EVENTS = 10_000
"""A guest can make as many as it likes. The first are kept, and how many more there were."""


WAIT_SECONDS = 60.0


class Recording:
    """What happened so far, in its order; grows while the machine is watched.

    `watching` hands it out. It can be iterated over at any time, and stays when the watch is over.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[DomainEvent] = []
        self._over = False
        self.lost = 0
        """How many events were too many to be kept."""

    def add(self, event: DomainEvent) -> None:
        """From any thread."""
        with self._changed:
            if event.event == "disconnected":
                self._over = True
            elif len(self._events) >= MOST_EVENTS:
                self.lost += 1
                return
            self._events.append(event)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[DomainEvent]:
        return iter(self.so_far())

    def __len__(self) -> int:
        return len(self.so_far())

    def so_far(self) -> tuple[DomainEvent, ...]:
        with self._changed:
            return tuple(self._events)

    def names(self) -> list[str]:
        """The names of the events alone, in their order."""
        return [one.event for one in self]

    def wait_for(self, until: str, timeout: float = WAIT_SECONDS) -> DomainEvent:
        """The first event that `until` names, which may have happened already.

        `until` is an event's name, or the name and the first words of its detail: `reboot`,
        `lifecycle stopped`. Raises `GuestTimeout` with what happened instead, at once where the
        machine can be watched no longer, and `SpecError` for a name that is misspelt.
        """
        found = self.find_within(until, timeout)
        if found is None:
            seen = ", ".join(f"{one.event} {one.detail}".strip() for one in self.so_far()[-5:])
            if self.lost:
                seen += f", and {self.lost} more that were not kept"
            raise GuestTimeout(f"the event {until!r}", seconds=timeout, seen=seen or "no event")
        return found

    def find_within(self, until: str, seconds: float) -> DomainEvent | None:
        """As `wait_for`; None once `seconds` have passed, or where there will be no more events.
        With an empty `until` nothing is found, and only the time ends it."""
        _require_known(until)
        deadline, looked_at = Deadline(seconds), 0
        with self._changed:
            while True:
                for event in self._events[looked_at:]:
                    if _is_named(event, until):
                        return event
                looked_at = len(self._events)
                if self._over or deadline.passed:
                    return None
                self._changed.wait(deadline.remaining())


def _is_named(event: DomainEvent, until: str) -> bool:
    wanted = until.split()
    return bool(wanted) and [event.event, *event.detail.split()][: len(wanted)] == wanted


def _require_known(until: str) -> None:
    """A misspelt name would be waited for in vain; QEMU may have others that are right."""
    name = until.split()[0] if until.split() else ""
    meant = find_meant(name, EVENTS)
    if name and meant:
        text = f"there is no event {name!r}; did you mean {meant!r}?"
        raise wrong_argument("events", text)
