"""Limits of processor, clock, memory, firmware tables and the machine's own network."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.clock import Timer
from charly_vm.model.libvirt.devices.channel import GUEST_AGENT
from charly_vm.model.libvirt.domain import LibvirtDomain
from charly_vm.model.libvirt.snippets import parse_snippet
from charly_vm.model.qemu_limits.places import name_members
from charly_vm.model.resolved import Carrier, ResolvedMachine

SWITCHED = ("pit", "hpet", "tsc", "kvmclock", "hypervclock")
"""Timers that can be there or not."""


def find_board_limits(machine: ResolvedMachine) -> Iterator[str]:
    yield from _network(machine)
    yield from _processor(machine)
    yield from _clock(machine)
    yield from _memory(machine)
    yield from _tables(machine)
    yield from _libvirts_own(machine.libvirt)


def _network(machine: ResolvedMachine) -> Iterator[str]:
    if machine.network.carrier in (Carrier.PASST, Carrier.LIBVIRT_NETWORK):
        yield f"network: {machine.network.carrier.value} needs the libvirt backend"


def _processor(machine: ResolvedMachine) -> Iterator[str]:
    cpu, features = machine.libvirt.cpu, machine.libvirt.features
    for name, feature in name_members("cpu.features", cpu.features):
        if feature.policy == "forbid":
            yield f"{name}: forbid needs the libvirt backend, which knows the host's processor"
        if feature.policy == "optional" and cpu.check in ("partial", "full"):
            yield f"{name}: optional does not go with check {cpu.check} on the qemu backend"
    yield from _of_other_architectures(machine)
    if machine.accelerator == "kvm":
        return
    if features.hyperv is not None and features.hyperv.vpindex == "on":
        yield "features.hyperv.vpindex: needs KVM, without which QEMU does not start with it"
    if features.kvm is not None and features.kvm.dirty_ring_size is not None:
        yield "features.kvm.dirty_ring_size: needs KVM, which keeps the ring"


def _of_other_architectures(machine: ResolvedMachine) -> Iterator[str]:
    features, architecture = machine.libvirt.features, machine.architecture
    if features.kvm is not None and architecture != "x86_64":
        yield f"features.kvm: QEMU has these switches on x86_64, not on {architecture}"
    if architecture == "riscv64":
        if not features.acpi:
            yield "features.acpi: QEMU before 8.0 has no such switch on riscv64"
        if features.pmu is not None:
            yield "features.pmu: QEMU has no such switch on riscv64"


def _clock(machine: ResolvedMachine) -> Iterator[str]:
    clock = machine.libvirt.clock
    if clock.adjustment not in (None, 0, "reset"):
        yield "clock.adjustment: needs the libvirt backend, which adds it at each start"
    for name, timer in name_members("clock.timers", clock.timers):
        yield from _timer(f"{name} ({timer.name})", timer)


def _timer(name: str, timer: Timer) -> Iterator[str]:
    if timer.mode is not None:
        yield f"{name}: mode is of another hypervisor, Xen"
    if timer.present == "no" and timer.name not in SWITCHED:
        yield f"{name}: QEMU cannot leave it out"


def _memory(machine: ResolvedMachine) -> Iterator[str]:
    tune = machine.libvirt.numatune
    if tune is None:
        return
    if tune.memory is not None and tune.memory.placement == "auto":
        yield "numatune.memory.placement: auto needs the libvirt backend, which asks numad"
    if tune.memory is not None and tune.memory.mode == "restrictive":
        yield "numatune.memory.mode: restrictive needs the libvirt backend and its control groups"
    for name, node in name_members("numatune.memnode", tune.memnode):
        if node.mode == "restrictive":
            yield f"{name}: restrictive needs the libvirt backend and its control groups"


def _tables(machine: ResolvedMachine) -> Iterator[str]:
    if machine.architecture != "riscv64":
        return
    info = machine.libvirt.sysinfo
    for key in ("bios", "system", "baseboard", "chassis", "processor", "oem_strings"):
        if getattr(info, key):
            yield f"sysinfo.{key}: QEMU has no SMBIOS tables for riscv64"
    if machine.oem_strings:
        yield "ssh.key_injection.smbios: QEMU has no SMBIOS tables for riscv64"


def _libvirts_own(block: LibvirtDomain) -> Iterator[str]:
    for name, label in name_members("seclabel", block.seclabel):
        if label.type != "none":
            yield f"{name}: needs the libvirt backend, which labels processes and files"
    for field in ("snippets", "xml_passthrough"):
        for name, text in name_members(field, getattr(block, field)):
            if not _asks_for_the_agent(text):
                yield f"{name}: is libvirt's XML and needs the libvirt backend"


def _asks_for_the_agent(snippet: str) -> bool:
    """Whether it is but the guest agent's channel, which candies bring and every machine has."""
    return all(
        element.tag == "channel"
        and element.get("type") == "unix"
        and element.find("source") is None
        and [one.get("name") for one in element.iter("target")] == [GUEST_AGENT]
        for element in parse_snippet(snippet)
    )
