"""The host's CPUs and RAM, shared among the beds that run at the same time.

Each CPU and each piece of RAM is a lock file. Who holds as many as a machine takes may run it, and
the kernel drops the locks of a bed that dies. What somebody runs outside of beds is not counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from charly_vm.errors import GuestTimeout, LeaseUnavailable
from charly_vm.host.locks import hold, try_hold
from charly_vm.host.paths import state_directory
from charly_vm.host.progress import SILENT, Progress, Seen
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.quantities import format_size

RAM_PIECE = 256 * 1024**2
_EVERY = 0.5
"""Seconds between two looks at what is free."""


def host_pieces() -> dict[str, int]:
    """How many CPUs and pieces of RAM this host has."""
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": os.cpu_count() or 1, "ram": ram // RAM_PIECE}


def wanted_pieces(cpus: int, ram: int, host: Mapping[str, int]) -> dict[str, int]:
    """How many a machine takes. One that is larger than the host takes all: it runs alone."""
    wanted = {"cpu": cpus, "ram": -(-ram // RAM_PIECE)}
    return {kind: min(count, host[kind]) for kind, count in wanted.items()}


@contextmanager
def hold_share(
    name: str, *, cpus: int, ram: int, timeout: float, progress: Progress = SILENT
) -> Iterator[None]:
    """Hold the CPUs and the RAM (bytes) of a machine for the length of the block.

    Raises `LeaseUnavailable` where others hold them for longer than `timeout` seconds.
    """
    host = host_pieces()
    wanted = wanted_pieces(cpus, ram, host)
    held = _take(wanted, host)
    if held is None:
        what = f"room for {name}: {cpus} CPUs and {format_size(ram)}"
        with progress.phase(f"waiting for {what}") as seen:
            held = _wait(what, wanted, host, timeout, seen)
    with held:
        yield


def _wait(
    what: str, wanted: Mapping[str, int], host: Mapping[str, int], timeout: float, seen: Seen
) -> AbstractContextManager[object]:
    def probe() -> AbstractContextManager[object] | NotYet:
        return _take(wanted, host) or NotYet("other beds have them")

    try:
        return wait_for(what, probe, Deadline(timeout), every=_EVERY, seen=seen)
    except GuestTimeout as error:
        raise LeaseUnavailable(
            f"this host had no {what} for {timeout:.0f} s",
            holder="other beds",
            hint="wait for the other beds, or give the machine less `ram` and `cpu`",
        ) from error


def _take(
    wanted: Mapping[str, int], host: Mapping[str, int]
) -> AbstractContextManager[object] | None:
    """All of the pieces, or None and none of them."""
    directory = state_directory() / "budget"
    with ExitStack() as taken:
        # One at a time: two that take half each would both come away with nothing.
        with hold(directory / "lock"):
            for kind, count in wanted.items():
                for lock in _free(directory, kind, host[kind]):
                    if not count:
                        break
                    if one := try_hold(lock):
                        taken.enter_context(one)
                        count -= 1
                if count:
                    return None
        return taken.pop_all()


def _free(directory: Path, kind: str, total: int) -> Iterator[Path]:
    return (directory / f"{kind}-{number}" for number in range(total))
