"""A step: what is asked of a guest or done to it, and what the answer has to be.

A step has an intent, whose value is the prose that people read, and one verb. The verb's main
argument is its scalar value and the others stand beside it, or all stand in a mapping, or both;
`plugin:` with `plugin_input:` is another spelling of the same.

    sshd-listens: {check: sshd listens, port: 22}
    nothing-failed: {check: …, command: systemctl --failed --no-legend, stdout: ""}
    same: {check: …, plugin: port, plugin_input: {port: 22}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.environment import Environment
from charly_vm.model.form import Form
from charly_vm.model.quantities import Count, Duration, Flag, parse_duration
from charly_vm.model.verbs import Verb
from charly_vm.model.verbs.state import Mode

INTENTS = ("check", "run", "include", "agent-check", "agent-run")

FOREIGN_INTENTS = ("agent-check", "agent-run")
"""Instructions to an AI; kept, and shown as skipped."""

PLURALS = {
    "contexts": "context",
    "exclude_distros": "exclude_distro",
    "headers": "header",
    "opts": "opt",
    "tags": "tag",
    "versions": "version",
}
"""Older spellings, which mean the same."""

BED_CONTEXTS = ("deploy", "runtime")
"""The contexts of steps that a bed runs; `build` belongs to container images."""


class Modifiers(Model):
    """What may stand beside every verb."""

    id: str | None = None
    """The step's name, in place of its node's."""
    description: str = ""
    """Kept."""
    skip: Flag = False
    """Show the step as skipped."""
    timeout: Duration = parse_duration("60s")
    """How long one attempt may take."""
    context: tuple[Literal["build", "deploy", "runtime"], ...] = ()
    """Where it is meant; everywhere where none is given. A bed runs those for deploy and
    runtime."""
    exclude_distro: tuple[str, ...] = ()
    """Distributions of guests that it is not meant for: `debian`, `debian-13`."""
    depends_on: tuple[str, ...] = ()
    """Steps that have to be run with it; the order stays the file's."""
    eventually: Duration | None = None
    """For how long a failing step is tried again."""
    retry_interval: Duration | None = None
    """The time between attempts, with `eventually`; a second where it is not given."""
    capture: Annotated[str, Form(r"[A-Za-z_][A-Za-z0-9_]*", "the name of a variable")] | None = None
    """The variable that keeps what the verb found: a command's output, a file's content, a body."""
    capture_extract: str | None = None
    """The part of it that is kept, as a regular expression: its first group, or all that
    matches."""
    tag: tuple[str, ...] = ()
    """Markers for pytest's `-m`."""
    env: Environment = Field(default_factory=dict)
    """Variables in the environment of a command."""
    mode: Mode | None = None
    """Belongs to the verbs that have it; with any other the step is an error."""
    artifact: str | None = None
    """A file of the guest that is kept with the evidence."""
    artifact_min_bytes: Count | None = None
    """How large the artifact is at least."""
    artifact_min_dimensions: (
        Annotated[str, Form(r"[0-9]+x[0-9]+", "a width and a height, such as 640x480")] | None
    ) = None
    """How large a picture it is at least."""
    artifact_not_uniform: Flag = False
    """That the picture is not of one colour alone."""


NO_MODIFIERS = Modifiers.unwritten()


@dataclass(frozen=True, slots=True)
class Step:
    """One step, with where it stands."""

    id: str
    """The name of its node, or the `id` that it gives itself."""
    prose: str
    """Of an `include`, the name of the candy whose steps are meant."""
    verb: Verb | None
    """None for an `include`, and for what is not ours."""
    file: str
    line: int
    intent: str = "check"
    modifiers: Modifiers = NO_MODIFIERS
    foreign: str = ""
    """Why it is none of ours, in words for people; empty for a step of ours."""
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its author wrote, where it is kept and not understood."""

    @property
    def timeout(self) -> float:
        return self.modifiers.timeout

    @property
    def skipped(self) -> str:
        """Why a bed passes over it; empty where it does not."""
        if self.foreign:
            return self.foreign
        if self.modifiers.skip:
            return "skip: true"
        context = self.modifiers.context
        if context and not set(context) & set(BED_CONTEXTS):
            return f"context: {', '.join(context)}"
        return ""
