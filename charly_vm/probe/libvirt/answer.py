"""An answer of the guest agent, read with suspicion: whoever is root in the guest wrote it.

Every value has to be there, of its type and of a sensible size; whatever is not is one
`GuestError` that names the place. The shapes are those of QEMU's documentation
(interop/qemu-ga-ref); keys that it does not know are passed over, since agents grow.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from charly_vm.errors import GuestError

MOST_TEXT = 64 * 1024
"""Characters of one text, such as a name."""
MOST_ITEMS = 10_000
"""Of one list, such as the guest's file systems."""
LARGEST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A value in an answer to `command`; `place` is where it stands in that, for errors."""

    command: str
    value: Any
    place: str = "it"

    def odd(self, why: str) -> NoReturn:
        raise GuestError(
            f"the guest agent's answer to {self.command} is odd: {self.place} {why}",
            hint="it comes from the guest, where something else may answer in the agent's place",
        )

    def at(self, key: str) -> Answer:
        """What stands behind a key, which has to be there."""
        found = self.find(key)
        return found if found is not None else self.odd(f"has no {key!r}")

    def find(self, key: str) -> Answer | None:
        """What stands behind a key; None where nothing does."""
        value = self._record().get(key)
        return None if value is None else Answer(self.command, value, f"{self.place}.{key}")

    def items(self, key: str = "") -> Iterator[Answer]:
        """The members of a list: this one, or the one behind a key, where none is an empty one."""
        inside = self.find(key) if key else self
        if inside is None:
            return
        if not isinstance(inside.value, list):
            inside.odd("is no list")
        if len(inside.value) > MOST_ITEMS:
            inside.odd(f"has {len(inside.value)} members")
        for number, value in enumerate(inside.value):
            yield Answer(self.command, value, f"{inside.place}[{number}]")

    def text(self, *, most: int = MOST_TEXT) -> str:
        if not isinstance(self.value, str):
            self.odd("is no text")
        if len(self.value) > most:
            self.odd(f"has {len(self.value)} characters")
        # JSON has halves of characters, which no file and no terminal takes.
        return self.value.encode("utf-8", "replace").decode()

    def number(self, low: int = 0, high: int = LARGEST) -> int:
        # A truth value is a number to Python, and none to JSON.
        if type(self.value) is not int:
            self.odd("is no whole number")
        if not low <= self.value <= high:
            # A number of a thousand digits helps nobody.
            self.odd(f"is not between {low} and {high}")
        return int(self.value)

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.odd("is neither true nor false")
        return self.value

    def data(self, *, most: int) -> bytes:
        """Bytes that are written as base64, at most so many."""
        text = self.text(most=(most + 2) // 3 * 4)
        try:
            decoded = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.odd("is no base64")
        if len(decoded) > most:
            self.odd(f"has {len(decoded)} bytes")
        return decoded

    def text_at(self, key: str) -> str:
        """The text behind a key; empty where there is none."""
        found = self.find(key)
        return "" if found is None else found.text()

    def number_at(self, key: str, low: int = 0, high: int = LARGEST) -> int | None:
        found = self.find(key)
        return None if found is None else found.number(low, high)

    def flag_at(self, key: str) -> bool:
        """The truth value behind a key; false where there is none."""
        found = self.find(key)
        return False if found is None else found.flag()

    def _record(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            self.odd("is no object")
        return self.value
