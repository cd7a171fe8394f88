"""Running a command by the guest agent: `guest-exec`, then `guest-exec-status` until it ended."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.libvirt.answer import Answer
from charly_vm.probe.libvirt.channel import ANSWER_SECONDS, Channel

EXEC_SECONDS = 60.0
MOST_OUTPUT = 16 * 1024**2
"""Bytes of each output: the agent keeps no more itself. Through libvirt it is 4 MiB of base64."""
MOST_INPUT = 96 * 1024
"""Bytes. More does not come through libvirt unharmed, which see `backend.libvirt_agent`; a file
does."""
SIGNALED = 128
"""What a shell adds to the number of the signal that has ended a command."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left. One that a signal has ended has the shell's status for it, 128 and its
    number. Bytes that are no UTF-8 are shown as U+FFFD."""

    status: int
    stdout: str
    stderr: str
    truncated: bool
    """Whether there was more output than the agent keeps."""


def run_command(
    channel: Channel, command: str | Sequence[str], *, timeout: float, stdin: str
) -> Ran:
    """Run a command to its end; for what is raised see `GuestAgent.exec`."""
    path, *words = ["/bin/sh", "-c", command] if isinstance(command, str) else command or [""]
    if not path:
        raise wrong_argument("guest/exec", "there is no command")
    deadline = Deadline(timeout)
    wanted: dict[str, object] = {"path": path, "arg": words, "capture_output": True}
    if stdin:
        written = stdin.encode()
        if len(written) > MOST_INPUT:
            text = (
                f"stdin is {len(written)} bytes long, and {MOST_INPUT} at most can be passed on: "
                "write a file first, and read that"
            )
            raise wrong_argument("guest/exec", text)
        wanted["input_data"] = base64.b64encode(written).decode()
    begun = channel.ask("guest-exec", ANSWER_SECONDS, **wanted)
    pid = begun.at("pid").number(0, 2**63 - 1)

    def probe() -> Ran | NotYet:
        answer = channel.ask("guest-exec-status", ANSWER_SECONDS, pid=pid)
        return _read(answer) if answer.at("exited").flag() else NotYet("it runs")

    return wait_for(f"the command {path} in {channel.name}", probe, deadline)


def _read(answer: Answer) -> Ran:
    status = answer.number_at("exitcode", -(2**31), 2**32 - 1)
    signal = answer.number_at("signal", 1, 2**31 - 1)
    if status is None and signal is None:
        answer.odd("has neither 'exitcode' nor 'signal'")
    return Ran(
        status=status if status is not None else SIGNALED + (signal or 0),
        stdout=_output(answer, "out-data"),
        stderr=_output(answer, "err-data"),
        truncated=answer.flag_at("out-truncated") or answer.flag_at("err-truncated"),
    )


def _output(answer: Answer, key: str) -> str:
    found = answer.find(key)
    return "" if found is None else found.data(most=MOST_OUTPUT).decode("utf-8", "replace")
