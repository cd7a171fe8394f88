"""`-rtc` and the timers' policies. What a CPU flag decides about timers is in `cpu`."""

from __future__ import annotations

from datetime import UTC, datetime

from charly_vm.model.libvirt.clock import Clock, Timer
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, option

TRACKS = {"guest": "vm", "wall": "host", "realtime": "rt"}


def render_clock(machine: ResolvedMachine) -> list[str]:
    clock = machine.libvirt.clock
    properties: dict[str, Value] = {"base": _base(clock)}
    for timer in clock.timers:
        if timer.name == "rtc":
            properties["clock"] = TRACKS.get(timer.track or "")
            properties["driftfix"] = "slew" if timer.tickpolicy == "catchup" else None
    words = ["-rtc", option("", properties)]
    for timer in clock.timers:
        words += _pit_policy(timer)
    return words


def _base(clock: Clock) -> str:
    match clock.offset:
        case "absolute":
            return datetime.fromtimestamp(clock.start or 0, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        case "variable":
            return clock.basis or "utc"
        case "localtime":
            return "localtime"
    return "utc"


def _pit_policy(timer: Timer) -> list[str]:
    # Catching up is the default of KVM's timer.
    if timer.name == "pit" and timer.tickpolicy in ("delay", "discard"):
        return ["-global", f"kvm-pit.lost_tick_policy={timer.tickpolicy}"]
    return []
