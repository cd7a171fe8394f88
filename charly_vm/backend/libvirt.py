"""The libvirt backend: persistent domains of the user's session daemon, found by
`libvirt_lookup`."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from charly_vm.backend import libvirt_agent, libvirt_snapshots
from charly_vm.backend.addresses import search_domain_addresses
from charly_vm.backend.launch_failure import explain_launch_failure
from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_lookup import (
    at_hypervisor,
    find_domain,
    list_domains,
    refuse_foreign,
    require_domain,
    state_of,
    uri_of,
)
from charly_vm.backend.libvirt_networks import explain_network_failure
from charly_vm.backend.libvirt_running import RunningOnLibvirt
from charly_vm.backend.power_button import press_until_off
from charly_vm.backend.screen import convert_to_png
from charly_vm.errors import GuestTimeout, HostError, LaunchError, StateError
from charly_vm.host.files import make_private_directory, read_tail
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import (
    AddressSearch,
    Domain,
    DomainState,
    ListedDomain,
    StopOutcome,
    domain_of,
)
from charly_vm.model.resolved import BackendName, ResolvedMachine
from charly_vm.render.domain_xml import render_domain_xml

T = TypeVar("T")


class LibvirtBackend:
    """Machines as libvirt domains."""

    name = BackendName.LIBVIRT

    def define(self, machine: ResolvedMachine) -> None:
        libvirt = import_libvirt()
        xml = render_domain_xml(machine)

        domain = domain_of(machine)

        def work(connection: Any) -> None:
            refuse_foreign(connection, domain)
            # Validated, since libvirt drops what it does not know without a word.
            connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

        at_hypervisor(domain, work)

    def start(self, domain: Domain) -> None:
        libvirt = import_libvirt()
        make_private_directory(domain.paths.runtime)

        def work(connection: Any) -> None:
            found = require_domain(connection, domain)
            if found.isActive():
                raise StateError(f"{domain.name} is running already")
            try:
                found.create()
            except libvirt.libvirtError as error:
                if not connection.isAlive():
                    raise
                raise _launch_error(domain, str(error)) from error

        at_hypervisor(domain, work)

    def stop(self, domain: Domain, deadline: Deadline, *, force: bool = True) -> StopOutcome:
        if not self.state(domain).has_process:
            return StopOutcome.ALREADY_OFF
        if press_until_off(
            lambda: self._press_power_button(domain),
            lambda seconds: self._is_off_within(domain, seconds),
            deadline,
        ):
            return StopOutcome.SHUT_DOWN
        if not force:
            return StopOutcome.STILL_ON
        forced = self.power_off(domain)
        return forced if forced is StopOutcome.FORCED else StopOutcome.SHUT_DOWN

    def power_off(self, domain: Domain) -> StopOutcome:
        ended = _while_active(domain, lambda found: found.destroy())
        return StopOutcome.FORCED if ended else StopOutcome.ALREADY_OFF

    def undefine(self, domain: Domain) -> None:
        libvirt = import_libvirt()
        self.power_off(domain)

        def work(connection: Any) -> None:
            found = find_domain(connection, domain)
            if found is not None:
                flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                flags |= libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                if ET.fromstring(found.XMLDesc(0)).find("os/nvram") is not None:
                    # They are a file of ours, and stay with the disk that they belong to. Not
                    # every driver knows the flag.
                    flags |= libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
                found.undefineFlags(flags)

        at_hypervisor(domain, work)
        domain.paths.console_socket.unlink(missing_ok=True)

    def state(self, domain: Domain) -> DomainState:
        def work(connection: Any) -> DomainState:
            found = find_domain(connection, domain)
            return DomainState.MISSING if found is None else state_of(*found.state())

        return at_hypervisor(domain, work)

    def screenshot(self, domain: Domain, screen: int = 0) -> bytes:
        def work(connection: Any) -> bytes:
            found = require_domain(connection, domain)
            if not found.isActive():
                raise StateError(f"{domain.name} is not running, so it has no screen")
            stream = connection.newStream(0)
            found.screenshot(stream, screen, 0)
            chunks: list[bytes] = []
            stream.recvAll(lambda _stream, data, _opaque: chunks.append(data), None)
            stream.finish()
            return b"".join(chunks)

        return convert_to_png(at_hypervisor(domain, work))

    def description(self, domain: Domain, *, live: bool = False) -> str:
        flags = 0 if live else import_libvirt().VIR_DOMAIN_XML_INACTIVE
        xml: str = self._with_domain(domain, lambda found: found.XMLDesc(flags))
        return xml

    def neighbours(self, domain: Domain) -> Sequence[ListedDomain]:
        listed = at_hypervisor(domain, list_domains)
        return sorted(listed, key=lambda one: one.name)

    def running(self, domain: Domain) -> RunningOnLibvirt:
        return RunningOnLibvirt(domain)

    def log(self, domain: Domain) -> str:
        """libvirt's log of the domain's emulator; a session keeps it in the user's cache."""
        if domain.hypervisor:
            return ""
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return read_tail(Path(cache, "libvirt", "qemu", "log", f"{domain.name}.log"))

    def addresses(self, domain: Domain, mac: str) -> AddressSearch:
        return self._with_domain(domain, lambda found: search_domain_addresses(found, domain, mac))

    def set_autostart(self, domain: Domain, wanted: bool) -> None:
        def work(connection: Any) -> None:
            found = find_domain(connection, domain)
            if found is not None:
                found.setAutostart(wanted)

        at_hypervisor(domain, work)

    def use_layer(self, machine: ResolvedMachine) -> None:
        domain = domain_of(machine)
        self._with_domain(domain, lambda found: libvirt_snapshots.use_layer(found, machine.paths))

    def adopt_layer(self, domain: Domain, layer: Path, below: Path) -> None:
        self._with_domain(
            domain, lambda found: libvirt_snapshots.switch_layer(found, domain, layer, below)
        )

    def save_snapshot(self, domain: Domain, name: str) -> None:
        self._with_domain(domain, lambda found: libvirt_snapshots.save(found, domain, name))

    def load_snapshot(self, domain: Domain, name: str, *, memory: bool) -> None:
        # libvirt ends the emulator as well before it loads a memory, and is slower at it.
        self.power_off(domain)
        self._with_domain(
            domain, lambda found: libvirt_snapshots.load(found, domain, name, memory=memory)
        )
        if memory:
            # It is back, also where nobody may ask QEMU, or it has ended since.
            with suppress(HostError):
                self._with_domain(domain, libvirt_agent.catch_up)

    def drop_snapshot(self, domain: Domain, name: str) -> None:
        self._with_domain(domain, lambda found: libvirt_snapshots.drop(found, domain, name))

    def find_snapshots(self, domain: Domain) -> Mapping[str, bool]:
        return self._with_domain(domain, lambda found: libvirt_snapshots.find_all(found, domain))

    def ask_agent(
        self,
        domain: Domain,
        command: str,
        arguments: Mapping[str, object],
        *,
        seconds: float | None = None,
    ) -> Any:
        return self._with_domain(
            domain,
            lambda found: libvirt_agent.ask_agent(found, command, arguments, seconds=seconds),
        )

    def freeze(self, domain: Domain) -> None:
        self._with_domain(domain, libvirt_snapshots.freeze)

    def thaw(self, domain: Domain) -> None:
        self._with_domain(domain, libvirt_snapshots.thaw)

    def _with_domain(self, domain: Domain, operation: Callable[[Any], T]) -> T:
        return at_hypervisor(
            domain, lambda connection: operation(require_domain(connection, domain))
        )

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


def _while_active(domain: Domain, action: Callable[[Any], object]) -> bool:
    """Do something to a domain that runs; False where it does not, or ended in the meantime."""
    libvirt = import_libvirt()

    def work(connection: Any) -> bool:
        found = find_domain(connection, domain)
        if found is None or not found.isActive():
            return False
        try:
            action(found)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                return False
            raise
        return True

    return at_hypervisor(domain, work)


def _launch_error(domain: Domain, message: str) -> HostError | LaunchError:
    known = explain_network_failure(message, uri_of(domain)) or explain_launch_failure(message)
    if known is not None:
        return HostError(f"{domain.name} does not start: {known.message}", hint=known.hint)
    return LaunchError(f"libvirt could not start {domain.name}", log=message)
