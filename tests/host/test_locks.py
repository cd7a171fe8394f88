"""Locks between processes, and between threads of one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from charly_vm.errors import HostError, LeaseUnavailable
from charly_vm.host.locks import hold, is_held, try_hold
from charly_vm.host.process import spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for

if TYPE_CHECKING:
    import subprocess

HOLD_IN_ANOTHER_PROCESS = """\
import signal, sys
from pathlib import Path
from charly_vm.host.locks import hold
from charly_vm.host.process import spawn

with hold(Path(sys.argv[1])), open(sys.argv[2], "wb") as log:
    if sys.argv[3] == "with-a-child":
        spawn(["sleep", "5"], output=log)
    Path(sys.argv[2] + ".ready").touch()
    signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


@contextmanager
def another_holder(path: Path, how: str = "alone") -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock until it is killed."""
    log = path.with_name("log")
    with log.open("wb") as output:
        child = spawn(
            [sys.executable, "-c", HOLD_IN_ANOTHER_PROCESS, path, log, how], output=output
        )
    try:
        ready = path.with_name("log.ready")
        wait_for("the other to hold it", lambda: ready.exists() or NotYet(), Deadline(20))
        yield child
    finally:
        child.kill()
        child.wait()


def test_a_lock_is_held_for_the_block_and_free_after_it(path: Path) -> None:
    with hold(path):
        assert is_held(path)
        assert try_hold(path) is None
    assert not is_held(path)


def test_asking_about_a_lock_that_never_was_makes_no_file(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()


def test_asking_leaves_the_lock_free(path: Path) -> None:
    path.touch()
    assert not is_held(path)
    with hold(path, timeout=0):
        assert is_held(path)


def test_what_was_tried_is_held_until_it_is_released(path: Path) -> None:
    taken = try_hold(path)
    assert taken is not None
    with taken:
        assert is_held(path)
    assert not is_held(path)


def test_a_block_that_raises_gives_the_lock_back(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(path):
        raise ZeroDivisionError
    assert not is_held(path)


def test_the_file_is_private_and_stays(path: Path) -> None:
    with hold(path):
        before = path.stat()
    assert path.stat().st_ino == before.st_ino
    assert before.st_mode & 0o777 == 0o600


def test_another_process_that_holds_it_is_waited_for_only_so_long(path: Path) -> None:
    with another_holder(path):
        assert is_held(path)
        assert try_hold(path) is None
        with (
            pytest.raises(LeaseUnavailable, match=r"has held .*x.lock for 0 s") as raised,
            hold(path, timeout=0.1),
        ):
            pass
        assert raised.value.holder == "another process"


def test_kill_9_of_the_holder_frees_the_lock(path: Path) -> None:
    with another_holder(path) as child:
        os.kill(child.pid, signal.SIGKILL)
        with hold(path, timeout=20):
            pass


def test_what_the_holder_has_started_does_not_keep_the_lock(path: Path) -> None:
    with another_holder(path, "with-a-child") as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert not is_held(path)


def test_a_second_lock_of_the_same_thread_is_refused_and_not_shared(path: Path) -> None:
    with hold(path), pytest.raises(LeaseUnavailable), hold(path, timeout=0.1):
        pass


def test_threads_of_one_process_exclude_each_other(path: Path) -> None:
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(5):
            with hold(path, timeout=20):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_only_who_waits_says_that_it_waits(path: Path) -> None:
    said: list[str] = []

    @contextmanager
    def waiting() -> Iterator[None]:
        said.append("begins")
        yield
        said.append("ends")

    with hold(path, waiting=waiting()):
        assert said == []
        with pytest.raises(LeaseUnavailable), hold(path, timeout=0.1, waiting=waiting()):
            pass
    assert said == ["begins", "ends"]


def test_a_missing_directory_is_made_for_us_alone(tmp_path: Path) -> None:
    with hold(tmp_path / "new" / "x.lock"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_directory_where_the_lock_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "x.lock").mkdir()
    with pytest.raises(HostError, match=r"cannot lock .*/x.lock: Is a directory"):
        try_hold(tmp_path / "x.lock")
