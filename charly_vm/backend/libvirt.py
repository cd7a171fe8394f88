"""The libvirt backend: persistent domains of the user's session daemon.

A domain is found by its UUID. One of the same name and another UUID is somebody else's: it is
refused by name where it is in the way and never touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from charly_vm.backend.launch_failure import explain_launch_failure
from charly_vm.backend.libvirt_session import (
    SESSION_URI,
    import_libvirt,
    libvirt_uri,
    with_connection,
)
from charly_vm.backend.power_button import press_until_off
from charly_vm.backend.screen import convert_to_png
from charly_vm.errors import GuestTimeout, HostError, LaunchError, StateError
from charly_vm.host.files import make_private_directory, read_tail
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Domain, DomainState, StopOutcome
from charly_vm.model.resolved import BackendName, ResolvedMachine
from charly_vm.render.domain_xml import render_domain_xml

T = TypeVar("T")


class LibvirtBackend:
    """Machines as libvirt domains."""

    name = BackendName.LIBVIRT

    def define(self, machine: ResolvedMachine) -> None:
        libvirt = import_libvirt()
        xml = render_domain_xml(machine)

        def work(connection: Any) -> None:
            _refuse_foreign(connection, machine.domain, machine.uuid)
            # Validated, since libvirt drops what it does not know without a word.
            connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

        with_connection(work)

    def start(self, domain: Domain) -> None:
        libvirt = import_libvirt()
        make_private_directory(domain.paths.runtime)

        def work(connection: Any) -> None:
            found = _require_domain(connection, domain)
            if found.isActive():
                raise StateError(f"{domain.name} is running already")
            try:
                found.create()
            except libvirt.libvirtError as error:
                if not connection.isAlive():
                    raise
                raise _launch_error(domain, str(error)) from error

        with_connection(work)

    def stop(self, domain: Domain, deadline: Deadline) -> StopOutcome:
        if not self.state(domain).has_process:
            return StopOutcome.ALREADY_OFF
        if press_until_off(
            lambda: self._press_power_button(domain),
            lambda seconds: self._is_off_within(domain, seconds),
            deadline,
        ):
            return StopOutcome.SHUT_DOWN
        forced = self.power_off(domain)
        return forced if forced is StopOutcome.FORCED else StopOutcome.SHUT_DOWN

    def power_off(self, domain: Domain) -> StopOutcome:
        ended = _while_active(domain, lambda found: found.destroy())
        return StopOutcome.FORCED if ended else StopOutcome.ALREADY_OFF

    def undefine(self, domain: Domain) -> None:
        libvirt = import_libvirt()
        self.power_off(domain)

        def work(connection: Any) -> None:
            found = _find_domain(connection, domain)
            if found is not None:
                found.undefineFlags(
                    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                )

        with_connection(work)
        domain.paths.console_socket.unlink(missing_ok=True)

    def state(self, domain: Domain) -> DomainState:
        def work(connection: Any) -> DomainState:
            found = _find_domain(connection, domain)
            return DomainState.MISSING if found is None else _state_of(*found.state())

        return with_connection(work)

    def screenshot(self, domain: Domain) -> bytes:
        def work(connection: Any) -> bytes:
            found = _require_domain(connection, domain)
            if not found.isActive():
                raise StateError(f"{domain.name} is not running, so it has no screen")
            stream = connection.newStream(0)
            found.screenshot(stream, 0, 0)
            chunks: list[bytes] = []
            stream.recvAll(lambda _stream, data, _opaque: chunks.append(data), None)
            stream.finish()
            return b"".join(chunks)

        return convert_to_png(with_connection(work))

    def description(self, domain: Domain) -> str:
        libvirt = import_libvirt()

        def work(connection: Any) -> str:
            xml: str = _require_domain(connection, domain).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
            return xml

        return with_connection(work)

    def log(self, domain: Domain) -> str:
        """libvirt's log of the domain's emulator; a session keeps it in the user's cache."""
        if libvirt_uri() != SESSION_URI:
            return ""
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return read_tail(Path(cache, "libvirt", "qemu", "log", f"{domain.name}.log"))

    def _press_power_button(self, domain: Domain) -> None:
        libvirt = import_libvirt()
        flag = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
        _while_active(domain, lambda found: found.shutdownFlags(flag))

    def _is_off_within(self, domain: Domain, seconds: float) -> bool:
        def probe() -> bool | NotYet:
            state = self.state(domain)
            return NotYet(state.value) if state.has_process else True

        try:
            return wait_for(f"{domain.name} to shut down", probe, Deadline(seconds))
        except GuestTimeout:
            return False


def _find_domain(connection: Any, domain: Domain) -> Any | None:
    libvirt = import_libvirt()
    try:
        return connection.lookupByUUIDString(domain.uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def _require_domain(connection: Any, domain: Domain) -> Any:
    found = _find_domain(connection, domain)
    if found is None:
        _refuse_foreign(connection, domain.name, domain.uuid)
        raise StateError(f"{domain.name} is not defined")
    return found


def _refuse_foreign(connection: Any, name: str, uuid: str) -> None:
    """Raise `StateError` where the name belongs to a domain that is not the one with this UUID."""
    libvirt = import_libvirt()
    try:
        other = connection.lookupByName(name).UUIDString()
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return
        raise
    if other != uuid:
        raise StateError(
            f"libvirt has a domain {name} already, and it is not charly's (its UUID is {other})",
            hint=f"give the machine another name, or look at it with "
            f"`virsh -c {libvirt_uri()} dominfo {name}`",
        )


def _while_active(domain: Domain, action: Callable[[Any], object]) -> bool:
    """Do something to a domain that runs; False where it does not, or ended in the meantime."""
    libvirt = import_libvirt()

    def work(connection: Any) -> bool:
        found = _find_domain(connection, domain)
        if found is None or not found.isActive():
            return False
        try:
            action(found)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                return False
            raise
        return True

    return with_connection(work)


def _state_of(state: int, reason: int) -> DomainState:
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


def _launch_error(domain: Domain, message: str) -> HostError | LaunchError:
    known = explain_launch_failure(message)
    if known is not None:
        return HostError(f"{domain.name} does not start: {known.message}", hint=known.hint)
    return LaunchError(f"libvirt could not start {domain.name}", log=message)
