"""Work that knows no deadline of its own, and that its caller may have to give up on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from charly_vm.errors import HostError
from charly_vm.host.waiting import Deadline

T = TypeVar("T")


class BackgroundCall(Generic[T]):
    """A call on a daemon thread, begun at once. One that is given up goes on, and nobody looks."""

    def __init__(self, what: str, work: Callable[[], T]) -> None:
        """`what` names the work in a message: "a screenshot of charly-x"."""
        self.what = what
        self._work = work
        self._values: list[T] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)
        self._thread.start()

    def result(self, deadline: Deadline, *, at_most: float | None = None) -> T:
        """What it returns or raises; `HostError` where that has not come by the deadline, or after
        `at_most` seconds from now."""
        seconds = deadline.remaining(at_most)
        self._thread.join(seconds)
        if self._errors:
            raise self._errors[0]
        if self._values:
            return self._values[0]
        raise HostError(f"{self.what} did not come within {seconds:.0f} s")

    def _run(self) -> None:
        try:
            self._values.append(self._work())
        except BaseException as error:
            self._errors.append(error)
