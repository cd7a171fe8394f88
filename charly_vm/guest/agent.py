"""A guest without SSH, by its guest agent: commands run through it, and when the guest is ready.

The commands are QEMU's (interop/qemu-ga-ref): `guest-info`, `guest-exec`, `guest-exec-status`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.guest.cloud_init_wait import EVERY_SECONDS, NoAnswer, wait_for_cloud_init
from charly_vm.guest.readiness import Alive, Readiness, require_alive
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline, NotYet, wait_for

Ask = Callable[[str, Mapping[str, object]], Any]
"""Puts a command with its arguments to the agent and returns what it returns; raises `GuestError`
where it does not answer or refuses."""

EXEC = "guest-exec"
UNKNOWN = (
    "whether cloud-init has finished is not known: the guest agent does not run commands "
    f"({EXEC} is blocked in its configuration)"
)


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What a command left. A command that a signal has ended has the shell's status for it."""

    status: int
    stdout: bytes
    stderr: bytes


class AgentShell:
    """Runs commands as the agent's own account, which is root.

    Raises `NoAnswer` where the agent is silent, refuses, or says what its documentation does not
    know.
    """

    def __init__(self, name: str, ask: Ask) -> None:
        self.name = name
        self._ask = ask

    def runs_commands(self) -> bool:
        """Whether the agent's configuration allows it."""
        with self._answering():
            known = self._ask("guest-info", {})["supported_commands"]
            return any(one["name"] == EXEC and one["enabled"] for one in known)

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> AgentResult:
        """Run a shell command; `GuestTimeout` where it has not ended in time. It is not killed:
        the agent has no command for that."""
        words = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True}
        if stdin is not None:
            words["input-data"] = base64.b64encode(stdin).decode()
        with self._answering():
            pid = self._ask(EXEC, words)["pid"]

        def probe() -> AgentResult | NotYet:
            with self._answering():
                status = self._ask(f"{EXEC}-status", {"pid": pid})
                return _parse_result(status) if status["exited"] else NotYet("it runs")

        return wait_for(f"a command in {self.name}", probe, Deadline(timeout), every=0.1)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except GuestError as error:
            raise NoAnswer(self.name, error.message) from error
        except (LookupError, TypeError, ValueError) as error:
            raise NoAnswer(self.name, f"the guest agent's answer is odd: {error!r}") from error


def _parse_result(status: Mapping[str, Any]) -> AgentResult:
    return AgentResult(
        status=status["exitcode"] if "exitcode" in status else 128 + status["signal"],
        stdout=base64.b64decode(status.get("out-data", "")),
        stderr=base64.b64decode(status.get("err-data", "")),
    )


def wait_for_agent(
    shell: AgentShell, deadline: Deadline, *, alive: Alive, progress: Progress = SILENT
) -> Readiness:
    """Return once the agent answers and, where it runs commands, cloud-init has finished.

    `alive` and what is raised are as for `wait_until_ready` over SSH.
    """
    answers = _AgentAnswers(shell, alive)
    with progress.phase(f"waiting for the guest agent of {shell.name}") as seen:
        what = f"the guest agent of {shell.name} (qemu-guest-agent)"
        wait_for(what, answers, deadline, every=EVERY_SECONDS, seen=seen)
    if not answers.runs_commands:
        return Readiness(None, (UNKNOWN,))
    with progress.phase(f"waiting for cloud-init in {shell.name}") as seen:
        report = wait_for_cloud_init(shell, deadline, answers, seen=seen)
    return Readiness(report.state, report.warnings)


class _AgentAnswers:
    def __init__(self, shell: AgentShell, alive: Alive) -> None:
        self.shell = shell
        self.alive = alive
        self.seen = NotYet("nothing yet")
        self.runs_commands = False

    def __call__(self) -> bool | NotYet:
        require_alive(self.shell.name, self.alive, self.seen)
        try:
            self.runs_commands = self.shell.runs_commands()
        except NoAnswer as error:
            self.seen = NotYet(error.seen)
            return self.seen
        return True
