"""Which bed is up, and in which phase: one at a time, brought up when its first check wants it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from charly_vm import (
    BedRun,
    CharlyError,
    ClaimUnavailable,
    Entry,
    GuestView,
    Machine,
    describe_entry,
)
from pytest_charly.deadline import Deadlines
from pytest_charly.faults import BedFault, CharlyFault, Failed
from pytest_charly.place import DEPLOYED, REBUILT

_DID_NOT = {
    DEPLOYED: "did not come up (deployed)",
    REBUILT: "did not come up again from a fresh disk (rebuilt)",
}


@dataclass(frozen=True, eq=False)
class BedInPhase:
    """A bed that is up: what the fixture `bed` gives."""

    name: str
    """The bed's, with its variant: check-x[f43]."""
    phase: str
    """`deployed` or `rebuilt`."""
    machine: Machine
    """What the fixture `vm` gives."""
    view: GuestView = field(repr=False)
    """The guest as YAML steps see it, with what they have captured in this phase."""

    @cached_property
    def host(self) -> Any:
        """The testinfra host; its own per phase, since testinfra remembers what it detected."""
        from charly_vm import make_testinfra_host

        return make_testinfra_host(self.machine.guest)


@dataclass(frozen=True)
class _Over:
    """Why a bed is given up, and the one item that has said so and says so each time it is run."""

    error: Failed | None
    item: str
    skipped: str
    """What the bed's other items say, or all of them where there is no error."""


class BedRuns:
    """The bed that is up now, if any.

    A bed that is given up, since it did not come up or has had its time, is remembered: one item
    is an error that says why, and those after it are skipped without trying again.
    """

    def __init__(
        self,
        start_run: Callable[[str], BedRun],
        deadlines: Deadlines,
        *,
        keep: str,
        collect: str = "failed",
        skip_unclaimed: bool = False,
    ) -> None:
        """`skip_unclaimed` is whether a bed is skipped, and not an error, where others have what it
        claims."""
        self._start_run = start_run
        self._deadlines = deadlines
        self._keep = keep
        self._collect = collect
        self._skip_unclaimed = skip_unclaimed
        self._run: BedRun | None = None
        self._running = ""
        """The whole name of the bed that it runs."""
        self._place: BedInPhase | None = None
        self._item = ""
        """The id of the item that runs."""
        self._over: dict[str, _Over] = {}
        self._failed: set[str] = set()
        self._evidence: dict[BedInPhase, str] = {}
        self._directories: dict[str, Path] = {}

    def begin(self, name: str, item: str) -> None:
        """An item of a bed begins, perhaps anew. Fails or skips it where the bed is given up."""
        self._item = item
        over = self._over.get(name)
        if over and over.error and over.item == item:
            # Run again by another plugin: a skip now would count as its last word.
            raise over.error.with_traceback(None)
        if over:
            pytest.skip(over.skipped)

    def give_up(self, name: str, error: Failed, reason: str) -> None:
        """Run no more items of a bed. The one that runs has failed with this error."""
        self._over.setdefault(name, _Over(error, self._item, reason))

    def enter(self, name: str, phase: str) -> BedInPhase:
        """Have the bed up in this phase. Fails the calling item where that cannot be."""
        if self._place is not None and (self._place.name, self._place.phase) == (name, phase):
            return self._place
        if self._run is not None and self._running != name:
            self.leave()
        fault: BedFault | CharlyFault
        try:
            self._place = self._come_up(name, phase)
            return self._place
        except ClaimUnavailable as error:
            if self._skip_unclaimed:
                self._run = self._place = None
                self._over[name] = _Over(None, "", error.message)
                pytest.skip(error.message)
            fault = BedFault(f"{name} {_DID_NOT[phase]}\n{error}")
        except (CharlyError, Failed) as error:
            # The latter is a time limit, ours or another plugin's.
            text = "\n".join([str(error), *getattr(error, "__notes__", ())])
            fault = BedFault(f"{name} {_DID_NOT[phase]}\n{text}")
            if isinstance(error, Failed):
                self._abandon()
        except Exception as error:
            fault = CharlyFault(error)
        except BaseException:
            self._run = self._place = None
            fault = BedFault(f"{name} {_DID_NOT[phase]}\nit was interrupted")
            self.give_up(name, fault, f"{name} did not come up")
            raise
        self._run = self._place = None
        self.give_up(name, fault, f"{name} did not come up")
        # Outside the handler: pytest would show the two as a chain.
        raise fault

    def _come_up(self, name: str, phase: str) -> BedInPhase:
        if self._run is None:
            self._run, self._running = self._start_run(name), name
            self._directories[name] = self._run.directory
            self._run.asking(self._item)
            with self._deadlines.preparing(name):
                self._run.prepare()
            with self._deadlines.coming_up(name, DEPLOYED):
                self._run.bring_up()
        if phase == REBUILT:
            self._collect_good(self._run)
            with self._deadlines.coming_up(name, REBUILT):
                self._run.rebuild()
        return BedInPhase(name, phase, self._run.require_machine(), self._run.view(phase))

    def _abandon(self) -> None:
        """Leave nothing of a run that was interrupted, in case the engine was not there to do so:
        time may run out between two calls of it."""
        with contextlib.suppress(CharlyError):
            if self._run is not None:
                self._run.tear_down()

    def describe_entry(self) -> str:
        """How a person gets into the machine that is up; empty where none is."""
        return describe_entry(self._place.machine) if self._place else ""

    def note_failure(self, name: str) -> str:
        """A check of the bed failed: collect evidence, once per phase, and return where it is."""
        self._failed.add(name)
        if self._run is None or self._place is None or self._place.name != name:
            return ""
        if self._place not in self._evidence:
            self._evidence[self._place] = str(self._run.collect(self._place.phase))
        return self._evidence[self._place]

    def evidence_of(self, name: str, phase: str) -> Path | None:
        """Where evidence of a bed's phase is, or would be; None for one that has not begun."""
        directory = self._directories.get(name)
        return directory / phase if directory else None

    @property
    def claim_owner(self) -> str:
        """In whose name the bed that is up claims; empty where none is."""
        return self._run.claim_owner if self._run else ""

    @property
    def commands(self) -> Sequence[Entry]:
        """What has run in the guest in the phase that is up."""
        return self._run.commands if self._run is not None else ()

    def asking(self, item: str) -> None:
        """An item begins, which is who asks the guest; empty between two."""
        self._item = item
        if self._run is not None:
            self._run.asking(item)

    def leave(self) -> None:
        """Tear down what is up."""
        if self._run is not None:
            self._collect_good(self._run)
        run, self._run, self._place = self._run, None, None
        if run is None:
            return
        failed = self._running in self._failed
        keep = self._keep == "always" or (self._keep == "failed" and failed)
        run.tear_down(keep=keep, success=not failed)

    def _collect_good(self, run: BedRun) -> None:
        """Collect evidence of a phase that is over and was good, where that was asked for."""
        if self._collect != "always" or self._place is None or self._place in self._evidence:
            return
        try:
            self._evidence[self._place] = str(run.collect(self._place.phase, failed=False))
        except CharlyError as error:
            run.progress.note(f"no evidence of {self._place.name}: {error.message}")
