"""How a channel is opened: ways to the server, certificates, and whatever else may answer."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from spice_authority import Authority
from spice_stand_in import StandIn, screen_script, standing_in, standing_in_on_tcp

from charly_vm.errors import CharlyError, GuestTimeout, ProbeError
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import (
    SpiceAddress,
    SpiceProtocolError,
    SpiceRefused,
    SpiceUnreachable,
    open_spice,
)
from charly_vm.probe.spice.protocol.linking import SpiceLinkErr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def try_to_open(address: SpiceAddress, *, password: str = "", seconds: float = 20) -> None:
    with open_spice(address, password=password, deadline=Deadline(seconds)) as spice:
        spice.status()


@contextmanager
def answering(reply: bytes, *, first: bool = False) -> Iterator[SpiceAddress]:
    """A port that answers whatever it hears with these bytes; `first` before it hears anything."""

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as client:
            if first:
                client.sendall(reply)
            client.recv(4096)
            if not first:
                client.sendall(reply)
            if reply:
                client.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield SpiceAddress("127.0.0.1", listener.getsockname()[1])
        thread.join(5)


@pytest.mark.parametrize(
    ("reply", "first", "looks"),
    [
        (b"RFB 003.008\n", True, "a VNC server"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "a web server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", True, "an SSH server"),
        (b'{"QMP": {"version": {}}}\r\n', True, "a QEMU monitor"),
        (b"\x15\x03\x03\x00\x02\x02\x46", False, "a TLS server"),
        (b"\x00\xffwhatever", False, r'"\\x00\\xffwhatever"'),
    ],
)
def test_another_protocol_is_said_by_its_name(reply: bytes, first: bool, looks: str) -> None:
    with (
        answering(reply, first=first) as address,
        pytest.raises(SpiceProtocolError, match=f"is no SPICE server.*{looks}"),
    ):
        try_to_open(address)


def test_a_port_that_closes_at_once_is_said_to() -> None:
    with (
        answering(b"") as address,
        pytest.raises(SpiceUnreachable, match="closed the connection without an answer"),
    ):
        try_to_open(address)


def test_a_port_that_says_nothing_is_a_timeout() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(GuestTimeout, match="to answer for the main channel"),
    ):
        try_to_open(SpiceAddress("127.0.0.1", listener.getsockname()[1]), seconds=0.2)


def test_a_socket_whose_backlog_is_full_is_a_timeout(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(path))
        listener.listen(0)
        waiting.connect(str(path))
        with pytest.raises(GuestTimeout, match="to take a connection"):
            try_to_open(SpiceAddress(socket=path), seconds=0.2)


def test_nobody_there_is_told_with_a_hint(path: Path) -> None:
    with pytest.raises(SpiceUnreachable, match=r"no SPICE server can be reached.*No such file"):
        try_to_open(SpiceAddress(socket=path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SpiceUnreachable, match="Connection refused") as raised:
        try_to_open(SpiceAddress("127.0.0.1", port))
    assert "graphics of type spice" in raised.value.hint


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(SpiceUnreachable, match=r"no\.such\.host\.invalid is not known"):
        try_to_open(SpiceAddress("no.such.host.invalid", 5900))


def test_an_address_without_a_port_is_an_error() -> None:
    with pytest.raises(ProbeError, match="cannot be connected to"):
        try_to_open(SpiceAddress())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (SpiceLinkErr.ERROR, "says no more"),
        (SpiceLinkErr.VERSION_MISMATCH, "does not speak version 2"),
        (SpiceLinkErr.NEED_SECURED, "wants TLS"),
        (SpiceLinkErr.NEED_UNSECURED, "wants no TLS"),
        (SpiceLinkErr.PERMISSION_DENIED, "password is not right"),
        (SpiceLinkErr.BAD_CONNECTION_ID, "does not know our session"),
        (SpiceLinkErr.CHANNEL_NOT_AVAILABLE, "no such channel"),
        (99, "unknown error 99"),
    ],
)
def test_a_refusal_says_why(path: Path, code: int, words: str) -> None:
    with (
        standing_in(path, link_errors={1: code}) as (_, at),
        pytest.raises(SpiceRefused, match=words),
    ):
        try_to_open(at)


@pytest.mark.parametrize(
    ("given", "words"), [("", "wants a password, and none was"), ("wrong", "is not right")]
)
def test_a_wrong_password_is_refused(path: Path, given: str, words: str) -> None:
    with (
        standing_in(path, password="right") as (_, at),
        pytest.raises(SpiceRefused, match=words) as raised,
    ):
        try_to_open(at, password=given)
    assert raised.value.reason is SpiceLinkErr.PERMISSION_DENIED


def test_a_password_that_fits_no_ticket_is_not_sent(path: Path) -> None:
    with standing_in(path) as (server, at), pytest.raises(ProbeError, match="at most 60 bytes"):
        try_to_open(at, password="x" * 61)
    assert not server.links


@pytest.mark.parametrize("version", [(1, 0), (3, 1)])
def test_another_major_version_is_an_error(path: Path, version: tuple[int, int]) -> None:
    spoken = f"version {version[0]}.{version[1]}"
    with (
        standing_in(path, version=version) as (_, at),
        pytest.raises(SpiceProtocolError, match=spoken),
    ):
        try_to_open(at)


def test_another_minor_version_is_welcome(path: Path) -> None:
    with (
        standing_in(path, version=(2, 9)) as (_, at),
        open_spice(at, deadline=Deadline(20)) as spice,
    ):
        assert spice.status().version == "2.9"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"REDQ" + struct.pack("<III", 2, 2, 0xFFFFFFFF), "link reply of 4294967295 bytes"),
        (b"REDQ" + struct.pack("<III", 2, 2, 8) + bytes(8), "ends 158 bytes too early"),
        (
            b"REDQ"
            + struct.pack("<III", 2, 2, 178)
            + bytes(166)
            + struct.pack("<III", 0xFFFFFFF, 0xFFFFFFF, 178),
            "words of capabilities",
        ),
        (
            b"REDQ" + struct.pack("<III", 2, 2, 178) + bytes(166) + struct.pack("<III", 0, 0, 178),
            "key that the SPICE server sent",
        ),
    ],
)
def test_a_link_reply_that_cannot_be_is_an_error(path: Path, reply: bytes, words: str) -> None:
    with (
        standing_in(path, answer_link=reply) as (_, at),
        pytest.raises(SpiceProtocolError, match=words),
    ):
        try_to_open(at)


def test_a_handshake_that_ends_early_says_how_far_it_came(path: Path) -> None:
    with (
        standing_in(path, answer_link=b"REDQ\2\0\0\0") as (_, at),
        pytest.raises(SpiceUnreachable, match="4 of 12 bytes"),
    ):
        try_to_open(at)


def test_only_sasl_is_an_error_with_a_hint(path: Path) -> None:
    with (
        standing_in(path, caps=frozenset({0, 2})) as (_, at),
        pytest.raises(ProbeError, match="only SASL"),
    ):
        try_to_open(at)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secure_port(authority: Authority) -> Iterator[int]:
    stand_in = StandIn()
    stand_in.script[2] = screen_script()
    with standing_in_on_tcp(stand_in, authority.context()) as port:
        yield port


def test_tls_with_the_right_authority_works(authority: Authority, secure_port: int) -> None:
    address = SpiceAddress("127.0.0.1", tls_port=secure_port, ca_file=authority.ca_file)
    with open_spice(address, deadline=Deadline(20)) as spice:
        assert spice.screenshot().pixel(0, 0) == (0x10, 0x20, 0x30)
        status = spice.status()
    assert status.secured
    assert "TLS" in status.address


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"server_name": "spice.example"}, ""),
        ({"server_name": "other.example"}, "Hostname mismatch"),
        ({"host_subject": "C=IL,O=Red\\, Hat,CN=my server"}, ""),
        ({"host_subject": "C=IL, O=Red\\, Hat, CN=my server"}, ""),
        ({"host_subject": "C=IL,CN=my server"}, "its subject is not C=IL,CN=my server"),
        ({"host_subject": "my server"}, "has no ="),
    ],
)
def test_a_certificate_has_to_name_the_server(
    authority: Authority, secure_port: int, extra: dict[str, str], words: str
) -> None:
    address = SpiceAddress("127.0.0.1", tls_port=secure_port, ca_file=authority.ca_file, **extra)  # type: ignore[arg-type]
    if not words:
        try_to_open(address)
        return
    with pytest.raises(ProbeError, match=words) as raised:
        try_to_open(address)
    assert "\n" not in raised.value.message


def test_another_authority_is_one_clear_error(
    tmp_path: Path, secure_port: int, authority: Authority
) -> None:
    other = Authority(tmp_path / "other")
    address = SpiceAddress("127.0.0.1", tls_port=secure_port, ca_file=other.ca_file)
    with pytest.raises(SpiceUnreachable, match=r"certificate of 127\.0\.0\.1:.* is not the"):
        try_to_open(address)


def test_a_ca_file_that_is_none_is_named(tmp_path: Path, secure_port: int) -> None:
    for content in (None, b"no certificate"):
        if content is not None:
            (tmp_path / "ca.pem").write_bytes(content)
        address = SpiceAddress("127.0.0.1", tls_port=secure_port, ca_file=tmp_path / "ca.pem")
        with pytest.raises(ProbeError, match=r"the CA file .*ca\.pem cannot be used"):
            try_to_open(address)


def test_tls_to_a_plain_port_is_told(authority: Authority) -> None:
    with standing_in_on_tcp(StandIn()) as port:
        address = SpiceAddress("127.0.0.1", tls_port=port, ca_file=authority.ca_file)
        with pytest.raises(CharlyError, match=r"does not speak TLS|TLS handshake"):
            try_to_open(address, seconds=1)


def test_a_channel_that_needs_no_tls_is_opened_without(authority: Authority) -> None:
    """And the others by TLS: a server may say so per channel."""
    secure, plain = StandIn(), StandIn()
    secure.link_errors[2] = SpiceLinkErr.NEED_UNSECURED
    plain.script[2] = screen_script()
    with (
        standing_in_on_tcp(secure, authority.context()) as tls_port,
        standing_in_on_tcp(plain) as port,
    ):
        address = SpiceAddress("127.0.0.1", port=port, tls_port=tls_port, ca_file=authority.ca_file)
        with open_spice(address, deadline=Deadline(20)) as spice:
            spice.screenshot()
            secured = {one.type: one.secured for one in spice.status().channels}
    assert secured["main"] is True
    assert secured["display"] is False
