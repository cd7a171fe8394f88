"""A guest by its agent. The agent is a stand-in that runs the commands on this host."""

from __future__ import annotations

import base64
import itertools
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from charly_vm.errors import GuestError, GuestTimeout
from charly_vm.guest import cloud_init_wait
from charly_vm.guest.agent import UNKNOWN, AgentShell, wait_for_agent
from charly_vm.guest.cloud_init import State
from charly_vm.guest.cloud_init_wait import NoAnswer
from charly_vm.guest.readiness import Readiness
from charly_vm.host.waiting import Deadline

REPORT = """echo '{"state": "finished", "status": null}'"""


class AgentStandIn:
    """Answers after it was asked `silent` times; `blocked` as in Red Hat's configuration."""

    def __init__(self, *, silent: int = 0, blocked: bool = False) -> None:
        self.silent = silent
        self.blocked = blocked
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def __call__(self, command: str, arguments: Mapping[str, object]) -> Any:
        if self.silent > 0:
            self.silent -= 1
            raise GuestError(f"the guest agent does not answer {command}: it is silent")
        match command:
            case "guest-info":
                known = {"name": "guest-exec", "enabled": not self.blocked}
                return {"version": "7.2.22", "supported_commands": [known]}
            case "guest-exec":
                assert arguments["capture-output"] is True
                argv = [str(arguments["path"]), *_words(arguments["arg"])]
                pipe = subprocess.PIPE
                child = subprocess.Popen(argv, stdout=pipe, stderr=pipe)
                self.running[child.pid] = child
                return {"pid": child.pid}
            case "guest-exec-status":
                pid = arguments["pid"]
                assert isinstance(pid, int)
                return self._status(self.running[pid])
        raise AssertionError(command)

    def _status(self, child: subprocess.Popen[bytes]) -> dict[str, object]:
        if child.poll() is None:
            return {"exited": False}
        out, err = (base64.b64encode(text).decode() for text in child.communicate())
        # Its documentation: either of them; data only where there is some.
        code = child.returncode
        ended = {"exitcode": code} if code >= 0 else {"signal": -code}
        data = {"out-data": out, "err-data": err}
        return {"exited": True, **ended, **{name: text for name, text in data.items() if text}}


def _words(value: object) -> list[str]:
    assert isinstance(value, list)
    return value


def alive() -> str | None:
    return None


@pytest.fixture(autouse=True)
def finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at cloud-init finds one that has finished, whatever this host has."""
    monkeypatch.setattr(cloud_init_wait, "render_look", lambda seconds: REPORT)


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("echo one; echo two >&2; exit 3", 3, b"one\n", b"two\n"),
        ("printf '\\377\\000'", 0, b"\xff\0", b""),
        ("kill -TERM $$", 128 + 15, b"", b""),
    ],
)
def test_a_command_leaves_its_status_and_both_outputs(
    command: str, status: int, stdout: bytes, stderr: bytes
) -> None:
    result = AgentShell("guest", AgentStandIn()).run(command, timeout=20)
    assert (result.status, result.stdout, result.stderr) == (status, stdout, stderr)


def test_a_command_that_overruns_is_a_timeout() -> None:
    agent = AgentStandIn()
    with pytest.raises(GuestTimeout, match="a command in guest"):
        AgentShell("guest", agent).run("exec sleep 60", timeout=0.3)
    for child in agent.running.values():
        child.kill()
        child.communicate()


def test_a_guest_is_ready_once_its_agent_answers_and_cloud_init_has_finished() -> None:
    shell = AgentShell("guest", AgentStandIn(silent=3))
    assert wait_for_agent(shell, Deadline(20), alive=alive) == Readiness(State.FINISHED)


def test_an_agent_that_runs_nothing_is_ready_with_a_warning() -> None:
    shell = AgentShell("guest", AgentStandIn(blocked=True))
    assert wait_for_agent(shell, Deadline(20), alive=alive) == Readiness(None, (UNKNOWN,))


@pytest.mark.parametrize("answer", [None, [], {}, {"supported_commands": [7]}, "\0"])
def test_an_odd_answer_is_no_answer(answer: object) -> None:
    shell = AgentShell("guest", lambda command, arguments: answer)
    with pytest.raises(NoAnswer, match="guest gives no answer: the guest agent's answer is odd"):
        shell.runs_commands()
    with pytest.raises(NoAnswer):
        shell.run("true", timeout=5)


def test_output_that_is_no_base64_is_no_answer() -> None:
    answers = {"guest-exec": {"pid": 1}, "guest-exec-status": {"exited": True, "out-data": "x"}}
    with pytest.raises(NoAnswer, match="odd"):
        AgentShell("guest", lambda command, arguments: answers[command]).run("true", timeout=5)


def test_without_an_agent_the_deadline_says_what_was_awaited_and_seen() -> None:
    shell = AgentShell("guest", AgentStandIn(silent=10**6))
    with pytest.raises(GuestTimeout, match=r"guest agent of guest .*; last seen: .* it is silent"):
        wait_for_agent(shell, Deadline(0.5), alive=alive)


def test_a_machine_that_has_gone_off_is_not_waited_for() -> None:
    shell = AgentShell("guest", AgentStandIn(silent=10**6))
    reasons = itertools.chain([None], itertools.repeat("it is shut off"))
    with pytest.raises(GuestError, match=r"will not be: it is shut off; last seen: .* silent"):
        wait_for_agent(shell, Deadline(20), alive=lambda: next(reasons))
