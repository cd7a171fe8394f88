"""`<clock>` with its timers."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, attributes_given


def render_clock(machine: ResolvedMachine) -> ET.Element:
    chosen = machine.libvirt.clock
    clock = ET.Element(
        "clock",
        attributes_given(
            offset=chosen.offset,
            timezone=chosen.timezone,
            adjustment=chosen.adjustment,
            basis=chosen.basis,
            start=chosen.start,
        ),
    )
    for timer in chosen.timers:
        add_given(
            clock,
            "timer",
            name=timer.name,
            present=timer.present,
            track=timer.track,
            tickpolicy=timer.tickpolicy,
            frequency=timer.frequency,
            mode=timer.mode,
        )
    return clock
