"""Connections to a SPICE server: TCP, TLS or a UNIX socket, every step of it under a deadline."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from pathlib import Path

from charly_vm.errors import GuestTimeout, ProbeError
from charly_vm.host.background import BackgroundCall
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.failures import SpiceUnreachable
from charly_vm.probe.spice.subject import matches_subject, parse_subject

_SHORTEST_WAIT = 0.001
"""A timeout of 0 would mean to libc "never", and to Python "do not block"."""


class Connection:
    """A connected socket that blocks, for at most as long as the deadline allows."""

    def __init__(self, sock: socket.socket, where: str) -> None:
        """`where` names the server's end in messages."""
        self.sock = sock
        self.where = where

    def send(self, data: bytes, awaited: str, deadline: Deadline) -> None:
        """Send all of it. Raises `SpiceUnreachable`, and `GuestTimeout` for what was `awaited`."""
        try:
            self.sock.settimeout(_seconds(awaited, deadline))
            self.sock.sendall(data)
        except TimeoutError as error:
            raise GuestTimeout(awaited, seconds=deadline.seconds) from error
        except OSError as error:
            raise broken(self.where, error) from error

    def receive(self, size: int, awaited: str, deadline: Deadline) -> bytearray:
        """Exactly `size` bytes, or fewer where the server closes before it has sent them all."""
        data = bytearray(size)
        view = memoryview(data)
        got = 0
        try:
            while got < size:
                self.sock.settimeout(_seconds(awaited, deadline))
                count = self.sock.recv_into(view[got:])
                if not count:
                    break
                got += count
        except TimeoutError as error:
            raise GuestTimeout(
                awaited, seconds=deadline.seconds, seen=f"{got} of {size} bytes"
            ) from error
        except (ConnectionResetError, ssl.SSLEOFError):
            # As final as an end in order, and the caller says what was missing.
            pass
        except OSError as error:
            raise broken(self.where, error) from error
        view.release()
        del data[got:]
        return data

    def close(self) -> None:
        self.sock.close()


def broken(where: str, error: OSError) -> SpiceUnreachable:
    return SpiceUnreachable(f"the connection to {where} broke: {_reason(error)}")


def connect_tls(address: SpiceAddress, deadline: Deadline) -> Connection:
    """Raises `SpiceUnreachable`, also for a certificate that is not the expected one."""
    context = _tls_context(address)
    plain = _connect_tcp(address.host, address.tls_port or 0, deadline)
    try:
        sock = _wrap(context, plain, address, deadline)
    except BaseException:
        plain.close()
        raise
    return sock


def connect_plain(address: SpiceAddress, deadline: Deadline) -> Connection:
    """By the UNIX socket, or the plain port. Raises `SpiceUnreachable`."""
    if address.socket is not None:
        return _connect_unix(address.socket, deadline)
    return _connect_tcp(address.host, address.port or 0, deadline)


def _seconds(awaited: str, deadline: Deadline) -> float:
    if deadline.passed:
        raise GuestTimeout(awaited, seconds=deadline.seconds)
    return max(deadline.remaining(), _SHORTEST_WAIT)


def _connect_unix(path: Path, deadline: Deadline) -> Connection:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # With a timeout of Python's a socket does not block, and a full backlog is refused at once
        # instead of waited for; with one of the kernel's it is waited for.
        seconds = max(deadline.remaining(), _SHORTEST_WAIT)
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.connect(os.fspath(path))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))
    except OSError as error:
        sock.close()
        if isinstance(error, BlockingIOError):
            raise GuestTimeout(
                f"the SPICE server at {path} to take a connection", seconds=deadline.seconds
            ) from error
        raise _nobody(str(path), error) from error
    except BaseException:
        sock.close()
        raise
    return Connection(sock, str(path))


def _connect_tcp(host: str, port: int, deadline: Deadline) -> Connection:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    failure: OSError = OSError("the name has no address")
    for family, target in _look_up(host, port, deadline):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_seconds(f"a connection to {where}", deadline))
            sock.connect(target)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError as error:
            sock.close()
            raise GuestTimeout(f"a connection to {where}", seconds=deadline.seconds) from error
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return Connection(sock, where)
    raise _nobody(where, failure) from failure


def _look_up(host: str, port: int, deadline: Deadline) -> list[tuple[int, tuple[str, int]]]:
    """The addresses of a host. The resolver knows no deadline, so it runs beside us."""

    def resolve() -> list[tuple[int, tuple[str, int]]]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # An address of IPv6 has two more members, which `connect` takes as they are.
        return [(entry[0], entry[4]) for entry in found]  # type: ignore[misc]

    try:
        return BackgroundCall(f"the address of {host}", resolve).result(deadline)
    except (OSError, UnicodeError) as error:
        raise SpiceUnreachable(f"the host {host} is not known: {error}") from error


def _nobody(where: str, error: OSError) -> SpiceUnreachable:
    return SpiceUnreachable(
        f"no SPICE server can be reached at {where}: {_reason(error)}",
        hint="does the machine run, and does it have graphics of type spice?",
    )


def _reason(error: OSError) -> str:
    reason: str | None = getattr(error, "reason", None) or error.strerror
    return reason or str(error)


def _tls_context(address: SpiceAddress) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = not address.host_subject
    try:
        if address.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(address.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ProbeError(
            f"the CA file {address.ca_file} cannot be used: {_reason(error)}",
            hint="it has to be a PEM file, such as ca-cert.pem of the server's TLS directory",
        ) from error
    return context


def _wrap(
    context: ssl.SSLContext, plain: Connection, address: SpiceAddress, deadline: Deadline
) -> Connection:
    where = plain.where
    name = address.server_name or address.host
    subject = parse_subject(address.host_subject)
    try:
        plain.sock.settimeout(_seconds(f"a TLS handshake with {where}", deadline))
        sock = context.wrap_socket(plain.sock, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        raise SpiceUnreachable(
            f"the certificate of {where} is not the expected one: {error.verify_message}",
            hint="is the CA file the one that signed it, and is the host's name the one in it?",
        ) from error
    except TimeoutError as error:
        raise GuestTimeout(f"a TLS handshake with {where}", seconds=deadline.seconds) from error
    except (ConnectionResetError, ssl.SSLError) as error:
        raise SpiceUnreachable(
            f"{where} does not speak TLS as we do: {_reason(error)}",
            hint="is that the server's TLS port?",
        ) from error
    except OSError as error:
        raise broken(where, error) from error
    certificate = sock.getpeercert() or {}
    if subject and not matches_subject(certificate, subject):
        sock.close()
        raise SpiceUnreachable(
            f"the certificate of {where} is not the expected one: its subject is not"
            f" {address.host_subject}",
        )
    return Connection(sock, where)
