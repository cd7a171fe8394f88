"""A bed: a disposable machine from nothing to ready, rebuilt fresh, and gone again."""

from __future__ import annotations

import dataclasses
import platform
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from charly_vm.arbiter.claiming import CLAIM_SECONDS, Lease
from charly_vm.arbiter.records import Life
from charly_vm.arbiter.wish import Wish, unite
from charly_vm.check.guest_view import GuestView
from charly_vm.errors import CharlyError, Problem, SpecError, StateError
from charly_vm.guest.transcript import Entry
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.arbitration import find_arbiter, give_back, this_claimant
from charly_vm.machine.card_allocation import allocate_cards, require_cards
from charly_vm.machine.create import build_base, create_machine, rebuild_machine
from charly_vm.machine.evidence.of_bed import DEPLOYED, REBUILT, REMOVAL, BedEvidence
from charly_vm.machine.expiry import KEEP_SECONDS, arrange_removal
from charly_vm.machine.machine import Machine, find_machine
from charly_vm.machine.ownership import BED_WAIT_SECONDS, own_machine, this_process
from charly_vm.machine.records import Purpose, Stage, now, paths_of, write_record
from charly_vm.machine.surroundings import view_guest
from charly_vm.machine.veto import require_no_veto
from charly_vm.machine.wishes import wish_of_bed
from charly_vm.model.deploy import DeployNode
from charly_vm.model.gaps import require_carried_out
from charly_vm.model.names import PREFIX
from charly_vm.model.project import Project, Target
from charly_vm.model.resolve.keys import require_login


class BedRun:
    """One run of one bed. The machine is held from `bring_up` to `tear_down`.

    A method that fails has collected its evidence below `evidence` and removed the machine (or
    kept it, with `keep_failed`) before it raises. So has one that an exception of the caller's
    interrupts, such as a time limit's: where the evidence is, is a note of it (`__notes__`). How
    long everything took is written there in any case, by `tear_down` at the latest.
    """

    def __init__(
        self,
        project: Project,
        node: DeployNode,
        *,
        evidence: Path,
        target: Target | None = None,
        progress: Progress = SILENT,
        keep_failed: bool = False,
        wish: Wish | None = None,
        claim_timeout: float = CLAIM_SECONDS,
    ) -> None:
        """`target` is one of the bed's variants, where it has some. `wish` is what its checks claim
        beside what it requires itself, and `claim_timeout` how long it waits for all of that."""
        self.project = project
        self.target = target or project.target(node.name)
        self.node = self.target.deploy or node
        self.name = self.target.domain.removeprefix(PREFIX)
        """The machine's, which says the variant too."""
        self.evidence = evidence
        self._kept = BedEvidence(evidence, self.name, self.target.entity_name, progress)
        self.progress: Progress = self._kept.timings
        self.keep_failed = keep_failed
        self.machine: Machine | None = None
        self._owner = this_process(Purpose.BED)
        self._held = ExitStack()
        self._base: Path | None = None
        self._wish = unite([wish_of_bed(self.target), wish or Wish()])
        self._claim_timeout = claim_timeout
        self._lease: Lease | None = None
        self._item = ""
        self.claim_owner = secrets.token_hex(8)
        """Who claims: what its checks claim besides is not kept from them by what it has."""

    @property
    def console_log(self) -> Path:
        """What the guest says on its serial console; there from the boot to `tear_down`."""
        return paths_of(self.target.domain).console_log

    def prepare(self) -> None:
        """Build the image of its disk, and have what the bed claims.

        Each of these has limits of its own; how long they take depends on other beds and on the
        network, and not on the machine. `bring_up` does it where it has not been done.
        """
        require_disposable(self.node)
        require_no_veto(self.target.domain)
        require_login(self.target, self.target.entity.arch or platform.machine())
        require_carried_out(self.node)
        self._held.enter_context(
            own_machine(self.target.domain, wait=BED_WAIT_SECONDS, progress=self.progress)
        )
        try:
            self._kept.begin()
            require_cards(self.target, self.project)
            # Before anybody gives way: a disk may take minutes, and a claim may wait for hours.
            self._base = self._build()
            self._claim()
            allocate_cards(self.target, self.project, self.progress)
            if not self._base.exists():
                # `charly vm prune` removes what no record needs.
                self._base = self._build()
        except BaseException:
            self._kept.finish()
            self._held.close()
            self._give_back(success=False)
            raise

    def bring_up(self) -> Machine:
        """Boot the machine, and wait until it is ready."""
        if self._base is None:
            self.prepare()
        try:
            self.machine = create_machine(
                self.target,
                self.project.file,
                self._owner,
                base=self._base,
                leave_failed=True,
                progress=self.progress,
            )
            self._kept.watch(self.machine)
            self.machine.wait_until_ready(self.node.deploy.timeout)
        except BaseException as error:
            self._give_up(error, DEPLOYED)
            raise
        self._kept.begin_checks()
        return self.machine

    def _build(self) -> Path:
        return build_base(self.target, self.project.file, self._owner.purpose, self.progress)

    def _claim(self) -> None:
        arbiter = find_arbiter(self.project, progress=self.progress)
        self._lease = arbiter.claim(
            self._wish,
            this_claimant(self.name, test=self._item),
            timeout=self._claim_timeout,
            owner=self.claim_owner,
            domain=self.target.domain,
        )

    def _give_back(self, *, success: bool) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            give_back(lease, self.target.domain, success=success)

    def rebuild(self) -> Machine:
        """The same bed from a fresh disk, ready again."""
        machine = self.require_machine()
        self._kept.enter(REBUILT)
        try:
            rebuild_machine(machine, self.target)
            machine.wait_until_ready(self.node.deploy.timeout)
        except BaseException as error:
            self._give_up(error, REBUILT)
            raise
        self._kept.begin_checks()
        return machine

    def require_machine(self) -> Machine:
        if self.machine is None:
            raise AssertionError(f"{self.node.name} is not up")
        return self.machine

    def asking(self, item: str) -> None:
        """Who has what runs in the guest from now on run, for the transcript: the id of a check,
        empty for nobody in particular."""
        self._item = item
        self._kept.asking(item)

    @property
    def directory(self) -> Path:
        """Where its evidence is, below it a directory per phase."""
        return self._kept.directory

    @property
    def commands(self) -> Sequence[Entry]:
        """What has run in the guest in this phase, oldest first."""
        return self._kept.transcript.entries

    def collect(self, phase: str, *, failed: bool = True) -> Path:
        """Collect evidence now, and return the directory that holds it: because a check has
        `failed`, or on success. Raises `HostError` where it cannot be written."""
        return self._kept.collect(self.require_machine(), phase, failed=failed)

    def view(self, phase: str) -> GuestView:
        """The guest as steps see it. What they capture is forgotten with the view."""
        artifacts = self._kept.artifacts(phase)
        return view_guest(self.require_machine(), self.project, artifacts=artifacts)

    def tear_down(self, *, keep: bool = False, success: bool = True) -> None:
        """Remove the machine and everything of it, or leave it running with a note how to enter.

        What was claimed is given back, with whether the bed was a `success`; a machine that stays
        keeps it.
        """
        try:
            with self._held:
                machine, self.machine = self.machine, None
                self._kept.enter(REMOVAL)
                try:
                    if machine is None:
                        return
                    if keep and machine.record.stage is Stage.CREATED:
                        self._keep(machine)
                    else:
                        machine.destroy(disk=True)
                finally:
                    self._kept.finish()
        finally:
            self._give_back(success=success)

    def _give_up(self, error: BaseException, phase: str) -> None:
        """Leave nothing of a bed that did not come up, except its evidence."""
        self.machine = self.machine or self._find_half_made()
        # What a person interrupts has not failed. What a time limit interrupts has.
        failed = not isinstance(error, KeyboardInterrupt | SystemExit)
        try:
            if self.machine is not None and failed:
                self._kept.watch(self.machine)
                _add_detail(error, f"  evidence: {self.collect(phase)}")
        except CharlyError as more:
            # Why the bed did not come up is what has to be read; this comes on top.
            _add_detail(error, f"  no evidence: {more.message}")
        finally:
            try:
                self.tear_down(keep=self.keep_failed and failed, success=False)
            except CharlyError as more:
                _add_detail(error, f"  left for `charly vm prune`: {more.message}")

    def _find_half_made(self) -> Machine | None:
        """The machine of a create that failed half-way, by its record: ours, and nobody else's."""
        try:
            found = find_machine(self.target.domain, progress=self.progress)
        except StateError:
            return None
        return found if found and found.record.owner == self._owner else None

    def _keep(self, machine: Machine) -> None:
        ephemeral = self.node.deploy.ephemeral
        seconds = ephemeral.ttl if ephemeral else KEEP_SECONDS
        expires = now(after=seconds)
        owner = dataclasses.replace(machine.record.owner, purpose=Purpose.KEPT, expires=expires)
        claims = self._lease.wish if self._lease else Wish()
        machine.record = dataclasses.replace(machine.record, owner=owner, claims=claims)
        write_record(machine.record)
        if self._lease is not None:
            self._lease.hand_over(machine.name, {Life.MACHINE: claims})
            self._lease = None
        machine.close()
        arrange_removal(machine.name, seconds)
        name = machine.record.label
        self.progress.note(
            f"{name} is kept until {expires}: {describe_entry(machine)}, "
            f"`charly vm destroy {name} --disk` removes it"
        )


def describe_entry(machine: Machine) -> str:
    """How a person gets into a machine that runs, in one half of a sentence."""
    name = machine.record.label
    return f"`charly vm ssh {name}` logs in, `charly vm console {name}` shows its console"


def _add_detail(error: BaseException, line: str) -> None:
    if isinstance(error, CharlyError):
        error.details = "\n".join(filter(None, [error.details, line]))
    else:
        error.add_note(line)


def require_disposable(node: DeployNode) -> None:
    """Refuse a deploy that nobody has allowed to be destroyed unattended."""
    if not node.disposable:
        text = f"{node.name} is not disposable, so it cannot be a bed"
        raise SpecError(
            [Problem(node.file, node.line, 1, text)],
            hint="a bed is destroyed and rebuilt without asking; to allow that, write "
            f"`vm: {{from: {node.deploy.entity}, disposable: true}}`",
        )
