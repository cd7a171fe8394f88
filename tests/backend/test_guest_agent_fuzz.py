"""Bytes that somebody in the guest writes into the agent's channel: an answer, or one of our
errors, and that soon."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charly_vm.backend.guest_agent import ask_agent
from charly_vm.errors import GuestError

NUMBER = 7
ANSWERS = [
    b'\xff{"return": 7}\n',
    b'{"return": {"version": "7.2.22", "supported_commands": []}}\n',
    b'{"error": {"class": "GenericError", "desc": "no"}}\n',
    b'{"return": [1, 2]}\n\xff{"return": 6}\n',
    b'{"event": "x"}\n',
    b"[]\n",
    b"\xff\xff\n",
    b'{"return": {"buf-b64": "' + b"A" * 5000 + b'"}}\n',
]


class Guest:
    """Says its piece to whoever connects, and hangs up once it has been asked enough."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.piece = b""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, suppress(OSError):
                    client.settimeout(1)
                    client.recv(4096)
                    client.sendall(self.piece)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        made = Guest(Path(directory, "agent.sock"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("secrets.randbits", lambda bits: NUMBER)
            yield made
        made.listener.shutdown(socket.SHUT_RDWR)
        made.listener.close()


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Answers in any order, with some of their bytes changed, missing or doubled."""
    stream = bytearray(b"".join(draw(st.lists(st.sampled_from(ANSWERS), max_size=5))))
    if draw(st.booleans()):
        stream[:0] = ANSWERS[0]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(stream)))
        until = min(len(stream), at + draw(st.integers(0, 8)))
        stream[at:until] = draw(st.binary(max_size=8))
    return bytes(stream)


@given(piece=streams())
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_an_answer_or_one_of_our_errors(guest: Guest, piece: bytes) -> None:
    guest.piece = piece
    begun = time.monotonic()
    with suppress(GuestError):
        answer = ask_agent(guest.path, "guest-info", patience=1, seconds=1)
        assert json.dumps(answer)
    assert time.monotonic() - begun < 5
