"""A running domain on the qemu backend: asked, typed at and watched over QEMU's monitors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from charly_vm.backend import qmp
from charly_vm.backend.emulator_age import find_age
from charly_vm.backend.emulator_process import find_emulator
from charly_vm.backend.qemu_graphics import read_spice, read_vnc
from charly_vm.backend.qemu_keys import QCODES
from charly_vm.backend.qemu_watch import watch_emulator
from charly_vm.backend.viewer_password import choose_server, refuse_password
from charly_vm.errors import StateError
from charly_vm.model.live import DomainEvent, Inspection, LiveGraphics
from charly_vm.model.protocols import Domain

MONITOR_SECONDS = 60.0
"""A command of somebody's may take longer than ours do."""


class RunningOnQemu:
    """`model.protocols.RunningDomain`."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def inspect(self) -> Inspection:
        return Inspection(
            vcpus=len(self._ask("query-cpus-fast")),
            memory=int(self._ask("query-memory-size-summary")["base-memory"]),
            graphics=self._graphics(),
            uptime=find_age(self._domain.uuid),
        )

    def send_keys(self, codes: Sequence[int], hold: int) -> None:
        foreign = [code for code in codes if code not in QCODES]
        if foreign:
            raise StateError(
                f"QEMU's keyboard has no key of the code {foreign[0]} (linux/input-event-codes.h)"
            )
        keys = [{"type": "qcode", "data": QCODES[code]} for code in codes]
        self._ask("send-key", {"keys": keys, "hold-time": hold})

    def set_password(self, password: str, kind: str) -> str:
        name = self._domain.name
        chosen = choose_server(name, [one.type for one in self._graphics()], kind)
        try:
            qmp.execute(
                self._domain.paths.monitor_socket,
                "set_password",
                {"protocol": chosen, "password": password},
                secret=True,
            )
        except qmp.CommandRefused as error:
            words = error.message
        else:
            return chosen
        raise refuse_password(name, chosen, words, password)

    def monitor(self, command: str, arguments: Mapping[str, object]) -> Any:
        return self._ask(command, dict(arguments), seconds=MONITOR_SECONDS)

    def watch(self, tell: Callable[[DomainEvent], None]) -> AbstractContextManager[None]:
        return watch_emulator(self._domain, tell)

    def _graphics(self) -> tuple[LiveGraphics, ...]:
        found = []
        # A QEMU that is built without one does not know its command.
        for command, read in (("query-vnc-servers", read_vnc), ("query-spice", read_spice)):
            try:
                found += read(self._ask(command))
            except qmp.CommandRefused:
                continue
        return tuple(found)

    def _ask(
        self,
        command: str,
        arguments: dict[str, object] | None = None,
        *,
        seconds: float = qmp.COMMAND_SECONDS,
    ) -> Any:
        self._require_running()
        return qmp.execute(self._domain.paths.monitor_socket, command, arguments, timeout=seconds)

    def _require_running(self) -> None:
        emulator = find_emulator(self._domain.uuid)
        if emulator is None:
            raise StateError(f"{self._domain.name} is not running")
        emulator.close()
