"""`port`, `addr` and `dns`: what listens in the guest, and what it reaches."""

from __future__ import annotations

import ipaddress
import shlex
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.check.surroundings import Endpoint
from charly_vm.model.verbs import AddrVerb, DnsVerb, PortVerb

TCP_ESTABLISHED, TCP_LISTEN = "01", "0A"
"""The kernel's states in /proc/net/tcp (include/net/tcp_states.h)."""
_TABLE = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null"

PATIENCE = 5.0
"""Seconds for a connection, and for a name server's answer."""
_SILENCE = 0.3
"""Seconds in which a forwarder closes a connection that the guest refuses."""

_CONNECT = """\
host={host} port={port}
if command -v bash >/dev/null; then
  timeout {patience} bash -c ': <"/dev/tcp/$0/$1"' "$host" "$port"
elif command -v nc >/dev/null; then
  timeout {patience} nc -z "$host" "$port"
elif command -v python3 >/dev/null; then
  python3 -c 'import socket, sys; socket.create_connection(sys.argv[1:], {patience})' \\
    "$host" "$port"
else
  exit 127
fi
"""

_RESOLVE = """\
name={name}
if command -v getent >/dev/null; then getent ahosts "$name" | cut -d ' ' -f 1
elif command -v nslookup >/dev/null; then nslookup "$name" | {answers}
else exit 127; fi
"""

_NO_SERVER = 9
"""dig's exit status, which we give for the others too: nobody answered, which proves nothing."""

_RESOLVE_AT = """\
name={name} server={server}
if command -v dig >/dev/null; then
  dig +short +time={patience} +tries=1 "@$server" "$name" A "$name" AAAA
elif command -v host >/dev/null; then
  said=$(host -W {patience} "$name" "$server"); status=$?
  case $said in *"timed out"*|*"no servers"*|*refused*) exit 9 ;; esac
  echo "$said" | sed -n 's/.* has \\(IPv6 \\)\\{{0,1\\}}address //p'
elif command -v python3 >/dev/null; then python3 -c {query} "$name" "$server" || exit 9
elif command -v nslookup >/dev/null; then
  said=$(nslookup "$name" "$server" 2>&1)
  case $said in *"timed out"*|*"no servers"*|*refused*) exit 9 ;; esac
  echo "$said" | {answers}
else exit 127; fi
"""

_NSLOOKUP_ANSWERS = "sed -n '/^Name:/,$ s/^Address[^:]*: *//p' | cut -d ' ' -f 1"
"""The first address is the server's own."""

QUERY = """\
import socket, struct, sys
name, server = sys.argv[1:]
labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split("."))
family = socket.getaddrinfo(server, 53, type=socket.SOCK_DGRAM)[0]
for kind, length in ((1, 4), (28, 16)):
    with socket.socket(*family[:3]) as udp:
        udp.settimeout(5)
        udp.connect(family[4])
        udp.send(struct.pack(">6H", kind, 0x100, 1, 0, 0, 0) + labels + bytes([0, 0, kind, 0, 1]))
        data = udp.recv(4096)
    at = 12 + len(labels) + 5
    for _ in range(struct.unpack_from(">H", data, 6)[0]):
        while data[at] and data[at] < 192:
            at += data[at] + 1
        at += 2 if data[at] else 1
        found, _, _, size = struct.unpack_from(">HHIH", data, at)
        at += 10
        if found == kind:
            form = socket.AF_INET if length == 4 else socket.AF_INET6
            print(socket.inet_ntop(form, data[at:at + size]))
        at += size
"""
"""A name server asked by hand (RFC 1035), for a guest whose only tool is Python."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens."""

    address: str
    port: int

    def serves(self, wanted: str) -> bool:
        """Whether a connection to an address comes to it."""
        own, other = _plain(self.address), _plain(wanted)
        # A socket of IPv6's wildcard usually takes IPv4 as well (net.ipv6.bindv6only).
        return own == other or (own.is_unspecified and own.version >= other.version)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address of IPv4 as such, also where a socket of IPv6 has it."""
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def port(verb: PortVerb, call: Call) -> list[Mismatch]:
    wrong = []
    # A port that only has to be reachable from here may be another machine's behind the guest.
    if verb.reachable is None or verb.listening is not None or verb.ip is not None:
        wrong += _listening(verb, call)
    if verb.reachable is not None:
        endpoint = call.locate(verb.port)
        answer = _knock_at_guest(endpoint, verb.port, call)
        if (not answer) != verb.reachable:
            words = {True: "reachable from this host", False: "not reachable from this host"}
            found = f"{words[not answer]}{answer and f' ({answer})'}"
            wrong.append(Mismatch(f"port {verb.port}", words[verb.reachable], found))
    return wrong


def _listening(verb: PortVerb, call: Call) -> list[Mismatch]:
    # Not ss: a minimal guest has none.
    table = text(call.look(_TABLE).stdout)
    if not table:
        return [Mismatch(f"port {verb.port}", "a table of ports in /proc/net/tcp", "none")]
    wanted = verb.listening is not False
    there = [one for one in find_listeners(table) if one.port == verb.port]
    listening = any(verb.ip is None or one.serves(verb.ip) for one in there)
    if listening == wanted:
        return []
    words = {True: "listening", False: "not listening"}
    at = f" at {verb.ip}" if verb.ip else ""
    others = f" (only at {', '.join(one.address for one in there)})" if there and verb.ip else ""
    return [Mismatch(f"port {verb.port}", words[wanted] + at, words[listening] + others)]


def find_listeners(table: str) -> list[Listener]:
    """Those in the text of /proc/net/tcp and tcp6 (proc(5))."""
    return [Listener(_address(address), port) for address, port in _sockets(table, TCP_LISTEN)]


def find_connected(table: str) -> set[int]:
    """Our ports that somebody has a connection to, of the same text."""
    return {port for _, port in _sockets(table, TCP_ESTABLISHED)}


def _sockets(table: str, state: str) -> Iterator[tuple[str, int]]:
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == state:
            address, _, number = fields[1].rpartition(":")
            yield address, int(number, 16)


def _address(digits: str) -> str:
    """The kernel prints each word of 32 bits as its processor has it in memory; guests are
    little-endian."""
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def knock(endpoint: Endpoint, seconds: float, *, arrived: Callable[[], bool] = lambda: True) -> str:
    """Why this host gets no connection; empty where it gets one that stays.

    A forwarder takes every connection, and closes those that the guest refuses. One that stays
    silent has to have `arrived`: a guest that drops what it does not want refuses nothing.
    """
    try:
        with socket.create_connection((endpoint.address, endpoint.port), seconds) as connection:
            connection.settimeout(_SILENCE)
            try:
                # A server that waits for us to speak first says nothing.
                return "" if connection.recv(1) else "closed at once"
            except TimeoutError:
                return "" if arrived() else "nothing in the guest has taken the connection"
    except OSError as error:
        return error.strerror or str(error)


def _knock_at_guest(endpoint: Endpoint, guest_port: int, call: Call) -> str:
    """As `knock`, for a port of the guest, in which the connection has to be seen."""

    def arrived() -> bool:
        return guest_port in find_connected(text(call.look(_TABLE).stdout))

    seconds = call.deadline.remaining(at_most=PATIENCE)
    return knock(endpoint, seconds, arrived=arrived)


def addr(verb: AddrVerb, call: Call) -> list[Mismatch]:
    host, _, number = verb.addr.rpartition(":")
    host = host.strip("[]")
    if not host or not number.isdigit():
        raise call.impossible(f"{verb.addr!r} is not HOST:PORT")
    if call.from_here:
        endpoint = Endpoint(host, int(number))
        # Where the port is one of this guest's, it knows whether anybody has come.
        own = [one for one in call.own_ports if call.locate(one) == endpoint]
        seconds = call.deadline.remaining(at_most=PATIENCE)
        reason = _knock_at_guest(endpoint, own[0], call) if own else knock(endpoint, seconds)
    else:
        result = call.look(
            _CONNECT.format(host=shlex.quote(host), port=number, patience=int(PATIENCE))
        )
        if result.status == 127:
            raise call.impossible("the guest has none of bash, nc and python3 to connect with")
        reason = (text(result.stderr) or "no connection") if result.status else ""
    if (not reason) == verb.reachable:
        return []
    words = {True: "reachable", False: "not reachable"}
    found = f"{words[not reason]}{reason and f' ({reason})'}"
    return [Mismatch(verb.addr, words[verb.reachable], found)]


def dns(verb: DnsVerb, call: Call) -> list[Mismatch]:
    script = _RESOLVE_AT if verb.server else _RESOLVE
    result = call.look(
        script.format(
            name=shlex.quote(verb.dns),
            server=shlex.quote(verb.server or ""),
            answers=_NSLOOKUP_ANSWERS,
            patience=int(PATIENCE),
            query=shlex.quote(QUERY),
        )
    )
    if result.status == 127:
        raise call.impossible("the guest has no tool that asks a name server")
    if result.status == _NO_SERVER:
        return [Mismatch(verb.server or verb.dns, "an answer of the name server", "none")]
    addresses = list(dict.fromkeys(filter(_is_address, text(result.stdout).split())))
    call.output = "\n".join(addresses)
    shown = ", ".join(addresses) or "nothing"
    if bool(addresses) != verb.resolvable:
        return [Mismatch(verb.dns, "resolvable" if verb.resolvable else "not resolvable", shown)]
    missing = [one for one in verb.addrs if one not in addresses]
    return [Mismatch(f"addresses of {verb.dns}", ", ".join(missing), shown)] if missing else []


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return False
    return True
