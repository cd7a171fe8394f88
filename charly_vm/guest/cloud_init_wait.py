"""Waiting until cloud-init has finished, through whatever runs commands in the guest."""

from __future__ import annotations

import contextlib
from typing import Protocol

from charly_vm.errors import CharlyError, GuestError, GuestTimeout
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.cloud_init import (
    Report,
    State,
    parse_excerpts,
    parse_report,
    render_excerpts,
    render_look,
)
from charly_vm.host.progress import Seen, not_told
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Shell

EVERY_SECONDS = 0.2
LOOK_SECONDS = 3.0
"""One look at cloud-init; between two of them the machine's state is looked at."""
ANSWER_SECONDS = 15.0
"""How long a busy guest may take for a short command before it counts as not answering."""


class NoAnswer(GuestError):
    """A guest that was there is silent, and may answer again; `seen` is what was met."""

    def __init__(self, name: str, seen: str) -> None:
        self.seen = seen
        super().__init__(f"{name} gives no answer: {seen}")


class NamedShell(Shell, Protocol):
    """A guest that runs commands, with the name that people know it by."""

    @property
    def name(self) -> str: ...


class Answers(Protocol):
    """Whether the guest answers at this moment. Raises `GuestError` where it never will again."""

    seen: NotYet
    """What was seen last, for the message of a deadline."""

    def __call__(self) -> bool | NotYet: ...


def wait_for_cloud_init(
    guest: NamedShell, deadline: Deadline, answers: Answers, *, seen: Seen = not_told
) -> Report:
    """Return the report of a cloud-init that has finished, is switched off or is not there.

    Raises `GuestError` with its errors and logs when it fails, and `GuestTimeout` with the logs.
    """

    def probe() -> Report | NotYet:
        answer = answers()
        if isinstance(answer, NotYet):
            return answer
        report = _look(guest, deadline)
        if isinstance(report, NotYet):
            answers.seen = report
        return report

    try:
        what = f"cloud-init in {guest.name}"
        report = wait_for(what, probe, deadline, every=EVERY_SECONDS, seen=seen)
    except GuestTimeout as error:
        _add_logs(error, guest)
        raise
    if report.errors or report.state is State.CRASHED:
        raise _failure(guest, report)
    return report


def _look(guest: NamedShell, deadline: Deadline) -> Report | NotYet:
    seconds = deadline.remaining(at_most=LOOK_SECONDS)
    try:
        result = guest.run(render_look(seconds), timeout=seconds + ANSWER_SECONDS)
    except (GuestUnreachable, NoAnswer) as error:
        return NotYet(error.seen)
    except GuestTimeout:
        return NotYet(f"no answer to a short command within {ANSWER_SECONDS:.0f} s")
    try:
        report = parse_report(_text(result.stdout))
    except ValueError:
        return NotYet(f"no report from the guest's shell: {_text(result.stderr).strip()}")
    if report.state is State.RUNNING and not report.errors:
        return NotYet(f"its stage {report.stage}" if report.stage else "none of its stages")
    return report


def _failure(guest: NamedShell, report: Report) -> GuestError:
    if report.state is State.CRASHED:
        what = "cloud-final.service ended before cloud-init had finished"
    else:
        what = "; ".join(report.errors)
    error = GuestError(
        f"cloud-init failed in {guest.name}: {what}",
        hint="look at the seed's cloud_init settings; a module may also need a package that the "
        "image does not have",
    )
    _add_logs(error, guest)
    return error


def _add_logs(error: CharlyError, guest: NamedShell) -> None:
    with contextlib.suppress(CharlyError):
        result = guest.run(render_excerpts(), timeout=ANSWER_SECONDS)
        for title, text in parse_excerpts(_text(result.stdout)).items():
            error.add_excerpt(title, text)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
