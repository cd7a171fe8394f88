"""A machine's QEMU process: found by what its command line says, waited on by a pidfd.

There is no pid file: a number in a file may by now be somebody else's, and a file may be missing
because we were killed before writing it. The command line is there for exactly as long as the
process is.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
from pathlib import Path
from types import TracebackType

from charly_vm.errors import HostError
from charly_vm.render.qemu_argv import MONITOR_ID

PROC = Path("/proc")
TERM_SECONDS = 5.0
KILL_SECONDS = 10.0


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
    """The QEMU that runs the machine with this UUID on the qemu backend, whoever started it."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or not _runs(entry, uuid):
            continue
        try:
            process = EmulatorProcess(int(entry.name))
        except ProcessLookupError:
            continue
        # The id may have changed hands before the pidfd was opened; from now on it cannot.
        if _runs(entry, uuid):
            return process
        process.close()
    return None


def _runs(entry: Path, uuid: str) -> bool:
    try:
        words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return False
    return is_emulator_of(uuid, words)


def is_emulator_of(uuid: str, words: list[str]) -> bool:
    """Whether a command line is that of our QEMU for this machine.

    libvirt passes `-uuid` as well; the name of the monitor tells its processes from ours.
    """
    name = words[0].rpartition("/")[2]
    return (
        (name.startswith("qemu-system") or name == "qemu-kvm")
        and ("-uuid", uuid) in itertools.pairwise(words)
        and any(word.startswith(f"socket,id={MONITOR_ID},") for word in words)
    )
