"""Watching a domain through libvirt: its callbacks, on a connection that nothing else uses.

libvirt's own thread reads from that connection and calls. Before libvirt 9.2 a request is lost to
a thread that waits while another one's is under way, so nobody else may ask over it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_event_words import Description, descriptions
from charly_vm.backend.libvirt_lookup import explaining_where, require_domain, uri_of
from charly_vm.backend.libvirt_session import own_connection
from charly_vm.errors import HostError, StateError
from charly_vm.model.live import DomainEvent
from charly_vm.model.protocols import Domain

Tell = Callable[[DomainEvent], None]


@contextmanager
def watch_domain(domain: Domain, tell: Tell) -> Iterator[None]:
    """`RunningDomain.watch`. A domain that is restarted meanwhile is watched on."""
    libvirt = import_libvirt()
    with ExitStack() as stack:
        with explaining_where(domain):
            connection = stack.enter_context(own_connection(uri_of(domain)))
        try:
            found = require_domain(connection, domain)
            if not found.isActive():
                raise StateError(f"{domain.name} is not running")
            _listen(libvirt, stack, connection, found, tell)
        except libvirt.libvirtError as error:
            raise HostError(f"libvirt: {error}") from error
        yield


def _listen(libvirt: Any, stack: ExitStack, connection: Any, found: Any, tell: Tell) -> None:
    def closed(_connection: Any, reason: int, _opaque: Any) -> None:
        tell(DomainEvent(time.time(), "disconnected", _reason(libvirt, reason)))

    # libvirt calls it when we close the connection ourselves as well.
    connection.registerCloseCallback(closed, None)
    stack.callback(_quietly, libvirt, connection.unregisterCloseCallback)
    for number, event, describe in descriptions(libvirt):
        callback = _callback(event, describe, tell)
        try:
            registered = connection.domainEventRegisterAny(found, number, callback, None)
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_RPC):
                # The daemon is older than the library, and knows fewer.
                continue
            raise
        stack.callback(_quietly, libvirt, connection.domainEventDeregisterAny, registered)


def _callback(event: str, describe: Description, tell: Tell) -> Callable[..., None]:
    def happened(_connection: Any, _domain: Any, *details: Any) -> None:
        *known, _opaque = details
        tell(DomainEvent(time.time(), event, describe(*known)))

    return happened


def _reason(libvirt: Any, number: int) -> str:
    names = ("ERROR", "EOF", "KEEPALIVE", "CLIENT")
    known = {getattr(libvirt, f"VIR_CONNECT_CLOSE_REASON_{name}"): name.lower() for name in names}
    return known.get(number, str(number))


def _quietly(libvirt: Any, act: Callable[..., object], *arguments: object) -> None:
    """Of a connection that is broken nothing has to be taken back."""
    with suppress(libvirt.libvirtError):
        act(*arguments)
