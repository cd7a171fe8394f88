"""`<cputune>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.cputune import CpuTune, Scheduling
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, add_text, attributes_given, none_if_empty

SHARES = (
    "shares",
    "period",
    "quota",
    "global_period",
    "global_quota",
    "emulator_period",
    "emulator_quota",
    "iothread_period",
    "iothread_quota",
)
"""Elements that hold one number; libvirt's names are the fields'."""


def render_cputune(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.cputune
    if chosen is None:
        return None
    cputune = ET.Element("cputune")
    for name in SHARES:
        if (value := getattr(chosen, name)) is not None:
            add_text(cputune, name, str(value))
    _add_pinning(cputune, chosen)
    _add_scheduling(cputune, chosen)
    return none_if_empty(cputune)


def _add_pinning(cputune: ET.Element, chosen: CpuTune) -> None:
    for vcpu in chosen.vcpupin:
        add_given(cputune, "vcpupin", vcpu=vcpu.vcpu, cpuset=vcpu.cpuset)
    if chosen.emulatorpin is not None:
        add_given(cputune, "emulatorpin", cpuset=chosen.emulatorpin.cpuset)
    for thread in chosen.iothreadpin:
        add_given(cputune, "iothreadpin", iothread=thread.iothread, cpuset=thread.cpuset)


def _add_scheduling(cputune: ET.Element, chosen: CpuTune) -> None:
    for vcpus in chosen.vcpusched:
        add_given(cputune, "vcpusched", vcpus=vcpus.vcpus, **_how(vcpus))
    for threads in chosen.iothreadsched:
        add_given(cputune, "iothreadsched", iothreads=threads.iothreads, **_how(threads))
    if chosen.emulatorsched is not None:
        add_given(cputune, "emulatorsched", **_how(chosen.emulatorsched))


def _how(one: Scheduling) -> dict[str, str]:
    return attributes_given(scheduler=one.scheduler, priority=one.priority)
