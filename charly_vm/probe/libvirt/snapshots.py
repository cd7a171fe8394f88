"""The probe's snapshots, which are the machine's own: `charly vm snapshot` shows the same."""

from __future__ import annotations

from charly_vm.errors import StateError
from charly_vm.model.protocols import KeptSnapshot
from charly_vm.model.spelling import suggestion
from charly_vm.probe.libvirt.subject import Subject


class Snapshots:
    """The part `snapshot` of the probe."""

    def __init__(self, subject: Subject) -> None:
        self._name = subject.domain.name
        self._shelf = subject.snapshots

    def list(self) -> tuple[KeptSnapshot, ...]:
        """All of the machine's, the oldest first."""
        return self._shelf.list()

    def create(
        self,
        name: str,
        mode: str = "",
        description: str | None = None,
        quiesce: bool | None = None,
    ) -> KeptSnapshot:
        """Take one of the machine, which may run. `mode` is external (the disk alone) or internal
        (with the memory of a machine that runs); with `quiesce` the guest agent brings the file
        systems to rest. What is not said is as the entity has it for this name."""
        return self._shelf.create(name, mode=mode, description=description, quiesce=quiesce)

    def info(self, name: str) -> KeptSnapshot:
        """One of them. Raises `StateError` for a name that there is not."""
        known = {one.name: one for one in self.list()}
        if name not in known:
            raise StateError(
                f"{self._name} has no snapshot {name!r}{suggestion(name, known)}",
                hint=f"it has {', '.join(known) or 'none'}",
            )
        return known[name]

    def revert(self, name: str) -> KeptSnapshot:
        """Bring the machine back to one; what it has become since then is lost. It is powered off
        for one without memory, and boots again where it ran."""
        return self._shelf.revert(name)

    def delete(self, name: str) -> None:
        """Remove one; the machine itself stays as it is."""
        self._shelf.delete(name)
