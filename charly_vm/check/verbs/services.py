"""`service`: a unit of the guest's systemd."""

from __future__ import annotations

import shlex

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.model.verbs import ServiceVerb


def service(verb: ServiceVerb, call: Call) -> list[Mismatch]:
    unit = verb.service if "." in verb.service else f"{verb.service}.service"
    result = call.look(
        f"systemctl show --property=LoadState,ActiveState,UnitFileState {shlex.quote(unit)}"
    )
    shown = dict(line.split("=", 1) for line in text(result.stdout).splitlines() if "=" in line)
    if "LoadState" not in shown:
        return [Mismatch(unit, "an answer of systemctl", text(result.stderr))]
    active, load = shown.get("ActiveState", "unknown"), shown.get("LoadState", "unknown")
    call.output = active
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
