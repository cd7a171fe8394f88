"""Carrying out a step in a guest: one function per verb, all of them over `Shell`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from charly_vm.check.matchers import Mismatch, match
from charly_vm.model.protocols import Shell
from charly_vm.model.step import CommandVerb, FileVerb, PortVerb, ServiceVerb, Step

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


def run_step(step: Step, shell: Shell) -> StepResult:
    """Carry out a step. Raises `GuestTimeout` and `GuestError` where the guest gives no answer."""
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
    listening = verb.port in listening_ports(table)
    if listening == verb.listening:
        return []
    words = {True: "listening", False: "not listening"}
    return [Mismatch(f"port {verb.port}", words[verb.listening], words[listening])]


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
    if (active == "active") != verb.running:
        state = active if load == "loaded" else f"{active} ({load})"
        found.append(Mismatch(unit, "running" if verb.running else "not running", state))
    enabled = shown.get("UnitFileState", "")
    if verb.enabled is not None and enabled.startswith("enabled") != verb.enabled:
        wanted = "enabled" if verb.enabled else "not enabled"
        found.append(Mismatch(unit, wanted, enabled or "no unit file"))
    return found


def _file(verb: FileVerb, shell: Shell, timeout: float) -> list[Mismatch]:
    path = shlex.quote(verb.file)
    result = shell.run(f"LC_ALL=C stat -L -c '%a %U' -- {path}", timeout=timeout)
    if result.status != 0:
        reason = _text(result.stderr)
        # Anything but these means that stat could not look, which proves nothing.
        absent = reason.endswith(("No such file or directory", "Not a directory"))
        if absent and not verb.exists:
            return []
        return [Mismatch(verb.file, "present" if verb.exists else "absent", reason)]
    if not verb.exists:
        return [Mismatch(verb.file, "absent", "present")]
    mode, owner = _text(result.stdout).split(" ", 1)
    found = []
    if verb.mode is not None and int(mode, 8) != int(verb.mode, 8):
        found.append(Mismatch(f"mode of {verb.file}", verb.mode, mode))
    if verb.owner is not None and owner != verb.owner:
        found.append(Mismatch(f"owner of {verb.file}", verb.owner, owner))
    if verb.contains is not None:
        content = shell.run(f"cat -- {path}", timeout=timeout)
        if content.status != 0:
            found.append(Mismatch(verb.file, "readable", _text(content.stderr)))
        else:
            found += match(f"content of {verb.file}", verb.contains, _text(content.stdout))
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
