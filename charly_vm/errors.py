"""Every error that charly raises on purpose, branched by what the caller can do about it.

CharlyError
├── SpecError         what the author wrote is wrong: file, line and every problem at once
├── HostError         this host cannot do it; the hint says what would help
├── LeaseUnavailable  somebody else has it; the holder is named
├── LaunchError       a process started and failed: argv, exit status, the end of its log
├── GuestError        the guest answered, and the answer was no
├── GuestTimeout      the guest did not get there in time: what was awaited, what was last seen
├── ProbeError        what a probe looks at cannot be reached, refuses, or breaks its protocol
└── StateError        the machine is not in a state in which this can be done

The command line turns each into one message and exit status 1; the pytest plugin turns each
into an error of the bed. Anything else that escapes is a defect of charly's own.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


class CharlyError(Exception):
    """An error for people: what is wrong, the details that explain it, and what to do about it.

    `details` may grow on the way up: whoever knows more, such as the end of a console, adds it.
    """

    def __init__(self, message: str, *, details: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.hint = hint

    def add_excerpt(self, title: str, text: str) -> None:
        """Add the end of a log to the details, each line marked as a quotation."""
        lines = [f"    | {line}" for line in text.strip().splitlines()]
        if lines:
            self.details = "\n".join([*filter(None, [self.details]), f"  {title}:", *lines])

    def __str__(self) -> str:
        hint = f"  hint: {self.hint}" if self.hint else ""
        return "\n".join(filter(None, [self.message, self.details, hint]))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file: its 1-based line and column (0 where unknown) and what."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.text}"


class SpecError(CharlyError):
    """What the author wrote cannot be used; `problems` holds all that was found, in file order."""

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), hint=hint)


class HostError(CharlyError):
    """The host lacks something: a tool, room on the disk, a right, a port."""


class LeaseUnavailable(CharlyError):
    """Somebody else uses what was asked for; `holder` names them."""

    def __init__(self, message: str, *, holder: str, hint: str = "") -> None:
        self.holder = holder
        super().__init__(message, hint=hint)


class ClaimUnavailable(LeaseUnavailable):
    """Scarce things of this host were not to be had."""


class LaunchError(CharlyError):
    """A process ended badly. `argv` can be replayed, `log` is the end of what it said.

    `status` is the exit status as `subprocess` gives it: negative for a signal, None where the
    process had to be ended because its deadline had passed.
    """

    def __init__(
        self,
        what: str,
        *,
        argv: Sequence[str] = (),
        status: int | None = None,
        log: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(what, hint=hint)
        self.argv = tuple(argv)
        self.status = status
        self.log = log
        if argv:
            self.details = f"  command: {shlex.join(argv)}"
        self.add_excerpt("it said", log)


class GuestError(CharlyError):
    """The guest could be asked, and what it answered is a failure of its own."""


class GuestAway(GuestError):
    """The guest cannot be asked now; it may come back, as one that reboots does."""


class GuestTimeout(CharlyError):
    """A wait for the guest ran out: what was `awaited`, and the last thing `seen`."""

    def __init__(self, awaited: str, *, seconds: float, seen: str = "", hint: str = "") -> None:
        self.awaited = awaited
        self.seconds = seconds
        self.seen = seen
        text = f"waited {seconds:.0f} s for {awaited}"
        if seen:
            text += f"; last seen: {seen}"
        super().__init__(text, hint=hint)


class ProbeError(CharlyError):
    """A probe got no sensible answer: nobody there, a refusal, or what the protocol forbids."""


class StateError(CharlyError):
    """The machine is not in a state for this, such as starting one that does not exist."""
