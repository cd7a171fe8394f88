"""Carrying out steps in a guest: variables, attempts, what is captured, artifacts."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass

from charly_vm.check.artifacts import keep_pictures, take_artifact
from charly_vm.check.call import Call
from charly_vm.check.guest_view import GuestView
from charly_vm.check.matchers import Mismatch
from charly_vm.check.result import StepResult, not_run
from charly_vm.check.surroundings import LOOPBACK
from charly_vm.check.variables import (
    Lookup,
    host_ports_in,
    names_in,
    names_this_host,
    substitute,
    substitute_verb,
)
from charly_vm.check.verbs import RUNNERS, SILENT
from charly_vm.check.verbs.probes import find_odd_method
from charly_vm.errors import GuestAway, GuestError, GuestTimeout
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.step import Modifiers, Step
from charly_vm.model.verbs import LibvirtVerb, SpiceVerb, Verb

RETRY_INTERVAL = 1.0
"""Seconds between attempts, where a step does not say."""

_BELONG_TO = {
    "retry_interval": "eventually",
    "capture_extract": "capture",
    "artifact_min_bytes": "artifact",
    "artifact_min_dimensions": "artifact",
    "artifact_not_uniform": "artifact",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt at a step has found not to hold, and what it has seen."""

    call: Call
    mismatches: list[Mismatch]


def find_gap(step: Step) -> str:
    """What a step asks for that is not carried out, in words for people; empty where all is."""
    if step.foreign:
        return step.foreign
    if step.intent == "include":
        return "this version does not carry out the steps of a candy (include)"
    if step.modifiers.capture and type(step.verb) in SILENT:
        return "capture: this verb finds nothing that a variable could keep"
    if isinstance(step.verb, LibvirtVerb | SpiceVerb) and (odd := find_odd_method(step.verb)):
        return odd
    return _find_idle_modifier(step.modifiers)


def _find_idle_modifier(modifiers: Modifiers) -> str:
    """A modifier that has no effect where it stands, which its author cannot mean."""
    written = modifiers.model_fields_set
    if "mode" in written:
        return "mode belongs to a file, a directory or what is copied or downloaded"
    for name, wanted in _BELONG_TO.items():
        if name in written and getattr(modifiers, wanted) is None:
            return f"{name} says something about {wanted}, which is not there"
    return ""


def require_runnable(step: Step) -> None:
    """Raise `StepNotRun` for a step that cannot be carried out as it is written."""
    if gap := find_gap(step):
        raise not_run(step, gap)


def run_step(step: Step, view: GuestView) -> StepResult:
    """Carry out a step; what it captures is in `view.variables` afterwards.

    With `eventually` it is tried again until it passes or that time is over. Raises `GuestTimeout`
    and `GuestError` where the guest gives no answer, and `StepNotRun` where it is none that can be
    carried out.
    """
    require_runnable(step)
    began = time.monotonic()
    excluded = step.modifiers.exclude_distro
    if excluded and (found := view.distribution(step.timeout)).is_one_of(excluded):
        return StepResult(step, skipped=f"exclude_distro: the guest is {found.names[0]}")
    attempts: list[Attempt] = []

    def probe() -> bool | NotYet:
        attempts.append(_attempt(step, view))
        return NotYet() if attempts[-1].mismatches else True

    if step.modifiers.eventually is None:
        probe()
    else:
        interval = step.modifiers.retry_interval or RETRY_INTERVAL
        # What the last attempt found says more than that the time is over.
        with suppress(GuestTimeout):
            wait_for(step.prose, probe, Deadline(step.modifiers.eventually), every=interval)
    seconds = time.monotonic() - began
    last = attempts[-1]
    if last.mismatches:
        keep_pictures(step.modifiers.artifact or "", last.call)
    return StepResult(step, tuple(last.mismatches), attempts=len(attempts), seconds=seconds)


def _attempt(step: Step, view: GuestView) -> Attempt:
    written = step.verb
    assert written is not None
    call = Call(
        step,
        view,
        Deadline(step.timeout),
        from_here=names_this_host(written),
        own_ports=host_ports_in(written),
    )
    try:
        return Attempt(call, _carry_out(written, call))
    except (GuestTimeout, GuestAway) as error:
        # A guest that reboots is away for a while.
        if not step.modifiers.eventually:
            raise
        late = Mismatch("an answer", f"within {step.timeout:.0f} s", error.message)
        return Attempt(call, [late])


def _carry_out(written: Verb, call: Call) -> list[Mismatch]:
    lookup, modifiers = _lookup(call), call.step.modifiers
    verb = substitute_verb(written, lookup)
    call.env = {name: substitute(value, lookup) for name, value in modifiers.env.items()}
    artifact = substitute(modifiers.artifact, lookup) if modifiers.artifact else ""
    if missing := sorted(names_in(verb) & call.view.surroundings.captures):
        raise call.impossible(f"{', '.join(missing)} has no value: no step before has captured it")
    mismatches = RUNNERS[type(verb)](verb, call)
    if not mismatches:
        mismatches += _capture(call)
        mismatches += take_artifact(artifact, call) if artifact else []
    return mismatches


def _lookup(call: Call) -> Lookup:
    view, surroundings = call.view, call.view.surroundings

    def value(name: str, rest: str) -> str | None:
        if not rest and name in view.variables:
            return view.variables[name]
        seconds = call.deadline.remaining()
        match name, bool(rest):
            case "HOST_PORT", True if rest.isdigit():
                return str(_forwarded(call, int(rest)))
            case "HOST", True:
                member, _, port = rest.partition(":")
                endpoint = surroundings.locate(member, int(port) if port.isdigit() else 0)
                return f"{endpoint.address}:{endpoint.port}" if port else endpoint.address
            case "DEPLOY_NAME", False:
                return surroundings.deploy
            case "INSTANCE", False:
                return surroundings.instance
            case "VM_HOSTDEV_COUNT", False:
                return str(surroundings.hostdevs)
            case "CHARLY_BIN", False:
                return surroundings.charly
            case "USER", False:
                return view.user(seconds)
            case "HOME", False:
                return view.home(seconds)
        return None

    return value


def _forwarded(call: Call, port: int) -> int:
    endpoint = call.locate(port)
    if endpoint.address != LOOPBACK:
        raise GuestError(
            f"no port of this host leads to the guest's port {port}: it has an address of its own",
            hint=f"${{HOST:{call.view.surroundings.deploy}:{port}}} is where it is",
        )
    return endpoint.port


def _capture(call: Call) -> list[Mismatch]:
    name, pattern = call.step.modifiers.capture, call.step.modifiers.capture_extract
    if name is None:
        return []
    value = call.output
    if pattern is not None:
        found = re.search(pattern, value, re.MULTILINE)
        if found is None:
            return [Mismatch(f"capture {name}", f"a match of {pattern!r}", repr(value))]
        # The first group where the expression has one.
        value = found[1] if found.re.groups else found[0]
    call.view.variables[name] = value
    return []
