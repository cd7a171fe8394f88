"""The serial console of a machine on another hypervisor, brought to this host.

There it is a pseudo-terminal with no file and no socket of ours. So for as long as somebody here
wants it, libvirt's stream of it is a socket at the machine's own place for one, and what the guest
says is in the machine's own log.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.errors import StateError
from charly_vm.host.files import explain_os_errors, make_private_directory
from charly_vm.model.protocols import Domain

PIECE = 4096
END_SECONDS = 5.0


@contextmanager
def relay_console(domain: Domain, *, take_over: bool) -> Iterator[Path]:
    """A socket that is the console for the length of the block, for one client at a time.

    Somebody may be attached to it already: with `take_over` they lose it, without it is a
    `StateError`, as where the machine does not run.
    """
    libvirt = import_libvirt()
    path, log = domain.paths.console_socket, domain.paths.console_log
    with ExitStack() as stack:
        stream = with_connection(
            lambda connection: _open(connection, domain, take_over=take_over), domain.hypervisor
        )
        make_private_directory(path.parent)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        with explain_os_errors(f"listen on {path}"):
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen(1)
        with explain_os_errors(f"write {log}"):
            written = stack.enter_context(log.open("ab", buffering=0))
        relay = _Relay(stream, listener, written)
        try:
            relay.start()
            yield path
        finally:
            with suppress(libvirt.libvirtError):
                stream.abort()
            relay.end()


def _open(connection: Any, domain: Domain, *, take_over: bool) -> Any:
    libvirt = import_libvirt()
    stream = connection.newStream(0)
    flags = libvirt.VIR_DOMAIN_CONSOLE_FORCE if take_over else 0
    try:
        found = connection.lookupByUUIDString(domain.uuid)
        found.openConsole(None, stream, flags)
    except libvirt.libvirtError as error:
        if not connection.isAlive():
            raise
        raise StateError(
            f"there is no console of {domain.name}: {error}",
            hint="the machine has to run: `charly vm list -a` shows whether it does",
        ) from error
    return stream


class _Relay:
    """Two threads: what the guest says to the log and the client, what is typed to the guest."""

    def __init__(self, stream: Any, listener: socket.socket, log: IO[bytes]) -> None:
        self._stream = stream
        self._listener = listener
        self._log = log
        self._client: socket.socket | None = None
        self._threads = [
            threading.Thread(target=work, name=f"console-{work.__name__}", daemon=True)
            for work in (self._listen, self._speak)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        # A blocked accept or recv returns when its socket is shut down, not when it is closed.
        self._hang_up(self._listener)
        self._hang_up(self._client)
        for thread in self._threads:
            thread.join(END_SECONDS)

    def _listen(self) -> None:
        """Until the guest's end of the line, which is the client's as well."""
        libvirt = import_libvirt()
        with suppress(libvirt.libvirtError):
            while said := self._stream.recv(PIECE):
                with suppress(OSError):
                    self._log.write(said)
                with suppress(OSError):
                    if self._client is not None:
                        self._client.sendall(said)
        self._hang_up(self._listener)
        self._hang_up(self._client)

    def _speak(self) -> None:
        libvirt = import_libvirt()
        with suppress(OSError, libvirt.libvirtError):
            while True:
                client, _ = self._listener.accept()
                with client:
                    self._client = client
                    with suppress(OSError):
                        while typed := client.recv(PIECE):
                            self._send(typed)
                    self._client = None

    def _send(self, data: bytes) -> None:
        while data:
            data = data[self._stream.send(data) :]

    @staticmethod
    def _hang_up(end: socket.socket | None) -> None:
        if end is not None:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
