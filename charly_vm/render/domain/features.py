"""`<features>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.features import Features, HyperV, Kvm
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, attributes_given, none_if_empty

X86 = ("x86_64", "i686")


def render_features(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.features
    features = ET.Element("features")
    for name in _present(machine):
        ET.SubElement(features, name)
    smm = chosen.smm or ("on" if machine.firmware.smm else None)
    for name, state in (
        ("smm", smm),
        ("hap", chosen.hap),
        ("vmport", chosen.vmport),
        ("pmu", chosen.pmu),
    ):
        add_given(features, name, state=state)
    add_given(features, "ibs", value=chosen.ibs)
    for group in (render_hyperv(chosen.hyperv), render_kvm(chosen.kvm)):
        if group is not None:
            features.append(group)
    return none_if_empty(features)


def _present(machine: ResolvedMachine) -> list[str]:
    """The features that are on by being there."""
    chosen: Features = machine.libvirt.features
    is_x86 = machine.architecture in X86
    # Elsewhere ACPI comes with UEFI, and other chips do what the APIC does here.
    acpi = chosen.acpi and (is_x86 or bool(machine.firmware.code))
    apic = chosen.apic and is_x86
    return [name for name, there in (("acpi", acpi), ("apic", apic), ("pae", chosen.pae)) if there]


def render_hyperv(chosen: HyperV | None) -> ET.Element | None:
    if chosen is None:
        return None
    hyperv = ET.Element("hyperv", attributes_given(mode=chosen.mode))
    for name in ("relaxed", "vapic"):
        add_given(hyperv, name, state=getattr(chosen, name))
    if chosen.spinlocks is not None:
        on = chosen.spinlocks.state == "on"
        retries = chosen.spinlocks.retries if on else None
        add_given(hyperv, "spinlocks", state=chosen.spinlocks.state, retries=retries)
    for name in ("vpindex", "runtime", "synic"):
        add_given(hyperv, name, state=getattr(chosen, name))
    if chosen.stimer is not None:
        stimer = ET.SubElement(hyperv, "stimer", state=chosen.stimer.state)
        add_given(stimer, "direct", state=chosen.stimer.direct)
    add_given(hyperv, "reset", state=chosen.reset)
    if chosen.vendor_id is not None:
        vendor = chosen.vendor_id
        add_given(hyperv, "vendor_id", state=vendor.state, value=vendor.value)
    for name in ("frequencies", "reenlightenment"):
        add_given(hyperv, name, state=getattr(chosen, name))
    if chosen.tlbflush is not None:
        tlbflush = ET.SubElement(hyperv, "tlbflush", state=chosen.tlbflush.state)
        add_given(tlbflush, "direct", state=chosen.tlbflush.direct)
        add_given(tlbflush, "extended", state=chosen.tlbflush.extended)
    for name in ("ipi", "evmcs", "avic"):
        add_given(hyperv, name, state=getattr(chosen, name))
    return none_if_empty(hyperv)


def render_kvm(chosen: Kvm | None) -> ET.Element | None:
    if chosen is None:
        return None
    kvm = ET.Element("kvm")
    for name in ("hidden", "hint_dedicated", "poll_control", "pv_ipi"):
        add_given(kvm, name.replace("_", "-"), state=getattr(chosen, name))
    if chosen.dirty_ring_size is not None:
        ET.SubElement(kvm, "dirty-ring", state="on", size=str(chosen.dirty_ring_size))
    return none_if_empty(kvm)
