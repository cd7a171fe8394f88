"""Which bed is up, and in which phase: one at a time, brought up when its first check wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from charly_vm import BedRun, CharlyError, GuestView, Machine
from pytest_charly.faults import BedFault, CharlyFault
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


class BedRuns:
    """The bed that is up now, if any.

    A bed that did not come up is remembered: its first check is an error that says why, and its
    others are skipped without trying again.
    """

    def __init__(self, start_run: Callable[[str], BedRun], *, keep: str) -> None:
        self._start_run = start_run
        self._keep = keep
        self._run: BedRun | None = None
        self._running = ""
        """The whole name of the bed that it runs."""
        self._place: BedInPhase | None = None
        self._broken: set[str] = set()
        self._failed: set[str] = set()
        self._evidence: dict[BedInPhase, str] = {}

    def enter(self, name: str, phase: str) -> BedInPhase:
        """Have the bed up in this phase. Fails or skips the calling item where that cannot be."""
        if self._place is not None and (self._place.name, self._place.phase) == (name, phase):
            return self._place
        if name in self._broken:
            pytest.skip(f"{name} did not come up")
        if self._run is not None and self._running != name:
            self.leave()
        fault: BedFault | CharlyFault
        try:
            self._place = self._come_up(name, phase)
            return self._place
        except CharlyError as error:
            self._break(name)
            fault = BedFault(f"{name} {_DID_NOT[phase]}\n{error}")
        except Exception as error:
            self._break(name)
            fault = CharlyFault(error)
        except BaseException:
            self._break(name)
            raise
        # Outside the handler: pytest would show the two as a chain.
        raise fault

    def _break(self, name: str) -> None:
        self._run = self._place = None
        self._broken.add(name)

    def _come_up(self, name: str, phase: str) -> BedInPhase:
        if self._run is None:
            self._run, self._running = self._start_run(name), name
            self._run.bring_up()
        if phase == REBUILT:
            self._run.rebuild()
        return BedInPhase(name, phase, self._run.require_machine(), self._run.view(phase))

    def note_failure(self, name: str) -> str:
        """A check of the bed failed: collect evidence, once per phase, and return where it is."""
        self._failed.add(name)
        if self._run is None or self._place is None or self._place.name != name:
            return ""
        if self._place not in self._evidence:
            self._evidence[self._place] = str(self._run.collect(self._place.phase))
        return self._evidence[self._place]

    def leave(self) -> None:
        """Tear down what is up."""
        run, self._run, self._place = self._run, None, None
        if run is None:
            return
        failed = self._running in self._failed
        run.tear_down(keep=self._keep == "always" or (self._keep == "failed" and failed))
