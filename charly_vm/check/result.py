"""What became of a step, in data and in words for people."""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.check.matchers import Mismatch
from charly_vm.errors import CharlyError
from charly_vm.model.step import Step


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step went: it passed where nothing mismatches and it was not skipped."""

    step: Step
    mismatches: tuple[Mismatch, ...] = ()
    skipped: str = ""
    """Why the guest is none that the step is meant for; empty where it is."""
    attempts: int = 1
    seconds: float = 0.0
    """How long all attempts took."""

    @property
    def passed(self) -> bool:
        return not self.mismatches and not self.skipped

    def explain(self) -> str:
        """What a person needs to see of a failure: the step, its place, expected and found."""
        lines = [f"{self.step.file}:{self.step.line}: {self.step.prose}"]
        for mismatch in self.mismatches:
            lines.append(f"  {mismatch.what}: expected {mismatch.expected}")
            lines.append(f"  {' ' * len(mismatch.what)}     found {mismatch.found}")
        if self.attempts > 1:
            lines.append(f"  still so after {self.attempts} attempts in {self.seconds:.0f} s")
        return "\n".join(lines)


class StepNotRun(CharlyError):
    """A step asks for something that cannot be carried out: neither passed nor failed."""


def not_run(step: Step, why: str) -> StepNotRun:
    """The error with the step's place and prose."""
    return StepNotRun(f"{step.file}:{step.line}: {step.prose}: {why}")
