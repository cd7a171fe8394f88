from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from charly_vm.errors import HostError, LaunchError
from charly_vm.host import process
from charly_vm.host.process import describe_status, find_tool, require_tool, run, spawn, tail_text
from charly_vm.host.waiting import Deadline, NotYet, wait_for


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_SECONDS", 0.5)


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """A file for commands to write process ids to."""
    return tmp_path / "pids"


def read_pids(path: Path, count: int) -> list[int]:
    def probe() -> list[int] | NotYet:
        found = [int(line) for line in path.read_text().split()] if path.exists() else []
        return found if len(found) == count else NotYet(f"{found}")

    return wait_for("process ids", probe, Deadline(10))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def require_ended(pid: int) -> None:
    wait_for(f"the end of {pid}", lambda: not is_running(pid) or NotYet("it runs"), Deadline(5))


def test_a_command_leaves_its_status_and_both_streams() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2"], timeout=10)
    assert (done.status, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_arguments_are_words_and_not_shell_text(tmp_path: Path) -> None:
    assert run(["printf", "%s|", "a b", "$HOME", tmp_path], timeout=10).stdout == (
        f"a b|$HOME|{tmp_path}|"
    )


def test_output_that_is_no_text_does_not_break_it() -> None:
    assert run(["printf", r"a\377b"], timeout=10).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_standard_input_is_closed_unless_it_is_given() -> None:
    assert run(["cat"], timeout=10).stdout == ""
    assert run(["cat"], timeout=10, stdin="é\n").stdout == "é\n"


def test_the_environment_is_added_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    done = run(["sh", "-c", "echo $OURS $THEIRS"], timeout=10, env={"THEIRS": "2"})
    assert done.stdout == "1 2\n"
    assert "THEIRS" not in os.environ


def test_a_command_may_have_another_working_directory(tmp_path: Path) -> None:
    assert run(["pwd", "-P"], timeout=10, cwd=tmp_path).stdout == f"{tmp_path.resolve()}\n"


def test_a_failure_is_an_error_with_all_that_is_needed_to_repeat_it() -> None:
    with pytest.raises(LaunchError) as caught:
        run(["sh", "-c", "echo chatter; echo the reason >&2; exit 7"], timeout=10, what="the thing")
    assert caught.value.status == 7
    assert caught.value.log == "the reason"
    text = str(caught.value)
    assert "the thing failed (exit status 7)" in text
    assert "| the reason" in text
    assert "sh -c 'echo chatter; echo the reason >&2; exit 7'" in text


def test_a_failure_that_is_expected_is_a_result() -> None:
    assert run(["sh", "-c", "exit 7"], timeout=10, check=False).status == 7
    assert run(["sh", "-c", "kill -9 $$"], timeout=10, check=False).status == -signal.SIGKILL


def test_a_program_that_is_missing_or_cannot_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A directory of PATH that is closed to us must not change what is said.
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.setenv("PATH", f"{tmp_path}/closed:{os.environ['PATH']}")
    with pytest.raises(HostError, match="no-such-program is not installed"):
        run(["no-such-program"], timeout=10)
    (tmp_path / "barred").write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(HostError, match="barred is not installed"):
        run(["barred"], timeout=10)
    (tmp_path / "data").write_text("x")
    with pytest.raises(HostError, match=r"cannot start .*data: Permission denied"):
        run([tmp_path / "data"], timeout=10)


def test_a_command_that_overruns_is_ended_with_its_children(pids: Path) -> None:
    script = f"echo so far; sleep 60 & echo $! >>{pids}; sleep 60 & echo $! >>{pids}; wait"
    with pytest.raises(LaunchError, match="sh took longer than 1 s and was ended") as caught:
        run(["sh", "-c", script], timeout=1)
    assert caught.value.status is None
    assert caught.value.log == "so far"
    for pid in read_pids(pids, 2):
        require_ended(pid)


@pytest.mark.parametrize("deaf", ["leader", "child"])
def test_what_does_not_hear_the_polite_signal_is_killed(pids: Path, deaf: str) -> None:
    child = f"(trap '' TERM; echo {deaf}; sleep 60; sleep 60) & echo $! >>{pids}"
    script = f"{child}; wait" if deaf == "child" else f"trap '' TERM; {child}; wait; wait"
    began = time.monotonic()
    with pytest.raises(LaunchError):
        run(["sh", "-c", script], timeout=0.5)
    assert time.monotonic() - began < 5
    for pid in read_pids(pids, 1):
        require_ended(pid)


def test_a_daemon_that_keeps_the_streams_open_does_not_keep_the_caller(pids: Path) -> None:
    began = time.monotonic()
    with pytest.raises(LaunchError, match="took longer") as caught:
        run(["sh", "-c", f"echo begun; setsid sleep 60 & echo $! >>{pids}; wait"], timeout=0.5)
    try:
        assert time.monotonic() - began < 5
        assert caught.value.log == "begun"
    finally:
        for pid in read_pids(pids, 1):
            os.kill(pid, signal.SIGKILL)


def test_an_interrupt_ends_the_command(pids: Path) -> None:
    def interrupt_once_it_runs() -> None:
        read_pids(pids, 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with ThreadPoolExecutor() as pool:
        interrupter = pool.submit(interrupt_once_it_runs)
        with pytest.raises(KeyboardInterrupt):
            run(["sh", "-c", f"sleep 60 & echo $! >>{pids}; wait"], timeout=60)
        interrupter.result()
    require_ended(read_pids(pids, 1)[0])


def test_a_spawned_process_is_in_a_session_of_its_own_and_logs_both_streams(
    tmp_path: Path,
) -> None:
    with (tmp_path / "log").open("wb") as log:
        child = spawn(["sh", "-c", "echo out; echo err >&2; exec sleep 60"], output=log)
    try:
        assert os.getsid(child.pid) == child.pid
        wait_for(
            "both lines",
            lambda: (tmp_path / "log").read_text() == "out\nerr\n" or NotYet("less"),
            Deadline(10),
        )
    finally:
        child.kill()
        child.wait()


def test_a_spawned_process_gets_the_descriptors_that_are_passed_and_no_others(
    tmp_path: Path,
) -> None:
    ends = [os.pipe() for _ in range(2)]
    passed, kept = ends[0][1], ends[1][1]
    script = f"echo hello >/proc/self/fd/{passed}; ls /proc/self/fd"
    with (tmp_path / "log").open("wb") as log:
        child = spawn(["sh", "-c", script], output=log, pass_fds=[passed], env={"LC_ALL": "C"})
    assert child.wait() == 0
    assert os.read(ends[0][0], 10) == b"hello\n"
    listed = (tmp_path / "log").read_text().split()
    assert str(passed) in listed
    assert str(kept) not in listed
    for end in ends:
        for descriptor in end:
            os.close(descriptor)


def test_tools_are_found_where_a_users_path_does_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tool("ldconfig") is not None
    assert find_tool("no-such-program") is None
    with pytest.raises(HostError, match="install the-package"):
        require_tool("no-such-program", package="the-package")


def test_a_status_is_said_in_words() -> None:
    assert describe_status(0) == "exit status 0"
    assert describe_status(-15) == "ended by SIGTERM"
    assert describe_status(-255) == "ended by signal 255"


def test_a_tail_is_the_last_lines() -> None:
    assert tail_text("a\nb\nc\n\n", 2) == "b\nc"
    assert tail_text("") == ""
