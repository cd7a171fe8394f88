"""Commands over a connection that works; what happens when it does not is in test_lost_guest."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from guest_stand_in import GuestStandIn

from charly_vm.errors import GuestError, GuestTimeout
from charly_vm.guest.ssh import SshGuest
from charly_vm.guest.stream import open_stream
from charly_vm.host.process import run
from charly_vm.host.waiting import Deadline, NotYet, wait_for

pytestmark = pytest.mark.slow


def processes(mark: str) -> dict[int, str]:
    """The processes of this host with a text in their command line, by id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_text(errors="replace").replace("\0", " ").strip()
            if mark in line:
                found[int(path.parent.name)] = line
    return found


@pytest.fixture
def nap() -> Iterator[str]:
    """A command that sleeps for long and is told apart from every other."""
    command = f"sleep {10_000 + time.monotonic_ns() % 10**9}"
    yield command
    for pid in processes(command):
        os.kill(pid, signal.SIGKILL)


def require_gone(mark: str) -> None:
    def probe() -> bool | NotYet:
        left = processes(mark)
        return NotYet(f"{left}") if left else True

    wait_for(f"the end of {mark}", probe, Deadline(2))


def require_running(nap: str, count: int = 1) -> None:
    def probe() -> bool | NotYet:
        running = list(processes(nap).values()).count(nap)
        return running == count or NotYet(f"{running} of {count}")

    wait_for(nap, probe, Deadline(10))


def test_a_command_leaves_its_status_and_both_streams_apart(guest: SshGuest) -> None:
    result = guest.run("echo out; echo err >&2; exit 3")
    assert (result.status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert result.explain() == "exit status 3"
    assert (result.stdout_text, result.stderr_text) == ("out\n", "err\n")


def test_the_command_reaches_sh_as_it_is(guest: SshGuest) -> None:
    command = """printf '%s|' "$0" "$#" 'a b' "it's" 'back\\slash' "é" '\\\\'; printf 'x\ny'"""
    assert guest.run(command).stdout_text == "sh|0|a b|it's|back\\slash|é|\\\\|x\ny"


def test_a_signal_is_a_negative_status(guest: SshGuest) -> None:
    result = guest.run("kill -KILL $$")
    assert result.status == -signal.SIGKILL
    assert result.explain() == "ended by SIGKILL"


def test_standard_input_is_passed_whole_and_ends(guest: SshGuest) -> None:
    data = os.urandom(3_000_000)
    assert guest.run("cat", stdin=data).stdout == data


def test_without_standard_input_a_reader_sees_the_end(guest: SshGuest) -> None:
    assert guest.run("wc -c", timeout=10).stdout_text.strip() == "0"


def test_a_command_that_does_not_read_its_input_is_no_error(guest: SshGuest) -> None:
    assert guest.run("true", stdin=bytes(5_000_000)).status == 0


def test_a_command_may_close_its_output_and_read_on(guest: SshGuest, tmp_path: Path) -> None:
    result = guest.run(f"exec >&-; cat >{tmp_path}/got", stdin=b"x" * 300_000)
    assert result.status == 0
    assert (tmp_path / "got").stat().st_size == 300_000


def test_a_hundred_megabytes_of_binary_output_arrive_intact(
    guest: SshGuest, tmp_path: Path
) -> None:
    data = os.urandom(100_000_000)
    (tmp_path / "data").write_bytes(data)
    result = guest.run(f"cat {tmp_path}/data", timeout=60)
    assert result.stdout == data, f"{len(result.stdout)} bytes"


def test_output_is_passed_on_while_the_command_runs(guest: SshGuest) -> None:
    out: list[tuple[float, bytes]] = []
    err: list[bytes] = []
    result = guest.run(
        "echo one; sleep 0.5; echo two; echo three >&2",
        on_stdout=lambda data: out.append((time.monotonic(), data)),
        on_stderr=err.append,
    )
    assert [data for _, data in out] == [b"one\n", b"two\n"]
    assert out[1][0] - out[0][0] > 0.3
    assert err == [b"three\n"]
    assert (result.stdout, result.stderr) == (b"one\ntwo\n", b"three\n")


def test_an_error_in_a_callback_ends_the_command_and_comes_back(guest: SshGuest, nap: str) -> None:
    def refuse(data: bytes) -> None:
        raise ValueError(f"cannot use {data!r}")

    with pytest.raises(ValueError, match="cannot use b'x"):
        guest.run(f"echo x; {nap}; true", on_stdout=refuse, timeout=30)
    require_gone(nap)
    assert guest.run("true").status == 0


def test_check_makes_a_failure_an_error_with_what_was_said(guest: SshGuest) -> None:
    with pytest.raises(GuestError) as caught:
        guest.run("echo not today >&2; exit 5", check=True)
    assert "`echo not today >&2; exit 5` failed in charly-x (exit status 5)" in str(caught.value)
    assert "| not today" in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        "echo begun; {nap} & {nap}; true",
        "echo begun; ({nap} &); {nap}; true",
        "echo begun; trap '' TERM; (trap '' TERM; {nap}); true",
        "echo begun; timeout 9999 {nap}; true",
        "echo begun; setsid sh -c '{nap}; true' & wait",
        "echo begun; kill -STOP $$; {nap}",
    ],
    ids=["children", "orphan", "deaf to TERM", "own process group", "own session", "stopped"],
)
def test_a_timeout_ends_the_command_and_what_it_started(
    guest: SshGuest, nap: str, command: str
) -> None:
    began = time.monotonic()
    with pytest.raises(GuestTimeout) as caught:
        guest.run(command.format(nap=nap), timeout=1)
    assert time.monotonic() - began < 5
    assert caught.value.seen == "begun"
    assert not caught.value.hint
    require_gone(nap)


def test_a_daemon_outlives_the_timeout_and_does_not_delay_it(guest: SshGuest, nap: str) -> None:
    began = time.monotonic()
    with pytest.raises(GuestTimeout):
        guest.run(f"(setsid {nap} &); sleep 0.1; sleep 100", timeout=1)
    assert time.monotonic() - began < 5
    assert len(processes(nap)) == 1


def test_other_commands_survive_when_one_is_ended(guest: SshGuest, nap: str) -> None:
    with ThreadPoolExecutor() as pool:
        other = pool.submit(guest.run, "sleep 1; echo still here", timeout=30)
        with pytest.raises(GuestTimeout):
            guest.run(nap, timeout=0.3)
        assert other.result().stdout_text == "still here\n"


def test_an_interrupt_ends_the_command_and_leaves_the_connection(guest: SshGuest, nap: str) -> None:
    def interrupt_once_it_runs() -> None:
        require_running(nap)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with ThreadPoolExecutor() as pool:
        interrupter = pool.submit(interrupt_once_it_runs)
        with pytest.raises(KeyboardInterrupt):
            guest.run(f"{nap} & wait", timeout=60)
        interrupter.result()
    require_gone(nap)
    assert guest.run("echo usable").stdout_text == "usable\n"


def test_twenty_threads_share_one_connection(stand_in: GuestStandIn) -> None:
    stand_in.start()
    guest = stand_in.guest()

    def work(number: int) -> list[tuple[int, bytes, bytes]]:
        results = [guest.run(f"echo {number}; echo e{number} >&2; exit {number}") for _ in range(5)]
        return [(one.status, one.stdout, one.stderr) for one in results]

    with ThreadPoolExecutor(20) as pool:
        for number, results in enumerate(pool.map(work, range(20))):
            assert results == [(number, b"%d\n" % number, b"e%d\n" % number)] * 5
    assert stand_in.connections == 1


def test_commands_queue_where_the_server_allows_few_sessions(stand_in: GuestStandIn) -> None:
    stand_in.start(max_sessions=2)
    guest = stand_in.guest()
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda number: guest.run(f"sleep 0.2; echo {number}"), range(6)))
    assert [one.stdout_text for one in results] == [f"{number}\n" for number in range(6)]


def test_a_session_that_the_server_ends_at_once_is_asked_for_anew(stand_in: GuestStandIn) -> None:
    stand_in.start()
    guest = stand_in.guest()
    (stand_in.directory / "refuse").write_text("3")
    assert guest.run("cat", stdin=b"said once").stdout == b"said once"
    assert (stand_in.directory / "refuse").read_text() == "0"
    (stand_in.directory / "refuse").write_text("3")
    with open_stream(guest, "cat") as stream:
        stream.write(b"streamed once")
        assert stream.read(100) == b"streamed once"
    assert stand_in.connections == 1


def test_a_server_that_takes_no_command_is_told_of(stand_in: GuestStandIn) -> None:
    stand_in.start()
    (stand_in.directory / "refuse").write_text("1000")
    with pytest.raises(GuestError, match="charly-x does not run commands: Session request failed"):
        stand_in.guest().run("true")


def test_waiting_for_a_free_session_counts_towards_the_timeout(guest: SshGuest, nap: str) -> None:
    def busy(_: int) -> None:
        with pytest.raises(GuestTimeout):
            guest.run(nap, timeout=1.5)

    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(busy, number) for number in range(8)]
        require_running(nap, 8)
        with pytest.raises(GuestTimeout, match="waited 1 s for a free SSH session in charly-x"):
            guest.run("true", timeout=1)
        for other in others:
            other.result()


def test_close_drops_the_connection_and_the_next_use_makes_another(stand_in: GuestStandIn) -> None:
    stand_in.start()
    guest = stand_in.guest()
    assert guest.run("echo first").status == 0
    guest.close()
    guest.close()
    assert guest.run("echo second").stdout_text == "second\n"
    assert stand_in.connections == 2


def test_importing_the_guest_loads_nothing_slow() -> None:
    program = "import sys, charly_vm.guest.ssh; print(*sys.modules)"
    loaded = run([sys.executable, "-c", program], timeout=30).stdout.split()
    assert not {"asyncssh", "asyncio", "testinfra"} & set(loaded)
