"""A machine's QEMU process: found by what its command line says, waited on by a pidfd.

There is no pid file: a number in a file may by now be somebody else's, and a file may be missing
because we were killed before writing it. The command line is there for as long as the process has
memory, which ends a moment before its files do.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
import time
from pathlib import Path
from types import TracebackType

from charly_vm.errors import HostError
from charly_vm.host.waiting import Deadline
from charly_vm.render.qemu_argv import MONITOR_ID

PROC = Path("/proc")
TERM_SECONDS = 5.0
KILL_SECONDS = 10.0
EXIT_SECONDS = 5.0
"""For one that somebody else has killed: to give back the memory of a large guest takes seconds."""
EXIT_EVERY = 0.005


class EmulatorProcess:
    """One running QEMU, safe against its process id being used again.

    A context manager, since it holds a descriptor.
    """

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError where the process is gone and reaped."""
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)

    def __enter__(self) -> EmulatorProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._pidfd)

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended, waiting for that up to `seconds`.

        By then its ports, sockets and locks on images are free again.
        """
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def end(self) -> None:
        """End it: by SIGTERM, at which QEMU closes its images in good order, or by SIGKILL.

        Raises `HostError` where even that does not help: it is stuck inside the kernel.
        """
        for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                return
            if self.wait(seconds):
                return
        raise HostError(
            f"the emulator (process {self.pid}) does not end, not even by SIGKILL",
            hint="it waits inside the kernel for a device or a file system; see `dmesg`",
        )


def find_emulator(uuid: str) -> EmulatorProcess | None:
    """The QEMU that runs the machine with this UUID on the qemu backend, whoever started it.

    Where there is none, whichever of this account's are on their way out have ended, unless that
    takes longer than `EXIT_SECONDS`: what was killed has its images locked for a moment more.
    """
    deadline = Deadline(EXIT_SECONDS)
    while True:
        found, nameless = _search(uuid)
        if found is not None or not nameless or deadline.passed:
            return found
        time.sleep(EXIT_EVERY)


def _search(uuid: str) -> tuple[EmulatorProcess | None, bool]:
    """The emulator, or else whether there are some that nobody can tell from each other: one whose
    memory is gone has no command line any more, and one that has just been executed none yet."""
    nameless = False
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        words = read_words(entry)
        if not any(words) and _is_nameless_emulator(entry):
            nameless = True
        if not is_emulator_of(uuid, words):
            continue
        try:
            process = EmulatorProcess(int(entry.name))
        except ProcessLookupError:
            continue
        # The id may have changed hands before the pidfd was opened; from now on it cannot.
        if is_emulator_of(uuid, read_words(entry)):
            return process, False
        process.close()
    return None, nameless


def read_words(entry: Path) -> list[str]:
    """A process's command line, empty words where it has none."""
    try:
        return (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return [""]


def _is_nameless_emulator(entry: Path) -> bool:
    """Whether a process without a command line is a QEMU of this account that has not ended."""
    try:
        name = (entry / "comm").read_text(errors="replace")
        if not _is_emulator(name.strip()) or entry.stat().st_uid != os.geteuid():
            return False
        with EmulatorProcess(int(entry.name)) as process:
            # A process whose first thread has ended is there until its last one has.
            return not process.wait(0)
    except OSError:
        return False


def is_emulator_of(uuid: str, words: list[str]) -> bool:
    """Whether a command line is that of our QEMU for this machine.

    libvirt passes `-uuid` as well; the name of the monitor tells its processes from ours.
    """
    ours = any(word.startswith(f"socket,id={MONITOR_ID},") for word in words)
    return ours and runs_machine(uuid, words)


def runs_machine(uuid: str, words: list[str]) -> bool:
    """Whether a command line is that of any QEMU for the machine with this UUID."""
    name = words[0].rpartition("/")[2]
    return _is_emulator(name) and ("-uuid", uuid) in itertools.pairwise(words)


def _is_emulator(name: str) -> bool:
    return name.startswith("qemu-system") or name == "qemu-kvm"
