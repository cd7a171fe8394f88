"""A driver whose `remove` never ends: seen from procfs, which keeps nobody waiting.

The task that unbinds, or unloads the module, sits in state D below the driver's `remove` and has
the device's lock. Nothing but a reset of the host ends that; whoever wants the lock later joins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charly_vm.gpu.root import HOST, HostRoot, names_in

REMOVE = "nv_pci_remove"
"""How the frames of the driver's remove function begin: `nv_pci_remove_helper`, `….cold`."""
_RELEASE = ("device_release_driver_internal", "device_driver_detach")
_FRAME = re.compile(r"^\[<[0-9a-f]+>\] (\S+?)\+0x", re.MULTILINE)
"""One line of /proc/<pid>/stack; see proc_pid_stack(5)."""
_TASKS = 17
"""`num_threads` among the fields after the name."""


@dataclass(frozen=True, slots=True)
class StuckTask:
    """A task in state D that has to do with the end of a driver, or may have."""

    pid: int
    """Of its process."""
    task: int
    name: str
    frames: tuple[str, ...]
    """Its kernel stack, innermost first; empty where it is closed to this account."""

    @property
    def in_remove(self) -> bool:
        """Whether it waits inside the driver's remove function."""
        return any(frame.startswith(REMOVE) for frame in self.frames)

    @property
    def releases_driver(self) -> bool:
        """Whether it is ending some driver's work with a device, or waits to."""
        return any(frame in _RELEASE for frame in self.frames)

    def __str__(self) -> str:
        inside = next((one for one in self.frames if one.startswith(REMOVE)), "")
        place = f" in {inside}" if inside else ""
        return f"{self.name} (pid {self.pid}) in uninterruptible sleep{place}"


@dataclass(frozen=True, slots=True)
class WedgeCheck:
    """What could be learnt about tasks that sleep for ever."""

    tasks: tuple[StuckTask, ...] = ()
    """Those in a driver's remove, or ending a driver's work."""
    closed: tuple[StuckTask, ...] = ()
    """Those whose stack is closed to this account: any of them may be one."""
    suspected: tuple[str, ...] = ()
    """Of cards that were given up in this boot, why: one of the closed tasks may be what hangs."""

    @property
    def wedged(self) -> tuple[StuckTask, ...]:
        return tuple(task for task in self.tasks if task.in_remove)

    @property
    def is_clear(self) -> bool:
        """Whether nothing hints at one."""
        return not self.tasks and not self.closed


def check_wedge(root: HostRoot = HOST) -> WedgeCheck:
    """Look at every task that is in state D now. As root the answer is certain."""
    tasks, closed = [], []
    for task, readable in _sleeping(root.proc):
        if not readable:
            closed.append(task)
        elif task.in_remove or task.releases_driver:
            tasks.append(task)
    return WedgeCheck(tuple(tasks), tuple(closed))


def _sleeping(proc: Path) -> Iterator[tuple[StuckTask, bool]]:
    # Thousands of tasks, before and after each step of a switch: without a `Path` for each.
    for pid in names_in(proc):
        if not pid.isdigit():
            continue
        tasks = f"{proc}/{pid}/task"
        for task, stat in _stats_of(f"{proc}/{pid}", pid):
            before, _, after = stat.rpartition(b")")
            if after[:3].strip() != b"D":
                continue
            name = before.partition(b"(")[2].decode(errors="replace")
            frames, readable = _read_frames(Path(tasks, task, "stack"))
            yield StuckTask(int(pid), int(task), name, frames), readable


def _stats_of(process: str, pid: str) -> Iterator[tuple[str, bytes]]:
    """The tasks of a process and what proc_pid_stat(5) says of each. Most have but one, and are
    told by the process's own."""
    stat = _read_head(f"{process}/stat")
    # The name is in brackets and may have any character in it. The state comes next, and later how
    # many tasks there are, a leader that has ended included.
    fields = stat.rpartition(b")")[2].split(None, _TASKS + 1)
    if fields[_TASKS : _TASKS + 1] == [b"1"]:
        yield pid, stat
        return
    for task in names_in(f"{process}/task"):
        yield task, _read_head(f"{process}/task/{task}/stat")


def _read_head(path: str) -> bytes:
    """The first page of a file of the kernel's; nothing where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _read_frames(stack: Path) -> tuple[tuple[str, ...], bool]:
    try:
        return tuple(_FRAME.findall(stack.read_text(errors="replace"))), True
    except FileNotFoundError:
        # Gone meanwhile, unless this kernel tells no stacks at all.
        return (), not stack.with_name("stat").exists()
    except ProcessLookupError:
        return (), True
    except OSError:
        return (), False
