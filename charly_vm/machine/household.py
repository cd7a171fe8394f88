"""This account's machines and services, as the arbiter wants to know them: who gives way, how they
are found again, and what a claimant that died has left."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from charly_vm.arbiter.holders import GivesWay as Holder
from charly_vm.arbiter.modes import NoSwitches, Switches, with_devices
from charly_vm.arbiter.records import Life
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import CharlyError, StateError
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.machine import find_machine, held_machine
from charly_vm.machine.prune import prune_machine
from charly_vm.machine.records import GivesWay, MachineRecord, Stage, find_record, read_records
from charly_vm.machine.return_unit import arrange_return, cancel_return
from charly_vm.machine.service import Service, succeeds
from charly_vm.machine.start import start_machine
from charly_vm.machine.wishes import gives_way_of
from charly_vm.model.deploy import Preemptible
from charly_vm.model.project import Project
from charly_vm.model.protocols import StopOutcome

MACHINE, SERVICE = "machine", "service"


class _OnTerms:
    """What is the same of all who give way: the terms on which they do."""

    terms: GivesWay
    directory: Path

    @property
    def wish(self) -> Wish:
        return self.terms.wish

    @property
    def grace(self) -> float:
        return self.terms.grace

    @property
    def on_success(self) -> bool:
        return self.terms.on_success

    def find_protection(self) -> str:
        unless = self.terms.unless
        if unless and succeeds(unless, self.directory):
            return f"its owner is at work (`{unless}` succeeds)"
        return ""


@dataclass
class MachineHolder(_OnTerms):
    """A machine that gives way: its guest is asked to shut down, and it is booted again."""

    uid: int
    domain: str
    name: str
    terms: GivesWay
    directory: Path
    """Of its project, where `unless` is run."""
    progress: Progress = field(default=SILENT, repr=False)

    @property
    def key(self) -> str:
        return holder_key(self.uid, self.domain)

    @property
    def found_by(self) -> Mapping[str, str]:
        return {"kind": MACHINE, "name": self.name, "domain": self.domain}

    def is_running(self) -> bool:
        machine = find_machine(self.domain)
        return machine is not None and machine.state().has_process

    def stop(self, seconds: float) -> bool:
        with held_machine(self.domain, progress=self.progress) as machine:
            return machine.ask_to_stop(seconds) is not StopOutcome.STILL_ON

    def start(self) -> None:
        with held_machine(self.domain, progress=self.progress) as machine:
            if not machine.state().has_process:
                start_machine(machine)


@dataclass
class ServiceHolder(_OnTerms):
    """Anything else that gives way, by its author's commands."""

    uid: int
    name: str
    terms: GivesWay
    directory: Path
    domain: str = ""
    """Of a machine of ours that its author stops and starts by commands all the same."""

    @property
    def key(self) -> str:
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]
        return holder_key(self.uid, f"{self.name}-{digest}")

    @property
    def found_by(self) -> Mapping[str, str]:
        terms = self.terms
        return {
            **{"kind": SERVICE, "name": self.name, "directory": str(self.directory)},
            **{"stop": terms.stop, "start": terms.start, "running": terms.running},
            **({"domain": self.domain} if self.domain else {}),
        }

    def is_running(self) -> bool:
        return self._service.is_running()

    def stop(self, seconds: float) -> bool:
        return self._service.stop(seconds)

    def start(self) -> None:
        if not self._service.is_running():
            self._service.start()

    @property
    def _service(self) -> Service:
        terms = self.terms
        return Service(self.name, terms.stop, terms.start, terms.running, self.directory)


class OwnHousehold:
    """What this account has, on record and in its project."""

    def __init__(
        self,
        uid: int,
        project: Project | None,
        *,
        progress: Progress = SILENT,
        switches: Switches | None = None,
    ) -> None:
        """`project` may be one whose deploys give way; those of machines on record do in any
        case. `switches` knows the devices that their tokens mean."""
        self._uid = uid
        self._project = project
        self._progress = progress
        self._switches: Switches = switches or NoSwitches()

    def find_holders(self, tokens: Collection[str]) -> Sequence[Holder]:
        found: dict[str, Holder] = {}
        for holder in self._all():
            if not set(tokens).isdisjoint(holder.wish.tokens):
                # A machine on record comes before the deploy that says the same.
                found.setdefault(holder.key, holder)
        return list(found.values())

    def all_tokens(self) -> Collection[str]:
        return {token for holder in self._all() for token in holder.wish.tokens}

    def find_again(self, found_by: Mapping[str, str], wish: Wish) -> Holder | None:
        if found_by.get("kind") == SERVICE:
            terms = GivesWay(
                wish=wish,
                grace=0,
                on_success=False,
                stop=found_by["stop"],
                start=found_by["start"],
                running=found_by["running"],
            )
            directory, domain = Path(found_by["directory"]), found_by.get("domain", "")
            return ServiceHolder(self._uid, found_by["name"], terms, directory, domain)
        record = _find_created(found_by.get("domain", ""))
        if record is None:
            return None
        terms = record.gives_way or GivesWay(wish=wish, grace=0, on_success=False)
        return self._machine(record, self._with_devices(terms))

    def has_machine(self, domain: str) -> bool:
        try:
            return find_record(domain) is not None
        except StateError:
            # A newer charly's: it is there.
            return True

    def clear(self, domain: str) -> bool:
        if not self.has_machine(domain):
            return True
        try:
            prune_machine(domain, progress=self._progress)
        except CharlyError as error:
            self._progress.note(f"{domain} is left over and cannot be removed: {error.message}")
        return not self.has_machine(domain)

    def expect_return(self, due: bool) -> None:
        # A host that keeps no units still has the next command.
        with suppress(CharlyError):
            if due:
                arrange_return(self._progress)
            else:
                cancel_return()

    def find_parts(self, domain: str) -> Mapping[Life, Wish] | None:
        record = _find_created(domain)
        if record is None or record.is_bound_to_owner:
            return None
        holds = record.gives_way.wish if record.gives_way else Wish()
        return {Life.MACHINE: record.claims, Life.HOLDER: holds}

    def _all(self) -> Iterator[Holder]:
        deploys = self._project.deploys if self._project else {}
        file = str(self._project.file) if self._project else ""
        for record in read_records()[0]:
            terms = record.gives_way
            node = deploys.get(record.name) if record.project == file else None
            if node is not None:
                # Its author may have changed it since the machine was made.
                amounts = {
                    "ram": record.machine.ram,
                    "cpus": record.machine.cpus,
                }
                terms = gives_way_of(node.deploy.preemptible, amounts)
            if terms is not None and record.stage is Stage.CREATED:
                yield self._machine(record, self._with_devices(terms))
        if self._project is None:
            return
        for node in self._project.deploys.values():
            if node.deploy.preemptible and node.deploy.preemptible.is_service:
                yield from self._service(node.name, node.deploy.preemptible, node.file)
        for service in self._project.services.values():
            yield from self._service(service.name, service.preemptible, service.file)

    def _machine(self, record: MachineRecord, terms: GivesWay) -> Holder:
        directory = Path(record.project).parent
        domain = record.machine.domain
        if terms.running:
            return ServiceHolder(self._uid, record.name, terms, directory, domain)
        return MachineHolder(self._uid, domain, record.label, terms, directory, self._progress)

    def _service(self, name: str, said: Preemptible, file: str) -> Iterator[Holder]:
        terms = gives_way_of(said, {})
        if terms is not None:
            yield ServiceHolder(self._uid, name, self._with_devices(terms), Path(file).parent)

    def _with_devices(self, terms: GivesWay) -> GivesWay:
        return replace(terms, wish=with_devices(terms.wish, self._switches))


def holder_key(uid: int, name: str) -> str:
    """A holder's name in the ledger: its account's, and one that can be a file's."""
    return f"{uid}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"


def _find_created(domain: str) -> MachineRecord | None:
    try:
        record = find_record(domain) if domain else None
    except StateError:
        return None
    return record if record and record.stage is Stage.CREATED else None
