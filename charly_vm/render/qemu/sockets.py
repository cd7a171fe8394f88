"""The sockets that QEMU listens on, which may be made before it starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from charly_vm.render.qemu.option import escape

MONITOR_ID = "charly-monitor"
EVENTS_ID = "charly-events"
AGENT_PORT_ID = "agent-port"
"""How QEMU's events call the guest agent's end of its channel."""


def is_listened_on(argv: Sequence[str], path: Path) -> bool:
    """Whether a command makes a socket at this path; one of an older charly's may have fewer."""
    return any(f",path={escape(str(path))},server=on" in word for word in argv)


def find_sockets(argv: Sequence[str], name: str) -> list[Path]:
    """Where a command listens with the character devices of this id: one place, or none."""
    pattern = re.compile(rf"socket,id={re.escape(name)},path=((?:[^,]|,,)+),")
    return [Path(found[1].replace(",,", ",")) for word in argv if (found := pattern.match(word))]


def pass_sockets(argv: Sequence[str], descriptors: Mapping[Path, int]) -> list[str]:
    """The same command with listening sockets handed over as descriptors instead of made by QEMU.

    Who owns the socket before QEMU starts can connect at once, and a refused connection means that
    no QEMU is left. Raises ValueError for a path that the command does not listen on.
    """
    words = list(argv)
    for path, descriptor in descriptors.items():
        pattern = re.compile(rf"(?<=,)path={re.escape(escape(str(path)))},(?=server=on)")
        changed = [pattern.sub(f"fd={descriptor},", word) for word in words]
        if changed == words:
            raise ValueError(f"the command does not listen on {path}")
        words = changed
    return words
