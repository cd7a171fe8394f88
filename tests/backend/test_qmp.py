"""QMP against a real QEMU that has no machine, and against sockets that do not answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from charly_vm.backend import qmp
from charly_vm.host.process import require_tool, spawn
from charly_vm.model.protocols import DomainState

GREETING = {
    "QMP": {
        "version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""},
        "capabilities": [],
    }
}


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Path]:
    """The monitor of a QEMU without a machine, whose CPUs are stopped."""
    qemu = require_tool("qemu-system-x86_64", package="qemu-system-x86")
    path = tmp_path / "qmp.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        chardev = f"socket,id=m,fd={listener.fileno()},server=on,wait=off"
        with (tmp_path / "log").open("wb") as log:
            child = spawn(
                [qemu, "-machine", "none", "-S", "-nodefaults", "-display", "none",
                 "-chardev", chardev, "-mon", "chardev=m,mode=control"],
                output=log,
                pass_fds=[listener.fileno()],
            )  # fmt: skip
    yield path
    child.terminate()
    child.wait()


def test_qemu_answers_a_command(monitor: Path) -> None:
    assert "qemu" in qmp.execute(monitor, "query-version")


def test_stopped_cpus_are_a_pause_and_running_ones_run(monitor: Path) -> None:
    assert qmp.query_state(monitor) is DomainState.PAUSED
    qmp.execute(monitor, "cont")
    assert qmp.query_state(monitor) is DomainState.RUNNING


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("running", DomainState.RUNNING),
        ("shutdown", DomainState.RUNNING),
        ("paused", DomainState.PAUSED),
        ("io-error", DomainState.PAUSED),
        ("inmigrate", DomainState.PAUSED),
        ("guest-panicked", DomainState.CRASHED),
        ("internal-error", DomainState.CRASHED),
    ],
)
def test_each_status_of_qemu_is_a_state_of_the_machine(
    tmp_path: Path, status: str, state: DomainState
) -> None:
    """Against a stand-in that speaks the protocol: a panic takes a guest to cause."""
    path = tmp_path / "qmp.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            client = listener.accept()[0]
            with client:
                client.sendall(json.dumps(GREETING).encode() + b"\n")
                for answer in ({}, {"status": status}):
                    asked = json.loads(client.recv(4096))
                    identity = {"id": asked["id"]} if "id" in asked else {}
                    client.sendall(json.dumps({"return": answer, **identity}).encode() + b"\n")

        server = threading.Thread(target=serve)
        server.start()
        assert qmp.query_state(path) is state
        server.join()


def test_many_ask_one_monitor_and_each_gets_an_answer(monitor: Path) -> None:
    states = []
    threads = [
        threading.Thread(target=lambda: states.append(qmp.query_state(monitor))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [DomainState.PAUSED] * 20


def test_a_refusal_is_told_from_silence(monitor: Path) -> None:
    with pytest.raises(qmp.CommandRefused, match="no-such-command"):
        qmp.execute(monitor, "no-such-command")


def test_a_monitor_that_another_client_keeps_is_given_up_and_later_answers(monitor: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.connect(str(monitor))
        other.recv(4096)
        with pytest.raises(qmp.MonitorError, match=r"did not answer query-status within"):
            qmp.query_state(monitor, timeout=0.3)
    assert qmp.query_state(monitor) is DomainState.PAUSED


def test_events_where_the_library_expects_none_are_no_answer(tmp_path: Path) -> None:
    """One before the greeting, the next time one before the answer to qmp_capabilities."""
    path = tmp_path / "qmp.sock"
    event = {"event": "SPICE_DISCONNECTED", "timestamp": {"seconds": 1, "microseconds": 1}}
    before_greeting: list[list[object]] = [[event, GREETING], [GREETING], [GREETING]]

    def say(client: socket.socket, *messages: object) -> None:
        client.sendall("".join(json.dumps(message) + "\n" for message in messages).encode())

    def serve(listener: socket.socket) -> None:
        for number, said in enumerate(before_greeting):
            client, _ = listener.accept()
            # Who hangs up leaves unread what was said.
            with suppress(OSError), client:
                say(client, *said)
                while received := client.recv(4096):
                    asked = json.loads(received)
                    if number == 1:
                        say(client, event)
                    returned = {} if asked["execute"] == "qmp_capabilities" else {"running": True}
                    identity = {"id": asked["id"]} if "id" in asked else {}
                    say(client, {"return": returned, **identity})

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        assert qmp.execute(path, "query-status") == {"running": True}
        server.join(5)
        assert not server.is_alive()


def test_a_socket_without_a_qemu_behind_it_is_an_error_at_once(tmp_path: Path) -> None:
    path = tmp_path / "qmp.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    with pytest.raises(qmp.MonitorError, match="refused"):
        qmp.query_state(path, timeout=10)
    with pytest.raises(qmp.MonitorError, match="No such file"):
        qmp.query_state(tmp_path / "none.sock", timeout=10)


def test_a_qemu_that_ends_while_it_is_asked_is_an_error(monitor: Path) -> None:
    qmp.execute(monitor, "quit")
    with pytest.raises(qmp.MonitorError):
        qmp.query_state(monitor)
