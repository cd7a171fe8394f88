"""What long work tells whoever is watching: the protocol, and a watcher that says nothing.

The engine calls these; the command line and the pytest plugin decide what they look like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Seen = Callable[[str], None]
"""Is told what was last seen of something that is waited for, as often as somebody looks."""


class Progress(Protocol):
    """Receives what long work is doing. Both methods bracket the work that they name."""

    def phase(self, text: str) -> AbstractContextManager[Seen]:
        """`text` names the work in the present participle: "building the disk of debian-vm".

        Yields a function for work that waits: it takes what was last seen, "no SSH banner yet".
        """
        ...

    def transfer(
        self, text: str, total: int | None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Yields a function that is told the bytes done so far; `total` is None where unknown."""
        ...

    def note(self, text: str) -> None:
        """One line that people should see, such as why qemu was taken instead of libvirt."""
        ...


def not_told(seen: str) -> None:
    """Where nobody wants to know what was seen."""


class Silent:
    """A watcher that shows nothing."""

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        yield not_told

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda done: None

    def note(self, text: str) -> None:
        pass


SILENT = Silent()
