"""Carrying out a step in a guest: one function per verb, all of them over `Shell`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from charly_vm.check.matchers import Mismatch, match
from charly_vm.errors import CharlyError
from charly_vm.model.protocols import Shell
from charly_vm.model.step import Step
from charly_vm.model.verbs import CommandVerb, FileVerb, PortVerb, ServiceVerb

TCP_LISTEN = "0A"
"""The kernel's TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h)."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step went: it passed where nothing mismatches."""

    step: Step
    mismatches: tuple[Mismatch, ...]

    @property
    def passed(self) -> bool:
        return not self.mismatches

    def explain(self) -> str:
        """What a person needs to see of a failure: the step, its place, expected and found."""
        lines = [f"{self.step.file}:{self.step.line}: {self.step.prose}"]
        for mismatch in self.mismatches:
            lines.append(f"  {mismatch.what}: expected {mismatch.expected}")
            lines.append(f"  {' ' * len(mismatch.what)}     found {mismatch.found}")
        return "\n".join(lines)


class StepNotRun(CharlyError):
    """A step asks for something that this version does not carry out: neither passed nor failed."""


def require_runnable(step: Step) -> None:
    """Raise `StepNotRun` for a step that cannot be carried out as it is written."""
    if gap := find_gap(step):
        raise StepNotRun(f"{step.file}:{step.line}: {step.prose}: {gap}")


def find_gap(step: Step) -> str:
    """What a step asks for that is not carried out, in words for people; empty where all is."""
    if step.intent == "include":
        return "this version does not carry out the steps of a candy (include)"
    runner = _RUNNERS.get(type(step.verb))
    if step.verb is None or runner is None:
        name = step.verb.name if step.verb else "of another tool"
        return f"this version does not carry out the verb {name}"
    arguments = _ARGUMENTS.get(type(step.verb), frozenset(type(step.verb).model_fields))
    wanted = _set_in(step.verb, arguments) + _set_in(step.modifiers, _MODIFIERS)
    return f"this version does not carry out {', '.join(wanted)}" if wanted else ""


def _set_in(model: Any, carried_out: frozenset[str]) -> list[str]:
    """The fields that an author set to something else than nothing, beyond what is carried out."""
    fields = type(model).model_fields
    return [
        name
        for name in fields
        if name in model.model_fields_set - carried_out
        and getattr(model, name) not in (fields[name].default, None)
        and not (name == "in_container" and model.in_container)
    ]


def run_step(step: Step, shell: Shell) -> StepResult:
    """Carry out a step. Raises `GuestTimeout` and `GuestError` where the guest gives no answer,
    and `StepNotRun` where it is none that can be carried out."""
    require_runnable(step)
    return StepResult(step, tuple(_RUNNERS[type(step.verb)](step.verb, shell, step.timeout)))


def _command(verb: CommandVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    result = shell.run(verb.command, timeout=timeout)
    found = match("exit status", verb.exit_status, result.status)
    if verb.stdout is not None:
        found += match("stdout", verb.stdout, _text(result.stdout))
    if verb.stderr is not None:
        found += match("stderr", verb.stderr, _text(result.stderr))
    if found and verb.stderr is None and result.stderr:
        found.append(Mismatch("stderr", "(not checked)", repr(_text(result.stderr))))
    return found


def _port(verb: PortVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    # Not ss: a minimal guest has none.
    result = shell.run("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null", timeout=timeout)
    table = _text(result.stdout)
    if not table:
        return [Mismatch(f"port {verb.port}", "a table of ports in /proc/net/tcp", "none")]
    wanted = verb.listening is not False
    listening = verb.port in listening_ports(table)
    if listening == wanted:
        return []
    words = {True: "listening", False: "not listening"}
    return [Mismatch(f"port {verb.port}", words[wanted], words[listening])]


def listening_ports(table: str) -> set[int]:
    """The ports in the format of /proc/net/tcp (proc(5)) that something listens on."""
    ports = set()
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == TCP_LISTEN:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def _service(verb: ServiceVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    unit = verb.service if "." in verb.service else f"{verb.service}.service"
    result = shell.run(
        f"systemctl show --property=LoadState,ActiveState,UnitFileState {shlex.quote(unit)}",
        timeout=timeout,
    )
    shown = dict(line.split("=", 1) for line in _text(result.stdout).splitlines() if "=" in line)
    if "LoadState" not in shown:
        return [Mismatch(unit, "an answer of systemctl", _text(result.stderr))]
    active, load = shown.get("ActiveState", "unknown"), shown.get("LoadState", "unknown")
    found = []
    # Where nothing is asked for, it has to run.
    running = verb.running if verb.running is not None or verb.enabled is not None else True
    if running is not None and (active == "active") != running:
        state = active if load == "loaded" else f"{active} ({load})"
        found.append(Mismatch(unit, "running" if running else "not running", state))
    enabled = shown.get("UnitFileState", "")
    if verb.enabled is not None and enabled.startswith("enabled") != verb.enabled:
        wanted = "enabled" if verb.enabled else "not enabled"
        found.append(Mismatch(unit, wanted, enabled or "no unit file"))
    return found


def _file(verb: FileVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    path = shlex.quote(verb.file)
    # The path itself may be a link that leads nowhere, and yet be what is asked for.
    follow = "" if verb.filetype == "symlink" else "-L "
    result = shell.run(f"LC_ALL=C stat {follow}-c '%a %U %G' -- {path}", timeout=timeout)
    if result.status != 0:
        reason = _text(result.stderr)
        # Anything but these means that stat could not look, which proves nothing.
        absent = reason.endswith(("No such file or directory", "Not a directory"))
        if absent and not verb.exists:
            return []
        return [Mismatch(verb.file, "present" if verb.exists else "absent", reason)]
    if not verb.exists:
        return [Mismatch(verb.file, "absent", "present")]
    mode, owner, group = _text(result.stdout).split(" ", 2)
    found = []
    if verb.mode is not None and int(mode, 8) != int(verb.mode, 8):
        found.append(Mismatch(f"mode of {verb.file}", verb.mode, mode))
    if verb.owner is not None and owner != verb.owner:
        found.append(Mismatch(f"owner of {verb.file}", verb.owner, owner))
    if verb.group_of is not None and group != verb.group_of:
        found.append(Mismatch(f"group of {verb.file}", verb.group_of, group))
    return found + _file_type(verb, shell, timeout) + _file_content(verb, shell, timeout)


def _file_type(verb: FileVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    if verb.filetype is None:
        return []
    result = shell.run(f"LC_ALL=C stat -c %F -- {shlex.quote(verb.file)}", timeout=timeout)
    said = _text(result.stdout) or _text(result.stderr)
    if said in _FILE_TYPES[verb.filetype]:
        return []
    return [Mismatch(f"type of {verb.file}", verb.filetype, said)]


def _file_content(verb: FileVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    path = shlex.quote(verb.file)
    found = []
    if verb.contains is not None:
        content = shell.run(f"cat -- {path}", timeout=timeout)
        if content.status != 0:
            return [Mismatch(verb.file, "readable", _text(content.stderr))]
        found += match(f"content of {verb.file}", verb.contains, _text(content.stdout))
    if verb.sha256 is not None:
        summed = shell.run(f"sha256sum -- {path}", timeout=timeout)
        # A name with a backslash has one in front of its digest.
        digest = _text(summed.stdout).split(" ")[0].removeprefix("\\")
        if digest != verb.sha256.lower():
            said = digest or _text(summed.stderr)
            found.append(Mismatch(f"sha256 of {verb.file}", verb.sha256, said))
    return found


def _text(data: bytes) -> str:
    """Output as text, without the line end that every command adds."""
    return data.decode("utf-8", "replace").removesuffix("\n")


_RUNNERS: dict[type, Callable[[Any, Shell, float], list[Mismatch]]] = {
    CommandVerb: _command,
    PortVerb: _port,
    ServiceVerb: _service,
    FileVerb: _file,
}

_ARGUMENTS = {
    CommandVerb: frozenset({"command", "exit_status", "stdout", "stderr"}),
    PortVerb: frozenset({"port", "listening"}),
}
"""What is carried out of a verb's arguments, where it is not all of them."""

_MODIFIERS = frozenset({"context", "depends_on", "description", "id", "skip", "tag", "timeout"})
"""What is carried out, or says nothing about how."""

_FILE_TYPES = {
    "file": ("regular file", "regular empty file"),
    "directory": ("directory",),
    "symlink": ("symbolic link",),
}
"""What GNU and busybox stat(1) call them."""
