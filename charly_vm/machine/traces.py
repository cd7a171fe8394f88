"""What a machine leaves in its user's own configuration: a stanza for ssh, and with `autostart` a
unit of systemd. Both are conveniences, so a machine does without where they cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from charly_vm.backend import backend_of
from charly_vm.errors import CharlyError
from charly_vm.host.progress import Progress
from charly_vm.machine.autostart import disable_autostart, enable_autostart
from charly_vm.machine.records import MachineRecord
from charly_vm.machine.ssh_config import remove_stanza, write_stanza


@dataclass(frozen=True, slots=True)
class Traces:
    """Those of one machine. What cannot be left or removed is said and is no error."""

    record: MachineRecord
    progress: Progress

    def leave(self) -> None:
        """Of a machine that has just been defined."""
        machine, domain = self.record.machine, self.record.domain
        self._try(lambda: write_stanza(machine))
        if machine.autostart:
            self._try(lambda: backend_of(machine.backend).set_autostart(domain, True))
            if not domain.hypervisor:
                # A daemon that boots with its host needs nobody to start it.
                self._try(lambda: enable_autostart(machine.domain, self.progress))

    def leave_address(self, address: str) -> None:
        """Of a guest that has been found at an address of its own."""
        self._try(lambda: write_stanza(self.record.machine, address))
        self.progress.note(f"{self.record.machine.domain} is at {address}")

    def remove(self) -> None:
        """Of a machine that is being removed."""
        name = self.record.machine.domain
        self._try(lambda: remove_stanza(name))
        self._try(lambda: disable_autostart(name))

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except CharlyError as error:
            self.progress.note(f"{self.record.machine.domain}: {error.message}")
