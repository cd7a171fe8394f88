"""`port`, `addr`, `dns` and `http`. The guest is a stand-in: this very host."""

from __future__ import annotations

import http.server
import shutil
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from step_stand_in import Answers, HostShell, Result, carry_out, explain, guest

from charly_vm.check.result import StepNotRun
from charly_vm.check.surroundings import Endpoint, Surroundings
from charly_vm.check.verbs.http import Answer, parse_answer
from charly_vm.check.verbs.network import QUERY, Listener, find_listeners, knock


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_is_listened_on_or_not(tmp_path: Path, port: int) -> None:
    assert explain(tmp_path, f"port: {port}") == ""
    text = explain(tmp_path, f"port: {{port: {port}, listening: false}}")
    assert f"port {port}: expected not listening" in text
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        silent = bound.getsockname()[1]
        assert explain(tmp_path, f"port: {silent}, listening: false") == ""
        assert "found not listening" in explain(tmp_path, f"port: {silent}")


def test_only_sockets_in_state_listen_count() -> None:
    table = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000\n"
        "   1: 0100007F:0050 0100007F:ABCD 01 00000000:00000000\n"
        "   0: 00000000000000000000000000000000:01BB 0000:0000 0A 0\n"
    )
    assert [(one.address, one.port) for one in find_listeners(table)] == [
        ("127.0.0.1", 22),
        ("::", 443),
    ]


def test_an_address_is_asked_for_with_the_port() -> None:
    everywhere, six = Listener("0.0.0.0", 80), Listener("::", 80)
    assert everywhere.serves("10.0.2.15")
    assert not everywhere.serves("fe80::1")
    assert six.serves("10.0.2.15")
    assert six.serves("fe80::1")
    assert Listener("127.0.0.1", 80).serves("127.0.0.1")
    assert Listener("::ffff:127.0.0.1", 80).serves("127.0.0.1")
    assert not Listener("127.0.0.1", 80).serves("10.0.2.15")


def test_a_port_may_listen_at_another_address_only(tmp_path: Path, port: int) -> None:
    assert explain(tmp_path, f"port: {port}, ip: 127.0.0.1") == ""
    text = explain(tmp_path, f"port: {port}, ip: 192.0.2.1")
    assert f"port {port}: expected listening at 192.0.2.1" in text
    assert "found not listening (only at 127.0.0.1)" in text


class Closing:
    """Takes connections and closes them, as a forwarder does whose guest refuses."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            connection.close()
            if self.ended:
                return

    ended = False

    def close(self) -> None:
        self.ended = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join()
        self.socket.close()


def test_a_connection_that_is_closed_at_once_is_none(port: int) -> None:
    assert knock(Endpoint("127.0.0.1", port), 5) == ""
    closing = Closing()
    try:
        assert knock(Endpoint("127.0.0.1", closing.port), 5) == "closed at once"
    finally:
        closing.close()
    assert knock(Endpoint("127.0.0.1", closing.port), 5) == "Connection refused"


LISTENING = "  0: 00000000:0050 00000000:0000 0A\n"
CONNECTED = LISTENING + "  1: 0F02000A:0050 0202000A:ABCD 01\n"


def test_a_port_is_reachable_from_this_host_or_not(tmp_path: Path, port: int) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        ports = {80: port, 81: bound.getsockname()[1]}
        places = Surroundings(locate=lambda _, number: Endpoint("127.0.0.1", ports[number]))
        view = guest(Answers({"/proc/net/tcp": CONNECTED}), places)
        assert explain(tmp_path, "port: 80, reachable: true", view) == ""
        assert explain(tmp_path, "port: 81, reachable: false", view) == ""
        text = explain(tmp_path, "port: 81, reachable: true", view)
        assert "found not reachable from this host (Connection refused)" in text
        assert "found reachable" in explain(tmp_path, "port: 80, reachable: false", view)
        # A forwarder takes the connection, and the guest has dropped it.
        deaf = guest(Answers({"/proc/net/tcp": LISTENING}), places)
        text = explain(tmp_path, "port: 80, reachable: true", deaf)
        assert "(nothing in the guest has taken the connection)" in text
        assert explain(tmp_path, "addr: '127.0.0.1:${HOST_PORT:80}'", deaf) != ""


@pytest.mark.parametrize("program", ["bash", "python3"])
def test_an_address_is_reached_from_the_guest(tmp_path: Path, port: int, program: str) -> None:
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    for name in ("sh", "timeout"):
        (bin_directory / name).symlink_to(shutil.which(name) or name)
    # The python3 of the PATH may be a script that needs more.
    found = sys.executable if program == "python3" else shutil.which(program)
    (bin_directory / program).symlink_to(found or program)

    class Poor(HostShell):
        def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
            return super().run(f"PATH={bin_directory}; {command}", timeout=timeout, stdin=stdin)

    assert explain(tmp_path, f"addr: '127.0.0.1:{port}'", Poor()) == ""
    assert "expected not reachable" in explain(
        tmp_path, f"addr: {{addr: '127.0.0.1:{port}', reachable: false}}", Poor()
    )
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        silent = bound.getsockname()[1]
        assert "refused" in explain(tmp_path, f"addr: '127.0.0.1:{silent}'", Poor())


def test_an_address_of_this_host_is_asked_from_here(tmp_path: Path, port: int) -> None:
    places = Surroundings(locate=lambda member, _: Endpoint("127.0.0.1", port))
    view = guest(Answers({"/proc/net/tcp": CONNECTED}), places)
    assert explain(tmp_path, "addr: '127.0.0.1:${HOST_PORT:80}'", view) == ""
    assert explain(tmp_path, "addr: '${HOST:other:80}'", view) == ""


def test_a_guest_without_any_tool_cannot_be_asked(tmp_path: Path) -> None:
    poor = Answers({"": Result(127, b"")})
    with pytest.raises(StepNotRun, match="none of bash, nc and python3"):
        carry_out(tmp_path, "addr: '127.0.0.1:80'", poor)
    with pytest.raises(StepNotRun, match="no tool that asks a name server"):
        carry_out(tmp_path, "dns: localhost", poor)
    with pytest.raises(StepNotRun, match="no curl"):
        carry_out(tmp_path, "http: 'http://localhost/'", poor)
    with pytest.raises(StepNotRun, match="'localhost' is not HOST:PORT"):
        carry_out(tmp_path, "addr: localhost", poor)


def test_a_name_is_resolved(tmp_path: Path) -> None:
    assert explain(tmp_path, "dns: localhost") == ""
    assert "expected 192.0.2.1" in explain(tmp_path, "dns: localhost, addrs: [192.0.2.1]")
    shell = Answers("10.0.0.1\n10.0.0.1\nfe80::1%eth0\n")
    assert explain(tmp_path, "dns: x, addrs: [10.0.0.1]", shell) == ""
    assert "found 10.0.0.1" in explain(tmp_path, "dns: {dns: x, resolvable: false}", shell)
    silent = Answers({"": Result(9, b"")})
    text = explain(tmp_path, "dns: {dns: x, server: 10.0.0.53, resolvable: false}", silent)
    assert "10.0.0.53: expected an answer of the name server" in text
    nobody = Answers({"": Result(2, b"")})
    assert "found nothing" in explain(tmp_path, "dns: x", nobody)
    assert explain(tmp_path, "dns: x, resolvable: false", nobody) == ""


class NameServer(threading.Thread):
    """Answers one A record to whoever asks for one, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def run(self) -> None:
        for _ in range(2):
            question, peer = self.socket.recvfrom(512)
            kind = struct.unpack(">H", question[-4:-2])[0]
            header = question[:2] + struct.pack(">5H", 0x8180, 1, int(kind == 1), 0, 0)
            answer = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + bytes([192, 0, 2, 7])
            self.socket.sendto(header + question[12:] + (answer if kind == 1 else b""), peer)
        self.socket.close()


def test_python_asks_a_name_server_by_hand() -> None:
    server = NameServer()
    server.start()
    port = server.socket.getsockname()[1]
    # A name server of one's own has no port below 1024.
    script = QUERY.replace("server, 53,", f"server, {port},")
    done = HostShell().run(f"python3 -c '{script}' some.name 127.0.0.1", timeout=20)
    server.join()
    assert (done.status, done.stdout) == (0, b"192.0.2.7\n"), done


class Site(http.server.BaseHTTPRequestHandler):
    """A web server with a redirect, an echo and an error."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.answer(302, b"", Location="/")
        else:
            self.answer(404 if self.path == "/none" else 200, b"hello\n", X_Ours="yes")

    def do_POST(self) -> None:
        self.answer(201, self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("place", ["guest", "host"])
def test_a_web_server_is_asked(tmp_path: Path, site: int, place: str) -> None:
    view = guest(surroundings=Surroundings(locate=lambda *_: Endpoint("127.0.0.1", site)))
    base = "http://127.0.0.1:" + (str(site) if place == "guest" else "${HOST_PORT:80}")

    def said(path: str, more: str = "") -> str:
        return explain(tmp_path, f"http: '{base}{path}'{more}", view)

    assert said("/", ", status: 200, body: hello, header: [{contains: 'X-Ours: yes'}]") == ""
    assert "found 'hello'" in said("/", ", body: goodbye")
    assert "found 404" in said("/none")
    assert said("/none", ", status: 404") == ""
    assert said("/moved", ", status: 200") == ""
    assert said("/moved", ", no_follow_redirects: true, status: 302") == ""
    assert said("/", ", method: POST, request_body: 'a b', status: 201, body: a b") == ""
    assert "expected an answer" in explain(tmp_path, "http: 'http://127.0.0.1:1/'")


def test_the_last_header_is_the_answers() -> None:
    headers = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n"
    said = b"200\n%d\n%b" % (len(headers), headers) + b"HTTP/1.1 is no header here\n\nbody\n"
    assert parse_answer(said) == Answer(200, "A: 1\nB: 2", "HTTP/1.1 is no header here\n\nbody")
