"""`<cpu>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.cpu import Cpu, NumaCell
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, add_text, attributes_given

RISCV_DEFAULT = Cpu(mode="custom", model="rv64")
"""What QEMU's `virt` has for riscv64 by itself."""


def render_cpu(machine: ResolvedMachine) -> ET.Element | None:
    """None for the CPU that riscv64 has anyway: libvirt 9 starts no such machine with one named."""
    chosen = machine.libvirt.cpu
    if machine.architecture == "riscv64" and chosen == RISCV_DEFAULT:
        return None
    cpu = ET.Element("cpu", attributes_given(mode=chosen.mode))
    if chosen.model is not None:
        # libvirt's own check would compare with what it believes this QEMU to emulate, and refuse
        # features that QEMU has; QEMU itself refuses a model that it does not know.
        cpu.attrib.update(match="exact", check=chosen.check or "none")
        add_text(cpu, "model", chosen.model, fallback="forbid")
    else:
        cpu.attrib.update(attributes_given(check=chosen.check))
    cpu.attrib.update(attributes_given(migratable=chosen.migratable))
    if chosen.topology is not None:
        shape = chosen.topology
        add_given(
            cpu,
            "topology",
            sockets=shape.sockets,
            dies=shape.dies,
            cores=shape.cores,
            threads=shape.threads,
        )
    if chosen.cache is not None:
        level = 3 if chosen.cache.mode == "emulate" else None
        add_given(cpu, "cache", level=level, mode=chosen.cache.mode)
    for feature in chosen.features:
        ET.SubElement(cpu, "feature", policy=feature.policy, name=feature.name)
    if chosen.numa:
        numa = ET.SubElement(cpu, "numa")
        numa.extend(render_numa_cell(one) for one in chosen.numa)
    return cpu


def render_numa_cell(cell: NumaCell) -> ET.Element:
    return ET.Element(
        "cell",
        attributes_given(
            id=cell.id,
            cpus=cell.cpus,
            memory=cell.memory,
            unit="b",
            memAccess=cell.memaccess,
        ),
    )
