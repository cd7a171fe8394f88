"""Finding a domain at its own hypervisor.

A domain is found by its UUID. One of the same name and another UUID is somebody else's: it is
refused by name where it is in the way and never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_session import (
    SESSION_URI,
    HypervisorUnreachable,
    with_connection,
)
from charly_vm.errors import HostError, StateError
from charly_vm.model.protocols import Domain, DomainState, ListedDomain

T = TypeVar("T")


def uri_of(domain: Domain) -> str:
    """Where the machine was made, whatever the environment says now."""
    return domain.hypervisor or SESSION_URI


def at_hypervisor(domain: Domain, operation: Callable[[Any], T]) -> T:
    """Do something with a connection to the domain's own hypervisor. Raises `HostError`."""
    with explaining_where(domain):
        return with_connection(operation, uri_of(domain))


@contextmanager
def explaining_where(domain: Domain) -> Iterator[None]:
    """A hypervisor that cannot be reached is named where it is not the user's own session."""
    try:
        yield
    except HypervisorUnreachable as error:
        if not domain.hypervisor:
            raise
        raise HostError(
            f"{domain.name} is on another hypervisor, {domain.hypervisor}, which cannot be "
            f"reached: {error.reason}",
            hint=f"`virsh -c '{domain.hypervisor}' version` tries the same. A machine stays where "
            "it was made, whatever CHARLY_LIBVIRT_URI says now; where that host is gone for good, "
            f"remove {domain.paths.directory}",
        ) from error


def find_domain(connection: Any, domain: Domain) -> Any | None:
    """libvirt's domain, or None where it knows none of this UUID."""
    libvirt = import_libvirt()
    try:
        return connection.lookupByUUIDString(domain.uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def require_domain(connection: Any, domain: Domain) -> Any:
    """The domain. Raises `StateError` where it is not defined."""
    found = find_domain(connection, domain)
    if found is None:
        refuse_foreign(connection, domain)
        raise StateError(f"{domain.name} is not defined")
    return found


def list_domains(connection: Any) -> list[ListedDomain]:
    """All that the hypervisor knows; one that is removed meanwhile is left out."""
    libvirt = import_libvirt()
    listed = []
    for one in connection.listAllDomains():
        try:
            state = state_of(*one.state())
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            continue
        listed.append(ListedDomain(one.name(), one.UUIDString(), state))
    return listed


def refuse_foreign(connection: Any, domain: Domain) -> None:
    """Raise `StateError` where the name belongs to a domain that is not the one with this UUID."""
    libvirt = import_libvirt()
    name = domain.name
    try:
        other = connection.lookupByName(name).UUIDString()
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return
        raise
    if other != domain.uuid:
        raise StateError(
            f"libvirt has a domain {name} already, and it is not charly's (its UUID is {other})",
            hint=f"give the machine another name, or look at it with "
            f"`virsh -c '{uri_of(domain)}' dominfo {name}`",
        )


def state_of(state: int, reason: int) -> DomainState:
    """What `virDomainGetState` says, in our words."""
    libvirt = import_libvirt()
    if state == libvirt.VIR_DOMAIN_SHUTOFF:
        return DomainState.SHUT_OFF
    if state == libvirt.VIR_DOMAIN_CRASHED:
        return DomainState.CRASHED
    if state == libvirt.VIR_DOMAIN_PAUSED:
        crashed = reason == libvirt.VIR_DOMAIN_PAUSED_CRASHED
        return DomainState.CRASHED if crashed else DomainState.PAUSED
    if state == libvirt.VIR_DOMAIN_PMSUSPENDED:
        return DomainState.PAUSED
    # Also one that is on its way out: for as long as the process is there, so is the machine.
    return DomainState.RUNNING
