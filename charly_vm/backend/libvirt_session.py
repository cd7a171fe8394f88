"""The connections to libvirt, one for each busy thread; the user's session starts on demand.

Whether libvirt is there is judged by a real connection. A session daemon ends when it is idle and
comes back when asked, so neither `systemctl is-active` nor a missing socket means anything.
`CHARLY_LIBVIRT_URI` chooses another hypervisor for what is made; what is there already is on the
one in its record.
"""

from __future__ import annotations

import atexit
import os
import platform
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_daemon import start_session_daemon
from charly_vm.backend.libvirt_events import events_paused, forget_event_loop, start_event_loop
from charly_vm.backend.libvirt_hypervisor import find_hop, probe_hypervisor
from charly_vm.backend.libvirt_networks import probe_networks
from charly_vm.backend.passt import PROBE_SECONDS, find_passt_obstacle
from charly_vm.errors import CharlyError, GuestTimeout, HostError
from charly_vm.host.background import BackgroundCall
from charly_vm.host.facts import LibvirtFacts
from charly_vm.host.settings import find_value
from charly_vm.host.waiting import Deadline, NotYet, wait_for

SESSION_URI = "qemu:///session"
OPEN_SECONDS = 10.0
RETRY_SECONDS = 3.0
MUTE_SECONDS = 60.0
"""For so long a hypervisor that gave no answer is not asked again."""
GOING_AWAY = ("Connection reset by peer", "End of file while reading data")
"""What a client is told that met a daemon in the moment of its end; the next one starts another."""

NO_ANSWER = "no answer"
KEEPALIVE_SECONDS = 5
KEEPALIVE_COUNT = 6
"""So many unanswered in a row and the connection to another hypervisor is broken, after 35 s."""

T = TypeVar("T")


class HypervisorUnreachable(HostError):
    """No connection can be had; `reason` is why, in libvirt's words."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        self.reason = reason
        super().__init__(message, hint=hint)


def libvirt_uri() -> str:
    """Where machines are made, by the setting libvirt.uri."""
    return find_value("libvirt.uri").text


def with_connection(operation: Callable[[Any], T], uri: str = "") -> T:
    """Do something with a connection of the process's, once more where the daemon had gone away.

    `uri` is the environment's where it is empty. Raises `HostError` with libvirt's words, and
    `HypervisorUnreachable` where there is no connection.
    """
    libvirt = import_libvirt()
    uri = uri or libvirt_uri()
    with _borrowed(libvirt, uri) as slot:
        try:
            return operation(slot.connection)
        except libvirt.libvirtError as error:
            if slot.connection.isAlive():
                raise HostError(f"libvirt: {error}") from error
        with _lock:
            slot.connection = _open(libvirt, uri)
        try:
            return operation(slot.connection)
        except libvirt.libvirtError as error:
            raise HostError(f"libvirt: {error}") from error


@contextmanager
def own_connection(uri: str) -> Iterator[Any]:
    """A connection that is not the process's, with libvirt's event loop behind it, for the length
    of the block. Raises `HypervisorUnreachable` where none can be had."""
    libvirt = import_libvirt()
    # What a connection is told is read by the loop that was there when it was opened.
    start_event_loop(libvirt)
    slot = _Slot()
    with _lock:
        slot.connection = _open(libvirt, uri)
        _own.append(slot)
    try:
        yield slot.connection
    finally:
        with _lock:
            is_ours = slot in _own
            if is_ours:
                _own.remove(slot)
        # In a forked child it is the parent's.
        if is_ours:
            with suppress(libvirt.libvirtError):
                slot.connection.close()


def probe_libvirt() -> LibvirtFacts | str:
    """What libvirt offers here, or the reason in words why it cannot be used."""
    here = find_hop(libvirt_uri()) is None
    # To try passt takes as long as all the rest, and is waiting for the most part. A host of its
    # own knows itself whether passt works there.
    passt = BackgroundCall("passt", find_passt_obstacle) if here else None

    def look(connection: Any) -> LibvirtFacts:
        return _look(connection, passt)

    try:
        return with_connection(look)
    except CharlyError as error:
        return error.message


class _Slot:
    """A connection and the thread that uses it now."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.user: int | None = None
        self.depth = 0


_lock = threading.Lock()
_slots: dict[str, list[_Slot]] = {}
_own: list[_Slot] = []
"""Those that are lent to one thread for good."""
_mute: dict[str, Deadline] = {}


@contextmanager
def _borrowed(libvirt: Any, uri: str) -> Iterator[_Slot]:
    """A connection that no other thread uses meanwhile.

    Before libvirt 9.2 the request of a second thread may be sent only when the call of the first
    has ended, and what asks a hung emulator never ends.
    """
    me = threading.get_ident()
    with _lock:
        slots = _slots.setdefault(uri, [])
        free = [slot for slot in slots if slot.user in (me, None)]
        slot = min(free, key=lambda one: one.user is None, default=None) or _Slot()
        if slot.connection is None or not slot.connection.isAlive():
            slot.connection = _open(libvirt, uri)
        if slot not in slots:
            slots.append(slot)
        slot.user = me
        slot.depth += 1
    try:
        yield slot
    finally:
        with _lock:
            slot.depth -= 1
            if not slot.depth:
                slot.user = None


@atexit.register
def _disconnect() -> None:
    """In good time: at the very end the bindings' own clean-up finds their module gone."""
    for slot in _take_slots():
        slot.connection.close()


def _take_slots() -> list[_Slot]:
    taken = [slot for slots in _slots.values() for slot in slots if slot.connection is not None]
    _slots.clear()
    return taken


def _open(libvirt: Any, uri: str) -> Any:
    """A new connection. Raises `HostError` where none can be had."""
    if uri in _mute and not _mute[uri].passed:
        raise _no_daemon(uri, "it gave no answer a moment ago")
    if uri != SESSION_URI:
        start_event_loop(libvirt)
    elif os.getuid() == 0:
        raise HostError(
            "root has no libvirt session",
            hint="run charly as an ordinary user, or set CHARLY_LIBVIRT_URI",
        )
    else:
        start_session_daemon()

    def attempt() -> Any | NotYet:
        answer = _open_within(libvirt, uri, OPEN_SECONDS)
        gone = isinstance(answer, str) and any(words in answer for words in GOING_AWAY)
        return NotYet(answer) if gone else answer

    try:
        with events_paused():
            answer = wait_for("a connection", attempt, Deadline(RETRY_SECONDS))
    except GuestTimeout as error:
        answer = error.seen
    if isinstance(answer, str):
        if answer.startswith(NO_ANSWER):
            _mute[uri] = Deadline(MUTE_SECONDS)
        raise _no_daemon(uri, answer)
    if uri != SESSION_URI:
        # Nothing of libvirt's has a deadline, and the host may be one that goes away.
        with suppress(libvirt.libvirtError):
            answer.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_COUNT)
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
    return outcome[0] if outcome else f"{NO_ANSWER} within {seconds:.0f} s"


def _no_daemon(uri: str, reason: str) -> HypervisorUnreachable:
    if uri != SESSION_URI:
        return HypervisorUnreachable(
            f"cannot connect to libvirt at {uri}: {reason}",
            reason=reason,
            hint=f"`virsh -c '{uri}' version` tries the same; CHARLY_LIBVIRT_URI chooses where "
            "machines are made",
        )
    return HypervisorUnreachable(
        f"libvirt backend requires libvirt session daemon: {reason}",
        reason=reason,
        hint="install it (libvirt-daemon, libvirt-daemon-driver-qemu) and start it with "
        "`systemctl --user enable --now virtqemud.service` (libvirtd.service on older hosts)",
    )


def _look(connection: Any, passt: BackgroundCall[str | None] | None) -> LibvirtFacts:
    number = connection.getLibVersion()
    uri = libvirt_uri()
    if "://" not in uri:
        # A name that libvirt's own configuration has for one.
        uri = connection.getURI()
    hypervisor = None if uri == SESSION_URI else probe_hypervisor(connection, uri)
    networks = probe_networks(connection)
    offered = offers_passt(connection.getDomainCapabilities())
    types = find_domain_types(connection.getCapabilities(), platform.machine())
    obstacle = None
    if passt and not find_hop(uri):
        obstacle = passt.result(Deadline(2 * PROBE_SECONDS))
    return LibvirtFacts(
        uri=uri,
        version=(number // 1_000_000, number // 1_000 % 1_000, number % 1_000),
        domain_types=types,
        passt=offered and obstacle is None,
        networks=networks.active,
        idle_networks=networks.idle,
        networks_obstacle=networks.obstacle,
        hypervisor=hypervisor,
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
    global _lock
    _lock = threading.Lock()
    forget_event_loop()
    for slot in (*_take_slots(), *_own):
        # Closing is what the bindings do with a connection that nobody refers to.
        slot.connection._o = None
    _own.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
