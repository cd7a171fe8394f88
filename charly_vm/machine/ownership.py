"""Who works on a machine: one lock per machine, held for a command or for a whole bed.

The kernel drops the lock when its holder dies, so a free lock over an unfinished record, or over
a bed's, means for certain that nobody will finish it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from charly_vm.errors import HostError, LeaseUnavailable
from charly_vm.host.boot import boot_id
from charly_vm.host.files import read_tail, write_atomically
from charly_vm.host.locks import hold, is_held, try_hold
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.records import (
    MachineRecord,
    Owner,
    Purpose,
    find_record,
    machine_lock,
    now,
)

COMMAND_WAIT_SECONDS = 10.0
"""A command waits this long for another command on the same machine."""

BED_WAIT_SECONDS = 2 * 3600.0
"""A bed waits this long for another run of itself."""


def this_process(purpose: Purpose) -> Owner:
    """Us, as an owner that other people can recognise."""
    program = Path(sys.argv[0])
    # `python -m pytest` is known by the package.
    name = program.parent.name if program.name == "__main__.py" else program.name
    command = shlex.join([name, *sys.argv[1:]])
    return Owner(purpose, os.getpid(), command, now(), boot_id())


@contextmanager
def own_machine(
    domain: str, *, wait: float = COMMAND_WAIT_SECONDS, progress: Progress = SILENT
) -> Iterator[None]:
    """Hold a machine for the length of the block.

    Raises `LeaseUnavailable` with the holder's name after `wait` seconds.
    """
    path = machine_lock(domain)
    with ExitStack() as stack:
        taken = try_hold(path)
        if taken is not None:
            stack.enter_context(taken)
        else:
            progress.note(f"{domain} is in use by {_holder(domain)}; waiting for it")
            waiting = progress.phase(f"waiting for another user of {domain}")
            try:
                stack.enter_context(hold(path, timeout=wait, waiting=waiting))
            except LeaseUnavailable:
                holder = _holder(domain)
                raise LeaseUnavailable(
                    f"{domain} is in use by {holder}",
                    holder=holder,
                    hint="wait until that has ended, or end it",
                ) from None
        # For whoever waits for us. Nothing depends on it, so a full disk is no reason to stop.
        with suppress(HostError):
            write_atomically(_holder_file(domain), str(this_process(Purpose.COMMAND)))
        yield


def is_left_over(record: MachineRecord) -> bool:
    """Whether the machine belongs to somebody who has died, so that `prune` would remove it."""
    domain = record.machine.domain
    if not record.is_bound_to_owner or is_held(machine_lock(domain)):
        return False
    # Whoever let go of the lock a moment ago may have finished the machine.
    return find_record(domain) == record


def find_holder(domain: str) -> str:
    """Who works on a machine at this moment, in words; empty where nobody does."""
    return _holder(domain) if is_held(machine_lock(domain)) else ""


def _holder(domain: str) -> str:
    """Who holds the lock of a machine, in words; to be asked while somebody does."""
    return read_tail(_holder_file(domain)) or "another charly command"


def _holder_file(domain: str) -> Path:
    return machine_lock(domain).with_suffix(".holder")
