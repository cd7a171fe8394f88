"""Finding and ending an emulator, with a Python that carries an emulator's name as stand-in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charly_vm.backend import emulator_process
from charly_vm.backend.emulator_process import EmulatorProcess, find_emulator, is_emulator_of
from charly_vm.host.process import spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for

MONITOR = "socket,id=charly-monitor,fd=3,server=on,wait=off"
SLEEP = "import time; time.sleep(60)"
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""

StandIn = Callable[..., EmulatorProcess]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """`stand_in(uuid, program, monitor)` starts a process that looks like a machine's QEMU."""
    name = tmp_path / "qemu-system-x86_64"
    name.symlink_to(Path(sys.executable).resolve())
    children = []

    def start(uuid: str, program: str = SLEEP, monitor: str = MONITOR) -> EmulatorProcess:
        argv: list[str | Path] = [name, "-c", program, "-uuid", uuid, "-chardev", monitor]
        with (tmp_path / "output").open("wb") as output:
            children.append(spawn(argv, output=output))
        # For a moment after exec(2) the kernel shows no command line.
        cmdline = Path(f"/proc/{children[-1].pid}/cmdline")
        wait_for("its command line", lambda: cmdline.read_bytes() or NotYet(), Deadline(5))
        return EmulatorProcess(children[-1].pid)

    yield start
    for child in children:
        child.kill()
        child.wait()


def test_an_emulator_is_found_by_its_uuid(stand_in: StandIn) -> None:
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    with stand_in(mine) as started:
        found = find_emulator(mine)
        assert found is not None
        with found:
            assert found.pid == started.pid
        assert find_emulator(other) is None


def test_libvirts_emulator_of_the_same_uuid_is_not_ours(stand_in: StandIn) -> None:
    mine = str(uuid.uuid4())
    with stand_in(mine, monitor="socket,id=charmonitor,fd=3,server=on,wait=off"):
        assert find_emulator(mine) is None


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["/usr/bin/qemu-system-x86_64", "-uuid", "u", "-chardev", MONITOR], True),
        (["/usr/libexec/qemu-kvm", "-uuid", "u", "-chardev", MONITOR], True),
        (["/usr/bin/qemu-system-x86_64", "-uuid", "v", "-chardev", MONITOR], False),
        (["/usr/bin/qemu-system-x86_64", "u", "-uuid", "-chardev", MONITOR], False),
        (["grep", "qemu-system-x86_64", "-uuid", "u", MONITOR], False),
        ([""], False),
    ],
)
def test_only_a_command_of_qemu_with_the_uuid_counts(words: list[str], ours: bool) -> None:
    assert is_emulator_of("u", words) is ours


def test_waiting_tells_whether_it_ended(stand_in: StandIn) -> None:
    mine = str(uuid.uuid4())
    with stand_in(mine) as started:
        assert not started.wait(0)
        assert not started.wait(0.05)
        started.end()
        assert started.wait(0)


def test_an_emulator_that_has_ended_is_not_found_although_nobody_reaped_it(
    stand_in: StandIn,
) -> None:
    mine = str(uuid.uuid4())
    with stand_in(mine) as started:
        started.end()
        assert find_emulator(mine) is None
        started.end()


def test_an_emulator_that_is_deaf_to_sigterm_is_killed(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_process, "TERM_SECONDS", 0.2)
    with stand_in(str(uuid.uuid4()), DEAF) as started:
        said = tmp_path / "output"
        wait_for("deafness", lambda: said.read_text() or NotYet(), Deadline(10))
        started.end()
        assert started.wait(0)


def nameless(directory: Path) -> subprocess.Popen[bytes]:
    """A process with an emulator's name and, like one whose memory is gone, no command line; it
    ends with its input."""
    name = directory / "qemu-system-x86_64"
    shutil.copy(shutil.which("cat") or "", name)
    process = subprocess.Popen(["bash", "-c", 'exec -a "" "$0"', str(name)], stdin=subprocess.PIPE)
    comm = Path(f"/proc/{process.pid}/comm")
    wait_for("its name", lambda: "qemu" in comm.read_text() or NotYet(), Deadline(5))
    return process


def test_one_that_was_killed_has_ended_before_it_is_called_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nameless(tmp_path) as leaving:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3 and leaving.stdin:
                # It has ended then, and nobody has asked for its exit status.
                leaving.stdin.close()
                os.waitid(os.P_PID, leaving.pid, os.WEXITED | os.WNOWAIT)

        monkeypatch.setattr(time, "sleep", sleep)
        assert find_emulator(str(uuid.uuid4())) is None
        assert len(slept) == 3


def test_one_that_never_ends_keeps_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_process, "EXIT_SECONDS", 0.05)
    with nameless(tmp_path):
        assert find_emulator(str(uuid.uuid4())) is None
