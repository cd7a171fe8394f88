"""Steps as they are written, carried out in stand-ins for a guest: this very host, or answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charly_vm.check.guest_view import GuestView
from charly_vm.check.result import StepResult
from charly_vm.check.steps import run_step
from charly_vm.check.surroundings import NOWHERE, Surroundings
from charly_vm.host.process import run
from charly_vm.model.project import load_project
from charly_vm.model.protocols import Shell
from charly_vm.model.step import Step


@dataclass(frozen=True)
class Result:
    status: int
    stdout: bytes
    stderr: bytes = b""


class HostShell:
    """Stands in for a guest's shell."""

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        text = None if stdin is None else stdin.decode()
        done = run(["sh", "-c", command], timeout=timeout, check=False, stdin=text)
        return Result(done.status, done.stdout.encode(), done.stderr.encode())


class Answers:
    """Stands in for a guest: the first answer whose key is in the command, else the last one."""

    def __init__(self, answers: dict[str, str | Result] | str) -> None:
        self.answers = {"": answers} if isinstance(answers, str) else answers
        self.asked: list[str] = []

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        self.asked.append(command)
        for key, answer in self.answers.items():
            if key in command:
                return answer if isinstance(answer, Result) else Result(0, answer.encode())
        raise AssertionError(f"asked for {command}")


def read_steps(directory: Path, *written: str) -> list[Step]:
    """Steps in YAML's flow notation, each without its braces."""
    file = directory / "charly.yml"
    lines = [f"  s{number}: {{{one}}}" for number, one in enumerate(written)]
    entity = "e: {vm: {source: {kind: bootstrap}}}"
    file.write_text("\n".join((entity, "d:", "  vm: e", *lines, "")))
    return list(load_project(file, host=directory / "none").deploys["d"].steps)


def carry_out(directory: Path, written: str, view: GuestView | Shell | None = None) -> StepResult:
    """What becomes of one step, whose prose may be left out."""
    if not written.startswith(("check:", "run:")):
        written = f"check: it holds, {written}"
    [step] = read_steps(directory, written)
    return run_step(step, view if isinstance(view, GuestView) else guest(view))


def explain(directory: Path, written: str, view: GuestView | Shell | None = None) -> str:
    """What a step has to say of a guest; empty where it passes."""
    result = carry_out(directory, written, view)
    return "" if result.passed else result.explain()


def guest(shell: Shell | None = None, surroundings: Surroundings = NOWHERE) -> GuestView:
    return GuestView(shell or HostShell(), surroundings)
