"""What one run of a bed leaves for people: a directory of its own, begun anew with each run.

charly-evidence/BED/timings.json
                    deployed/  rebuilt/         a phase's evidence
                    artifacts/deployed/ …       what steps keep
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.guest.transcript import Transcript
from charly_vm.host.files import (
    explain_os_errors,
    make_ignored_directory,
    make_private_directory,
    write_atomically,
)
from charly_vm.host.progress import Progress
from charly_vm.machine.evidence.collect import collect_evidence, render_transcript
from charly_vm.machine.machine import Machine
from charly_vm.machine.timings import VERSION, Span, Timings

DEPLOYED = "deployed"
REBUILT = "rebuilt"
REMOVAL = "removal"


class BedEvidence:
    """The evidence of one run, in the directory of its bed. Nothing is written before `begin`."""

    def __init__(self, root: Path, name: str, entity: str, progress: Progress) -> None:
        self.directory = root / name
        self.timings = Timings(progress, DEPLOYED)
        """The progress to work with."""
        self.transcript = Transcript()
        """What runs in the guest in this phase."""
        self._about = {"bed": name, "entity": entity, "backend": "", "accelerator": ""}
        self._item = ""
        self._checks: Span | None = None
        """The time between ready and leaving the phase, in which checks run."""
        self._failed = False
        self._collected: set[str] = set()
        self._begun = False

    def begin(self) -> None:
        """Remove what an earlier run has left; `HostError` where that or writing is not possible.

        To be called by whoever holds the machine: another run may still write here.
        """
        make_ignored_directory(self.directory.parent)
        with explain_os_errors(f"replace the evidence of an earlier run in {self.directory}"):
            if self.directory.exists():
                shutil.rmtree(self.directory)
        make_private_directory(self.directory)
        self._begun = True

    def artifacts(self, phase: str) -> Path:
        return self.directory / "artifacts" / phase

    def watch(self, machine: Machine) -> None:
        """The bed has this machine: what runs in its guest goes into the transcript."""
        machine.transcript = self.transcript
        resolved = machine.record.machine
        self._about |= {"backend": resolved.backend.value, "accelerator": resolved.accelerator}

    def enter(self, phase: str) -> None:
        """What happens from now on belongs to this phase."""
        self._end_checks()
        self.transcript.item = ""
        if phase != REMOVAL:
            self.transcript.forget()
        self.timings.bed_phase = phase

    def begin_checks(self) -> None:
        """The guest is ready."""
        self.transcript.item = self._item
        self._failed = False
        self._checks = self.timings.open("checks")

    def asking(self, item: str) -> None:
        """This item has what runs in the guest run, but for what charly does to have it ready."""
        self._item = item
        if self._checks is not None:
            self.transcript.item = item

    def collect(self, machine: Machine, phase: str, *, failed: bool) -> Path:
        """Collect a phase's evidence now, because a check has `failed` or because it was asked
        for, and return its directory. Raises `HostError` where it cannot be written."""
        self._failed |= failed
        directory = self.directory / phase
        self._collected.add(phase)
        try:
            with self.timings.phase(f"collecting evidence of {self._about['bed']}"):
                collect_evidence(machine, directory)
        finally:
            self.store_timings()
        return directory

    def finish(self) -> None:
        """The run is over; from now on the directory may be another run's. Never raises."""
        self.store_timings()
        self._begun = False

    def store_timings(self) -> None:
        """Write `timings.json`. Never raises: what went wrong before is what should be read."""
        if not self._begun:
            return
        began = round(self.timings.began, 3)
        data = {"version": VERSION, **self._about, "began": began, "spans": self.timings.spans()}
        try:
            text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
            write_atomically(self.directory / "timings.json", text)
        except CharlyError as error:
            self.timings.note(f"no timings of {self._about['bed']}: {error.message}")

    def _end_checks(self) -> None:
        if self._checks is None:
            return
        self.timings.close(self._checks, "failed" if self._failed else "ok")
        self._checks = None
        if self.timings.bed_phase in self._collected:
            self._complete_transcript(self.directory / self.timings.bed_phase)

    def _complete_transcript(self, directory: Path) -> None:
        """Evidence is collected at the first failure, and checks have run since."""
        try:
            for name, data in render_transcript(self.transcript).items():
                write_atomically(directory / name, data)
        except CharlyError as error:
            self.timings.note(f"the transcript in {directory} is not whole: {error.message}")
