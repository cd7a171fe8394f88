"""Another hypervisor on this host: a libvirt daemon that has nothing in common with ours.

It has directories of its own and, where root runs the tests, runs as nobody, who cannot read a
file of root's. It is reached by its socket's path.
"""

from __future__ import annotations

import os
import platform
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charly_vm.backend.libvirt_session import with_connection
from charly_vm.host.process import find_tool, require_tool, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.resolved import Hypervisor

POOL = "machines"
NOBODY = 65534
SOCKETS = ("libvirt-sock", "virtqemud-sock")


@dataclass(frozen=True)
class Second:
    """A daemon that runs, with an active pool. `base` is the directory of all its files."""

    base: Path
    socket: Path

    @property
    def uri(self) -> str:
        return f"qemu+unix:///session?socket={self.socket}"

    @property
    def pool(self) -> Path:
        return self.base / "pool"

    @property
    def there(self) -> Hypervisor:
        return Hypervisor(uri=self.uri, hop="", pool=POOL, directory=str(self.pool))

    def volumes(self) -> list[str]:
        return sorted(path.name for path in self.pool.iterdir())

    def domains(self) -> list[str]:
        def work(connection: Any) -> list[str]:
            return sorted(one.name() for one in connection.listAllDomains())

        return with_connection(work, self.uri)


@contextmanager
def second_hypervisor() -> Iterator[Second]:
    """Ended with the block, and its machines with it."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="charly-hv-")))
        base.chmod(0o755)
        environment = {"HOME": str(base), "PATH": str(link_programs(base))}
        for name in ("RUNTIME_DIR", "DATA_HOME", "CACHE_HOME", "CONFIG_HOME"):
            directory = base / name[:3].lower()
            directory.mkdir(mode=0o700)
            environment[f"XDG_{name}"] = str(directory)
        pool = base / "pool"
        pool.mkdir(mode=0o700)
        if os.getuid() == 0:
            for path in (base, *base.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        log = stack.enter_context((base / "log").open("wb"))
        daemon = spawn([*_as_nobody(), "env", "-i", *_words(environment), _daemon()], output=log)
        stack.callback(daemon.wait)
        stack.callback(daemon.terminate)
        second = Second(base, _wait_for_socket(base))
        with_connection(lambda connection: _make_pool(connection, pool), second.uri)
        try:
            yield second
        finally:
            with suppress(Exception):
                with_connection(_end_machines, second.uri)


def link_programs(base: Path) -> Path:
    """All that it may run: a daemon looks at every emulator that it finds, which takes a second
    for each."""
    directory = base / "bin"
    directory.mkdir()
    for name in (f"qemu-system-{platform.machine()}", "qemu-img", "passt"):
        if (found := find_tool(name)) is not None:
            (directory / name).symlink_to(found)
    return directory


def _daemon() -> Path:
    return find_tool("libvirtd") or require_tool("virtqemud", package="libvirt-daemon")


def _as_nobody() -> list[str]:
    if os.getuid() != 0:
        return []
    ids = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    return [str(require_tool("setpriv", package="util-linux")), *ids]


def _words(environment: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


def _wait_for_socket(base: Path) -> Path:
    def probe() -> Path | NotYet:
        for name in SOCKETS:
            path = base / "run" / "libvirt" / name
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, suppress(OSError):
                client.connect(str(path))
                return path
        return NotYet((base / "log").read_text(errors="replace")[-2000:])

    return wait_for("the second libvirt daemon", probe, Deadline(30))


def _make_pool(connection: Any, directory: Path) -> None:
    xml = f"<pool type='dir'><name>{POOL}</name><target><path>{directory}</path></target></pool>"
    connection.storagePoolDefineXML(xml, 0).create(0)


def _end_machines(connection: Any) -> None:
    for domain in connection.listAllDomains():
        if domain.isActive():
            domain.destroy()


class Proxy:
    """A way to a socket that can be blocked: a network that swallows everything from then on."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.target = target
        self.limit = 1 << 62
        """Bytes towards the target, over all connections, after which nothing is passed on."""
        self.passed = 0
        self._ends: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._work(self._accept)

    @property
    def is_blocked(self) -> bool:
        return self.passed >= self.limit

    def block(self) -> None:
        self.limit = self.passed

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _work(self, function: Any, *arguments: Any) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                server.connect(str(self.target))
                self._ends += [client, server]
                self._work(self._copy, client, server, True)
                self._work(self._copy, server, client, False)

    def _copy(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    self.passed += len(data)
                if self.is_blocked:
                    # Read on, so that nobody is told by a full buffer.
                    continue
                target.sendall(data)
        if not self.is_blocked:
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
