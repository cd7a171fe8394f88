"""A few words with a guest agent: an agent's end of the channel is played by the test."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charly_vm.backend.guest_agent import ask_agent
from charly_vm.errors import GuestError

Play = Callable[[socket.socket], None]


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Callable[[Play], Path]]:
    """Serves one client in the way that the test says."""
    path = tmp_path / "agent.sock"
    threads = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve(play: Play) -> Path:
            def work() -> None:
                with listener.accept()[0] as client:
                    client.settimeout(20)
                    play(client)

            threads.append(threading.Thread(target=work))
            threads[-1].start()
            return path

        yield serve
        for thread in threads:
            thread.join(20)


def _read(client: socket.socket) -> dict[str, object]:
    line = b""
    while not line.endswith(b"\n"):
        line += client.recv(1)
    message: dict[str, object] = json.loads(line.lstrip(b"\xff"))
    return message


def _sync(client: socket.socket) -> None:
    asked = _read(client)
    assert asked["execute"] == "guest-sync-delimited"
    arguments = asked["arguments"]
    assert isinstance(arguments, dict)
    _say(client, {"return": arguments["id"]}, mark=True)


def _say(client: socket.socket, answer: object, *, mark: bool = False) -> None:
    client.sendall((b"\xff" if mark else b"") + json.dumps(answer).encode() + b"\n")


def _freeze(client: socket.socket) -> None:
    _sync(client)
    assert _read(client) == {"execute": "guest-fsfreeze-freeze"}
    _say(client, {"return": 2})


def test_an_agent_does_what_it_is_told(channel: Callable[[Play], Path]) -> None:
    assert ask_agent(channel(_freeze), "guest-fsfreeze-freeze") == 2


def test_what_a_client_before_us_has_left_is_passed_over(
    channel: Callable[[Play], Path],
) -> None:
    def play(client: socket.socket) -> None:
        # An answer that nobody read, one to an older synchronisation, and half an error.
        client.sendall(b'{"return": [1, 2]}\n\xff{"return": 7}\n{"error": {"cla')
        _freeze(client)

    assert ask_agent(channel(play), "guest-fsfreeze-freeze") == 2


def test_a_refusal_is_told_in_the_agents_words(channel: Callable[[Play], Path]) -> None:
    def play(client: socket.socket) -> None:
        _sync(client)
        _read(client)
        _say(client, {"error": {"class": "CommandNotFound", "desc": "it has been disabled"}})

    with pytest.raises(GuestError, match="refused guest-fsfreeze-freeze: it has been disabled"):
        ask_agent(channel(play), "guest-fsfreeze-freeze")


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (lambda client: client.recv(1000) and client.recv(1000), "it is silent"),
        (lambda client: None, "does not answer"),
        (lambda client: client.sendall(b"\xffhello\n") or client.recv(1000), "no JSON object"),
    ],
    ids=["silent", "gone", "another program"],
)
def test_whoever_is_no_agent_is_given_up(
    channel: Callable[[Play], Path], play: Play, why: str
) -> None:
    with pytest.raises(GuestError, match=why):
        ask_agent(channel(play), "guest-fsfreeze-thaw", patience=0.3)


def test_without_a_channel_the_agent_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="does not answer guest-fsfreeze-thaw") as caught:
        ask_agent(tmp_path / "none.sock", "guest-fsfreeze-thaw")
    assert "qemu-guest-agent" in caught.value.hint
