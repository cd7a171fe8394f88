"""One attempt at a step: the guest, the time that is left, and what the attempt leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from charly_vm.check.guest_view import GuestView
from charly_vm.check.result import StepNotRun, not_run
from charly_vm.check.surroundings import Endpoint
from charly_vm.host.waiting import Deadline
from charly_vm.model.protocols import ShellResult
from charly_vm.model.step import Step


@dataclass
class Call:
    """What a verb works with."""

    step: Step
    view: GuestView
    deadline: Deadline
    from_here: bool = False
    """Whether the verb names a port or an address of this host, so that this host asks."""
    own_ports: tuple[int, ...] = ()
    """The guest's ports whose forwards it names."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The step's own variables in the environment of a command."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """What a probe has seen, by what each picture is: the artifacts of such a step."""
    output: str = ""
    """What `capture` stores: what a command said, a body, a file's content."""

    def run(
        self, command: str, *, run_as: str | None = None, stdin: bytes | None = None
    ) -> ShellResult:
        """Run an author's command, with the step's variables in its environment."""
        return self.view.run(
            command,
            timeout=self.deadline.remaining(),
            run_as=run_as,
            env=self.env,
            stdin=stdin,
        )

    def look(self, command: str, *, as_root: bool = False) -> ShellResult:
        """Run a command of ours that only looks, `as_root` where the account may become root."""
        seconds = self.deadline.remaining()
        return self.view.look(f"export LC_ALL=C; {command}", timeout=seconds, as_root=as_root)

    def locate(self, port: int) -> Endpoint:
        """Where this host reaches a port of the guest."""
        return self.view.surroundings.locate("", port)

    def impossible(self, why: str) -> StepNotRun:
        """The error for a step that this guest gives no means to carry out."""
        return not_run(self.step, why)
