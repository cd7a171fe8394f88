"""`command` and `matching`: what a command says, or a text is."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch, match
from charly_vm.errors import GuestTimeout, LaunchError
from charly_vm.host.process import run as run_on_host
from charly_vm.model.protocols import ShellResult
from charly_vm.model.verbs import CommandVerb, MatchingVerb


@dataclass(frozen=True)
class _HostResult:
    status: int
    stdout: bytes
    stderr: bytes


def command(verb: CommandVerb, call: Call) -> list[Mismatch]:
    result = _run(verb, call)
    stdout, stderr = text(result.stdout), text(result.stderr)
    call.output = stdout
    found = match("exit status", verb.exit_status, result.status)
    if verb.stdout is not None:
        found += match("stdout", verb.stdout, stdout)
    if verb.stderr is not None:
        found += match("stderr", verb.stderr, stderr)
    if found and verb.stderr is None and stderr:
        found.append(Mismatch("stderr", "(not checked)", repr(stderr)))
    return found


def matching(verb: MatchingVerb, call: Call) -> list[Mismatch]:
    call.output = verb.matching
    return match("text", verb.contains or (), verb.matching)


def _run(verb: CommandVerb, call: Call) -> ShellResult:
    if verb.from_host or verb.in_container is False:
        return _run_here(verb, call)
    if verb.background:
        # A session of its own outlives the connection, and holds none of its streams.
        quoted = shlex.quote(verb.command)
        line = f"setsid sh -c {quoted} </dev/null >/dev/null 2>&1 &"
        return call.run(line, run_as=verb.run_as)
    return call.run(verb.command, run_as=verb.run_as)


def _run_here(verb: CommandVerb, call: Call) -> ShellResult:
    if verb.background or verb.run_as:
        raise call.impossible("a command on this host is neither sent to the background nor run as")
    seconds = call.deadline.remaining()
    try:
        done = run_on_host(
            ["sh", "-c", verb.command],
            env=dict(call.env),
            cwd=Path(call.step.file).parent,
            timeout=seconds,
            check=False,
        )
    except LaunchError as error:
        raise GuestTimeout(
            f"{verb.command!r} on this host", seconds=seconds, seen=error.log
        ) from error
    return _HostResult(done.status, done.stdout.encode(), done.stderr.encode())
