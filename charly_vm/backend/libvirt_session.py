"""The connection to libvirt: one per process, to the user's session daemon, started on demand.

Whether libvirt is there is judged by a real connection. A session daemon ends when it is idle and
comes back when asked, so neither `systemctl is-active` nor a missing socket means anything.
`CHARLY_LIBVIRT_URI` chooses another hypervisor.
"""

from __future__ import annotations

import atexit
import os
import platform
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any, TypeVar

from charly_vm.backend.libvirt_daemon import start_session_daemon
from charly_vm.backend.passt import find_passt_obstacle
from charly_vm.errors import CharlyError, GuestTimeout, HostError
from charly_vm.host.facts import LibvirtFacts
from charly_vm.host.waiting import Deadline, NotYet, wait_for

SESSION_URI = "qemu:///session"
OPEN_SECONDS = 10.0
RETRY_SECONDS = 3.0
GOING_AWAY = ("Connection reset by peer", "End of file while reading data")
"""What a client is told that met a daemon in the moment of its end; the next one starts another."""

T = TypeVar("T")


def libvirt_uri() -> str:
    return os.environ.get("CHARLY_LIBVIRT_URI") or SESSION_URI


def import_libvirt() -> Any:
    """libvirt's Python module, which this host need not have; raises `HostError`."""
    try:
        import libvirt
    except ImportError as error:
        raise HostError(
            f"the Python module libvirt cannot be used: {error}",
            hint="pip install libvirt-python; it is built against libvirt's headers "
            "(libvirt-dev, libvirt-devel)",
        ) from error
    # Without a handler libvirt prints every error that it also raises.
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt


def with_connection(operation: Callable[[Any], T]) -> T:
    """Do something with the process's connection, once more where the daemon had gone away.

    Raises `HostError` with libvirt's words.
    """
    libvirt = import_libvirt()
    connection = _connect(libvirt)
    try:
        return operation(connection)
    except libvirt.libvirtError as error:
        if connection.isAlive():
            raise HostError(f"libvirt: {error}") from error
    _forget(connection)
    try:
        return operation(_connect(libvirt))
    except libvirt.libvirtError as error:
        raise HostError(f"libvirt: {error}") from error


def probe_libvirt() -> LibvirtFacts | str:
    """What libvirt offers here, or the reason in words why it cannot be used."""
    try:
        return with_connection(_look)
    except CharlyError as error:
        return error.message


_lock = threading.Lock()
_current: tuple[str, Any] | None = None


def _connect(libvirt: Any) -> Any:
    global _current
    uri = libvirt_uri()
    with _lock:
        if _current is None or _current[0] != uri or not _current[1].isAlive():
            _current = uri, _open(libvirt, uri)
        return _current[1]


@atexit.register
def _disconnect() -> None:
    """In good time: at the very end the bindings' own clean-up finds their module gone."""
    global _current
    if _current is not None:
        _current[1].close()
        _current = None


def _forget(connection: Any) -> None:
    global _current
    with _lock:
        if _current is not None and _current[1] is connection:
            _current = None


def _open(libvirt: Any, uri: str) -> Any:
    """A new connection. Raises `HostError` where none can be had."""
    if uri == SESSION_URI:
        if os.getuid() == 0:
            raise HostError(
                "root has no libvirt session",
                hint="run charly as an ordinary user, or set CHARLY_LIBVIRT_URI",
            )
        start_session_daemon()

    def attempt() -> Any | NotYet:
        answer = _open_within(libvirt, uri, OPEN_SECONDS)
        gone = isinstance(answer, str) and any(words in answer for words in GOING_AWAY)
        return NotYet(answer) if gone else answer

    try:
        answer = wait_for("a connection", attempt, Deadline(RETRY_SECONDS))
    except GuestTimeout as error:
        answer = error.seen
    if isinstance(answer, str):
        raise _no_daemon(uri, answer)
    return answer


def _open_within(libvirt: Any, uri: str, seconds: float) -> Any | str:
    """A connection, or the reason against it. The library itself knows no deadline."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(libvirt.open(uri))
        except libvirt.libvirtError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=work, name="libvirt-open", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else f"no answer within {seconds:.0f} s"


def _no_daemon(uri: str, reason: str) -> HostError:
    if uri != SESSION_URI:
        return HostError(f"cannot connect to libvirt at {uri}: {reason}")
    return HostError(
        f"libvirt backend requires libvirt session daemon: {reason}",
        hint="install it (libvirt-daemon, libvirt-daemon-driver-qemu) and start it with "
        "`systemctl --user enable --now virtqemud.service` (libvirtd.service on older hosts)",
    )


def _look(connection: Any) -> LibvirtFacts:
    number = connection.getLibVersion()
    return LibvirtFacts(
        uri=libvirt_uri(),
        version=(number // 1_000_000, number // 1_000 % 1_000, number % 1_000),
        domain_types=find_domain_types(connection.getCapabilities(), platform.machine()),
        passt=offers_passt(connection.getDomainCapabilities()) and find_passt_obstacle() is None,
    )


def find_domain_types(capabilities: str, architecture: str) -> tuple[str, ...]:
    """`kvm` and `qemu`, as far as libvirt's capabilities name them for an architecture."""
    types = (
        kind.get("type", "")
        for guest in ET.fromstring(capabilities).findall("guest")
        if guest.findtext("os_type") == "hvm"
        for arch in guest.findall("arch")
        if arch.get("name") == architecture
        for kind in arch.findall("domain")
    )
    return tuple(dict.fromkeys(types))


def offers_passt(domain_capabilities: str) -> bool:
    """Whether `<backend type='passt'/>` is among libvirt's domain capabilities."""
    values = ET.fromstring(domain_capabilities).findall(
        "devices/interface[@supported='yes']/enum[@name='backendType']/value"
    )
    return "passt" in [value.text for value in values]


def _forget_after_fork() -> None:
    """A forked child shares the parent's socket to the daemon: it may neither use nor close it."""
    global _current, _lock
    _lock = threading.Lock()
    if _current is not None:
        # Closing is what the bindings do with a connection that nobody refers to.
        _current[1]._o = None
        _current = None


os.register_at_fork(after_in_child=_forget_after_fork)
