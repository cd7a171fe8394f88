"""A machine whose guest agent is played by the test, for the probe's part `guest`.

`agent_answers.json` are answers that qemu-ga 7.2.22 of Debian 12 gave; those that would have
brought a file system to rest, or needed somebody who is logged in, are from its documentation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from charly_vm.errors import GuestError
from charly_vm.model.protocols import Backend, Domain, KeptSnapshot, SnapshotShelf
from charly_vm.model.resolved import BackendName, Paths
from charly_vm.probe.libvirt import LibvirtProbe, Subject

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("agent_answers.json").read_text())

Play = Callable[[str, Mapping[str, object]], Any]


class BackendStandIn:
    """The part of a backend that the probe's part `guest` uses."""

    name = BackendName.QEMU

    def __init__(self, play: Play) -> None:
        self.play = play
        self.asked: list[str] = []

    def ask_agent(
        self,
        domain: Domain,
        command: str,
        arguments: Mapping[str, object],
        *,
        seconds: float | None = None,
    ) -> Any:
        assert seconds is not None, "everything that is asked has its time"
        self.asked.append(command)
        return self.play(command, arguments)


class SnapshotShelfStandIn:
    """Keeps names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def list(self) -> tuple[KeptSnapshot, ...]:
        return tuple(
            KeptSnapshot(one, "external", "", "", "", one == self.names[-1], False, False)
            for one in self.names
        )

    def create(
        self, name: str, *, mode: str, description: str | None, quiesce: bool | None
    ) -> KeptSnapshot:
        self.names.append(name)
        return self.list()[-1]

    def revert(self, name: str) -> KeptSnapshot:
        return next(one for one in self.list() if one.name == name)

    def delete(self, name: str) -> None:
        self.names.remove(name)


def probe_with(backend: object, shelf: SnapshotShelf | None = None) -> LibvirtProbe:
    domain = Domain("charly-guest", "0000", Paths(Path("/none/d"), Path("/none/r")))
    return LibvirtProbe(
        Subject(
            domain=domain,
            backend=cast(Backend, backend),
            vcpus=2,
            memory=1024**3,
            console=lambda lines: "\n".join(str(number) for number in range(lines)),
            snapshots=shelf or SnapshotShelfStandIn(),
        )
    )


def answer_as_recorded(command: str, arguments: Mapping[str, object]) -> Any:
    if command not in RECORDED:
        raise GuestError(f"the guest agent refused {command}")
    return RECORDED[command]
