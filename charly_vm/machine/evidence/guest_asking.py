"""Asking the guest: over SSH, or by its agent where SSH is dead, in bounded time.

Nothing here raises for a guest that does not answer: what was learnt until then is what there is.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable

from charly_vm.errors import CharlyError, GuestError
from charly_vm.guest.agent import AgentShell
from charly_vm.host.background import BackgroundCall
from charly_vm.host.waiting import Deadline
from charly_vm.machine.evidence.questions import (
    BECOME_ROOT,
    QUESTIONS,
    Question,
    cut_to,
    last_line,
    render_script,
)
from charly_vm.machine.machine import Machine
from charly_vm.model.protocols import DomainState, ShellResult

HELLO_SECONDS = 12.0
"""For a guest's first word, a new connection included: a second, but where many guests are busy."""
QUESTION_SECONDS = 15.0
"""For each question; one that hangs costs this much and no more."""
AT_ONCE = 3
"""Questions over SSH: enough to hide the way there and back, and no burden for one CPU."""

Ask = Callable[[str, float], ShellResult]
"""Runs a shell script in the guest, as root where that can be had, for so many seconds."""


class GuestAsking:
    """The guest's part of the evidence, which is gathered in the background until the deadline."""

    def __init__(self, machine: Machine, deadline: Deadline) -> None:
        self.answers: dict[str, bytes] = {}
        """By file name."""
        self.missing: dict[str, str] = {}
        """Why a file is not there; under `guest` why the guest could not be asked at all."""
        self._machine = machine
        self._deadline = deadline
        self._left = deque(QUESTIONS)
        self._working = BackgroundCall(f"what {machine.name} says", self._ask_all)

    def finish(self) -> None:
        """Wait for the answers, or for the deadline."""
        reason = "the time for all questions was over"
        try:
            self._working.result(self._deadline)
        except Exception as error:
            reason = describe_error(error)
        if "guest" in self.missing:
            return
        for question in QUESTIONS:
            if question.file not in self.answers:
                self.missing.setdefault(question.file, reason)

    def _ask_all(self) -> None:
        try:
            ask, at_once = self._find_way()
        except Exception as error:
            self.missing["guest"] = describe_error(error)
            return
        workers = [
            BackgroundCall(f"an answer of {self._machine.name}", lambda: self._work(ask))
            for _ in range(at_once)
        ]
        for worker in workers:
            worker.result(self._deadline)

    def _find_way(self) -> tuple[Ask, int]:
        """How to ask, and how many questions at once. Raises `CharlyError` where nobody answers."""
        machine = self._machine
        state = machine.state()
        if state is not DomainState.RUNNING:
            raise GuestError(f"the machine is {state.value}")
        try:
            self._say_hello()
        except CharlyError as no_ssh:
            ask = functools.partial(machine.backend.ask_agent, machine.record.domain)
            shell = AgentShell(machine.name, ask)
            try:
                if not shell.runs_commands():
                    raise GuestError("the guest agent does not run commands")
            except CharlyError as no_agent:
                raise GuestError(f"{no_ssh.message}; {no_agent.message}") from no_agent
            return functools.partial(_ask_agent, shell), 1
        return self._ask_over_ssh, AT_ONCE

    def _say_hello(self) -> None:
        # To end a command in a guest that is silent takes longer than to find that out.
        hello = BackgroundCall("an answer over SSH", lambda: self._ask_over_ssh("true\n", 30.0))
        hello.result(self._deadline, at_most=HELLO_SECONDS)

    def _ask_over_ssh(self, script: str, seconds: float) -> ShellResult:
        guest = self._machine.guest
        return guest.run(BECOME_ROOT, timeout=seconds, stdin=script.encode(), recorded=False)

    def _work(self, ask: Ask) -> None:
        while self._left and not self._deadline.passed:
            try:
                question = self._left.popleft()
            except IndexError:
                return
            self._put(question, ask)

    def _put(self, question: Question, ask: Ask) -> None:
        try:
            seconds = self._deadline.remaining(QUESTION_SECONDS)
            said = ask(render_script(question), seconds)
        except Exception as error:
            self.missing[question.file] = describe_error(error)
            return
        if said.stdout:
            self.answers[question.file] = cut_to(said.stdout, question.size)
        else:
            complaint = last_line(said.stderr.decode("utf-8", "replace"))
            self.missing[question.file] = complaint or "the guest has nothing to say"


def describe_error(error: Exception) -> str:
    """Why something is missing. A defect of ours is a reason too: it must not hide what failed."""
    return error.message if isinstance(error, CharlyError) else f"a defect of charly: {error!r}"


def _ask_agent(shell: AgentShell, script: str, seconds: float) -> ShellResult:
    return shell.run("exec sh", timeout=seconds, stdin=script.encode())
