"""What a guest looks like that does not answer, not yet or no longer."""

from __future__ import annotations

import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from guest_stand_in import GuestStandIn

from charly_vm.errors import GuestError, GuestTimeout, HostError
from charly_vm.guest import connection, running
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.command import CommandResult
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.host.waiting import Deadline

pytestmark = pytest.mark.slow


@contextmanager
def peer(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a peer that does one thing with its first client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def reset(client: socket.socket) -> None:
    # SO_LINGER with no time makes close() send RST, as QEMU's user network does.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def begin(
    pool: ThreadPoolExecutor, guest: SshGuest, command: str, *, timeout: float
) -> Future[CommandResult]:
    """Run a command on another thread; returns once it runs."""
    begun = threading.Event()
    running = pool.submit(
        guest.run,
        f"echo begun; {command}",
        timeout=timeout,
        on_stdout=lambda _: begun.set(),
    )
    assert begun.wait(10)
    return running


def test_a_port_that_accepts_and_stays_mute_is_given_up_in_time(stand_in: GuestStandIn) -> None:
    began = time.monotonic()
    with pytest.raises(GuestUnreachable, match="no SSH banner within 1 s"):
        stand_in.guest().connect(Deadline(60), patience=1)
    assert time.monotonic() - began < 3


def test_a_mute_port_costs_a_command_its_timeout_and_no_more(stand_in: GuestStandIn) -> None:
    began = time.monotonic()
    with pytest.raises(GuestUnreachable, match="no SSH banner"):
        stand_in.guest().run("true", timeout=0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (reset, "no SSH banner: Connection reset by peer"),
        (lambda client: None, "the connection was closed before an SSH banner came"),
        (lambda client: client.sendall(b"220 mail ready\r\n"), "an SSH banner, then: "),
    ],
    ids=["reset", "closed", "something else"],
)
def test_a_peer_that_is_no_ssh_server_is_noticed_at_once(
    stand_in: GuestStandIn, answer: Callable[[socket.socket], None], seen: str
) -> None:
    began = time.monotonic()
    with peer(answer) as port, pytest.raises(GuestUnreachable) as caught:
        stand_in.guest(port=port).connect(Deadline(60))
    assert caught.value.seen.startswith(seen)
    assert time.monotonic() - began < 3


def test_a_port_that_nobody_listens_on_is_noticed_at_once(stand_in: GuestStandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(GuestUnreachable, match=f"nothing listens on 127.0.0.1:{port}"):
        stand_in.guest(port=port).run("true")


def test_the_connection_that_saw_the_banner_is_the_one_that_is_used(stand_in: GuestStandIn) -> None:
    stand_in.start()
    assert stand_in.guest().run("echo hello").stdout_text == "hello\n"
    assert stand_in.connections == 1


def test_another_host_key_is_an_error_for_good(stand_in: GuestStandIn) -> None:
    stand_in.start()
    make_key_pair(stand_in.directory / "other", comment="")
    guest = stand_in.guest(name="charly-y")
    with pytest.raises(GuestError, match="is not charly-y: its SSH host key is not") as caught:
        guest.run("true")
    assert not isinstance(caught.value, GuestUnreachable)


def test_another_key_of_ours_is_refused(stand_in: GuestStandIn) -> None:
    stand_in.start()
    make_key_pair(stand_in.directory / "other", comment="")
    with pytest.raises(GuestUnreachable, match="permission denied for somebody") as caught:
        stand_in.guest(key="other").run("true")
    assert caught.value.rejected


@pytest.mark.parametrize("name", ["id_ed25519", "known_hosts"])
def test_a_file_of_ours_that_is_missing_is_named(stand_in: GuestStandIn, name: str) -> None:
    (stand_in.directory / name).unlink()
    with pytest.raises(HostError, match=f"cannot read .*{name}: No such file"):
        stand_in.guest().run("true")


def test_a_private_key_that_is_none_is_named(stand_in: GuestStandIn) -> None:
    (stand_in.directory / "id_ed25519").write_text("not a key")
    with pytest.raises(HostError, match="id_ed25519 is no SSH key that can be used"):
        stand_in.guest().run("true")


def test_a_guest_that_dies_ends_the_command_at_once(stand_in: GuestStandIn) -> None:
    stand_in.start()
    with ThreadPoolExecutor() as pool:
        command = begin(pool, stand_in.guest(), "exec sleep 3", timeout=100)
        stand_in.kill()
        with pytest.raises(GuestUnreachable, match="lost while `echo begun; exec sleep 3` ran"):
            command.result(timeout=1)


def test_the_connection_is_made_anew_after_the_guest_was_gone(stand_in: GuestStandIn) -> None:
    stand_in.start()
    guest = stand_in.guest()
    first = guest.run("echo $PPID").stdout
    stand_in.kill()
    with pytest.raises(GuestUnreachable):
        guest.run("true", timeout=0.3)
    stand_in.start()
    assert guest.run("echo $PPID").stdout != first


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Keepalive ten times as quick; returns how long a guest may be silent then."""
    seconds = connection.KEEPALIVE_SECONDS / 10
    monkeypatch.setattr(connection, "KEEPALIVE_SECONDS", seconds)
    return seconds * (connection.KEEPALIVE_COUNT + 1)


def test_a_frozen_guest_is_noticed_long_before_the_timeout(
    stand_in: GuestStandIn, quick: float
) -> None:
    stand_in.start()
    guest = stand_in.guest()
    with ThreadPoolExecutor() as pool:
        command = begin(pool, guest, "exec sleep 20", timeout=100)
        stand_in.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(GuestUnreachable, match="lost before `true` ran"):
            guest.run("true", timeout=100)
        with pytest.raises(GuestUnreachable, match="not responding to keepalive"):
            command.result()
    assert quick - 0.5 < time.monotonic() - began < quick + 2


def test_a_guest_that_is_busy_for_a_while_is_not_given_up(
    stand_in: GuestStandIn, quick: float
) -> None:
    stand_in.start()
    guest = stand_in.guest()
    guest.run("true")
    stand_in.signal(signal.SIGSTOP)
    threading.Timer(quick * 0.6, stand_in.signal, [signal.SIGCONT]).start()
    assert guest.run("echo patience").stdout_text == "patience\n"
    assert stand_in.connections == 1


def test_a_silent_command_is_not_taken_for_a_silent_guest(
    stand_in: GuestStandIn, quick: float
) -> None:
    stand_in.start()
    assert stand_in.guest().run(f"sleep {quick * 1.5}; echo done").stdout_text == "done\n"


def test_a_timeout_in_a_frozen_guest_says_that_the_command_may_still_run(
    stand_in: GuestStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "END_SECONDS", 0.5)
    stand_in.start()
    guest = stand_in.guest()
    guest.run("true")
    with ThreadPoolExecutor() as pool:
        command = begin(pool, guest, "exec sleep 20", timeout=1)
        stand_in.signal(signal.SIGSTOP)
        with pytest.raises(GuestTimeout) as caught:
            command.result(timeout=6)
    assert caught.value.seen == "begun"
    assert "may still run" in caught.value.hint


def test_a_command_whose_start_was_interrupted_is_ended(stand_in: GuestStandIn) -> None:
    stand_in.start(max_sessions=2)
    guest = stand_in.guest()
    guest.run("true")
    stand_in.signal(signal.SIGSTOP)
    threading.Timer(1, stand_in.signal, [signal.SIGCONT]).start()
    with pytest.raises(GuestTimeout, match="for `exec sleep 20` to start in charly-x") as caught:
        guest.run("exec sleep 20", timeout=0.5)
    assert not caught.value.hint
    with ThreadPoolExecutor() as pool:
        other = begin(pool, guest, "exec sleep 3", timeout=20)
        assert guest.run("echo room", timeout=2).stdout_text == "room\n"
        assert other.result().status == 0
