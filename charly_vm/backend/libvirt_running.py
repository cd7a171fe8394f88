"""A running domain on the libvirt backend: asked, typed at and watched through libvirt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from charly_vm.backend.emulator_age import find_age
from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_graphics import read_graphics, render_with_password
from charly_vm.backend.libvirt_hypervisor import find_hop
from charly_vm.backend.libvirt_lookup import at_hypervisor, require_domain, uri_of
from charly_vm.backend.libvirt_monitor import ask_monitor
from charly_vm.backend.libvirt_watch import watch_domain
from charly_vm.backend.viewer_password import refuse_password
from charly_vm.errors import StateError
from charly_vm.model.live import DomainEvent, Inspection
from charly_vm.model.protocols import Domain

T = TypeVar("T")


class RunningOnLibvirt:
    """`model.protocols.RunningDomain`."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def inspect(self) -> Inspection:
        secrets = import_libvirt().VIR_DOMAIN_XML_SECURE

        def work(found: Any) -> Inspection:
            _, _, kibibytes, vcpus, _ = found.info()
            elsewhere = bool(find_hop(uri_of(self._domain)))
            return Inspection(
                vcpus=vcpus,
                memory=kibibytes * 1024,
                graphics=read_graphics(found.XMLDesc(secrets)),
                uptime=None if elsewhere else find_age(self._domain.uuid),
            )

        return self._while_running(work)

    def send_keys(self, codes: Sequence[int], hold: int) -> None:
        libvirt = import_libvirt()
        linux = libvirt.VIR_KEYCODE_SET_LINUX

        def work(found: Any) -> None:
            try:
                found.sendKey(linux, hold, list(codes), len(codes), 0)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_INVALID_ARG:
                    raise
                raise StateError(
                    f"the keyboard of {self._domain.name} does not take these keys: {error}"
                ) from error

        self._while_running(work)

    def set_password(self, password: str, kind: str) -> str:
        libvirt = import_libvirt()
        name = self._domain.name

        def work(found: Any) -> str:
            xml = found.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
            changed, chosen = render_with_password(xml, name, kind, password)
            try:
                found.updateDeviceFlags(changed, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            except libvirt.libvirtError as error:
                if not found.connect().isAlive():
                    raise
                words = str(error)
            else:
                return chosen
            raise refuse_password(name, chosen, words, password)

        return self._while_running(work)

    def monitor(self, command: str, arguments: Mapping[str, object]) -> Any:
        return self._while_running(lambda found: ask_monitor(found, command, arguments))

    def watch(self, tell: Callable[[DomainEvent], None]) -> AbstractContextManager[None]:
        return watch_domain(self._domain, tell)

    def _while_running(self, operation: Callable[[Any], T]) -> T:
        def work(connection: Any) -> T:
            found = require_domain(connection, self._domain)
            if not found.isActive():
                raise StateError(f"{self._domain.name} is not running")
            return operation(found)

        return at_hypervisor(self._domain, work)
