"""A few words with a guest agent: an agent's end of the channel is played by the test."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from charly_vm.backend import guest_agent
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


@pytest.mark.parametrize(
    "answer",
    [b"[" * 100_000, b'{"return": ' + b"9" * 10_000 + b"}", b"\xff" * 10, b'{"error": 7}', b"7"],
    ids=["deep", "long number", "marks", "odd error", "no object"],
)
def test_an_answer_that_is_made_to_hurt_is_an_error(
    channel: Callable[[Play], Path], answer: bytes
) -> None:
    def play(client: socket.socket) -> None:
        _sync(client)
        _read(client)
        client.sendall(answer + b"\n")

    with pytest.raises(GuestError, match=r"no JSON object|refused guest-info: 7"):
        ask_agent(channel(play), "guest-info")


def test_an_answer_without_an_end_is_given_up_before_it_fills_the_memory(
    channel: Callable[[Play], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_agent, "LONGEST_ANSWER", 1024**2)

    def play(client: socket.socket) -> None:
        _sync(client)
        _read(client)
        with suppress(OSError):
            while True:
                client.sendall(b"x" * 65536)

    with pytest.raises(GuestError, match="no end within 1 MiB"):
        ask_agent(channel(play), "guest-info")


def test_an_agent_that_says_something_now_and_again_is_not_listened_to_for_ever(
    channel: Callable[[Play], Path],
) -> None:
    def play(client: socket.socket) -> None:
        _sync(client)
        _read(client)
        with suppress(OSError):
            while True:
                client.sendall(b"x")
                time.sleep(0.05)

    begun = time.monotonic()
    with pytest.raises(GuestError, match="it is silent"):
        ask_agent(channel(play), "guest-info", seconds=0.4)
    assert time.monotonic() - begun < 5


def test_a_long_answer_arrives_whole(channel: Callable[[Play], Path]) -> None:
    def play(client: socket.socket) -> None:
        _sync(client)
        _read(client)
        _say(client, {"return": "x" * 5_000_000})

    assert len(ask_agent(channel(play), "guest-file-read")) == 5_000_000


def test_without_a_channel_the_agent_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="does not answer guest-fsfreeze-thaw") as caught:
        ask_agent(tmp_path / "none.sock", "guest-fsfreeze-thaw")
    assert "qemu-guest-agent" in caught.value.hint
