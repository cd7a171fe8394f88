"""How long work took last time, so that people see how far along it is.

A small file that nothing depends on: what is not as we write it is dropped, and the next `save`
puts a good file in its place.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.files import write_atomically
from charly_vm.host.locks import hold
from charly_vm.host.paths import state_directory

VERSION = 1
KEPT = 2000
"""How many are kept: those that were remembered last."""
LOCK_SECONDS = 5.0
"""Others hold the lock for the length of a write."""

Key = tuple[str, ...]
"""What is known to take that long, from the outside in: a bed, what it is about, what it does."""


class Durations:
    """The durations of a run: last time's, and its own for the next time."""

    def __init__(self, file: Path | None = None) -> None:
        """`file` is the user's own where it is not given. Nothing is read yet."""
        self._file = file
        self._last: dict[Key, float] | None = None
        self._new: dict[Key, float] = {}

    def last(self, key: Key) -> float | None:
        """Seconds that it took in the run before this one, or earlier in this one."""
        if key in self._new:
            return self._new[key]
        if self._last is None:
            try:
                self._last = _read(self._path())
            except HostError:
                self._last = {}
        return self._last.get(key)

    def remember(self, key: Key, seconds: float) -> None:
        """Keep in mind that it took so long; `save` writes it down."""
        self._new.pop(key, None)
        self._new[key] = seconds

    def save(self) -> None:
        """Write down what is new, beside what other runs have written meanwhile.

        Raises `HostError` where it cannot be written, and `LeaseUnavailable` where another process
        hangs while it writes.
        """
        if not self._new:
            return
        path = self._path()
        with hold(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
            known = _read(path)
            for key, seconds in self._new.items():
                known.pop(key, None)
                known[key] = round(seconds, 3)
            entries = [[*key, seconds] for key, seconds in known.items()][-KEPT:]
            lines = ",\n".join(json.dumps(entry) for entry in entries)
            write_atomically(path, f'{{"version": {VERSION}, "seconds": [\n{lines}\n]}}\n')

    def _path(self) -> Path:
        return self._file or state_directory() / "durations.json"


def _read(path: Path) -> dict[Key, float]:
    """What the file says; nothing where it says nothing that we understand."""
    try:
        written = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(written, dict) or written.get("version") != VERSION:
        return {}
    entries = written.get("seconds")
    found = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, list) and len(entry) > 1 and _is_duration(entry[-1]):
            *key, seconds = entry
            if all(isinstance(part, str) for part in key):
                found[tuple(key)] = float(seconds)
    return found


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0
