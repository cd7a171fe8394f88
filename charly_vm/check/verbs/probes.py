"""`libvirt` and `spice`: a question to the machine itself, by one of its probes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charly_vm.check.call import Call
from charly_vm.check.matchers import Mismatch, match
from charly_vm.errors import GuestError, GuestTimeout, ProbeError, SpecError, StateError
from charly_vm.model.probes import PROBES, WrongArguments, unknown_method
from charly_vm.model.protocols import ProbeAnswer
from charly_vm.model.verbs import LibvirtVerb, SpiceVerb


def probe(verb: LibvirtVerb | SpiceVerb, call: Call) -> list[Mismatch]:
    directory = Path(call.step.file).parent
    try:
        answer = call.view.surroundings.ask(
            verb.name, verb.method, _written(verb), directory=directory, deadline=call.deadline
        )
    except (WrongArguments, SpecError) as error:
        raise call.impossible(str(error)) from error
    except (GuestError, GuestTimeout, ProbeError, StateError) as error:
        # That nobody answers is what the step wants to know, and may change.
        answer = ProbeAnswer("", status=1, complaint=str(error))
    call.output = answer.output
    call.pictures = answer.pictures
    wrong = []
    if verb.exit_status is not None:
        wrong += match("exit status", verb.exit_status, answer.status)
    elif answer.status:
        said = answer.complaint or f"exit status {answer.status}"
        wrong.append(Mismatch(f"{verb.name} {verb.method}", "no failure", said))
    if verb.stdout is not None:
        wrong += match("stdout", verb.stdout, answer.output)
    if verb.stderr is not None:
        wrong += match("stderr", verb.stderr, answer.complaint)
    return wrong


def find_odd_method(verb: LibvirtVerb | SpiceVerb) -> str:
    """What is wrong with the method that a step names; empty where there is such a one."""
    methods = PROBES[verb.name]
    if verb.method in methods or "${" in verb.method:
        return ""
    return unknown_method(verb.name, methods, verb.method)


def _written(verb: LibvirtVerb | SpiceVerb) -> Mapping[str, Any]:
    """What the probe takes beside the method: what the verb itself does not know."""
    return verb.model_extra or {}
