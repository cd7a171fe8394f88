"""Control keys as people write them: `^]`, and the byte that a terminal sends for each."""

from __future__ import annotations

import re

_WRITTEN = re.compile(r"(?:\^|[Cc]trl-)([A-Za-z\[\]\\^_@])")


def parse_control_key(written: str) -> bytes:
    """The byte of a control key. Raises ValueError for anything else."""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError("is no control key; write one as ^] or Ctrl-]")
    return bytes([ord(found[1].upper()) & 0x1F])


def describe_control_key(key: bytes) -> str:
    """As people read it on their keyboard: `Ctrl-]`."""
    return f"Ctrl-{chr(key[0] | 0x40)}"
