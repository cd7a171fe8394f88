"""What in a libvirt block does not fit the machine that it is for.

Each model checks itself when it is read; here are the rules that need more than one of them, or
what only `resolve` knows. The rules are those of libvirt's QEMU driver, which would say the same
when the domain is defined or, worse, when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from charly_vm.host.amounts import format_size
from charly_vm.model.libvirt.cpu import NumaCell
from charly_vm.model.libvirt.device_consistency import find_device_problems
from charly_vm.model.libvirt.domain import LibvirtDomain
from charly_vm.model.libvirt.numbers import members

X86 = ("x86_64", "i686")
ARM = ("aarch64",)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine around the block, as far as it is decided, and its host."""

    cpus: int
    ram: int
    """Bytes."""
    architecture: str
    machine: str
    accelerator: str
    uefi: bool = False
    smm: bool = False
    """Whether the firmware guards its variables with system management mode."""
    session: bool = False
    """Whether a session daemon runs it, which cannot make control groups."""
    host_cpus: int = 0
    """0 where it is not known."""


def find_problems(block: LibvirtDomain, around: Surroundings) -> list[str]:
    """Sentences that begin with the key they are about; empty where all of it fits."""
    return [
        *_cpu(block, around),
        *_numa(block, around),
        *_features(block, around),
        *_timers(block, around),
        *_tuning(block, around),
        *_control_groups(block, around),
        *_launch_security(block, around),
        *find_device_problems(
            block.devices,
            architecture=around.architecture,
            machine=around.machine,
            iothreads=block.iothreads or 0,
        ),
    ]


def _cpu(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    cpu = block.cpu
    if cpu.topology is not None and cpu.topology.product != around.cpus:
        yield (
            f"cpu.topology: makes {cpu.topology.product} vCPUs, and the machine has {around.cpus}"
        )
    if cpu.mode == "host-passthrough" and around.accelerator != "kvm":
        yield "cpu.mode: host-passthrough needs KVM; leave it out, or write maximum"
    if cpu.cache is not None and around.architecture not in X86:
        yield f"cpu.cache: has no meaning on {around.architecture}"


def _numa(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    cells = block.cpu.numa
    if cells:
        yield from _cells(cells, around)
    known = {one.id for one in cells}
    for node in block.numatune.memnode if block.numatune else ():
        if node.cellid not in known:
            yield f"numatune.memnode: there is no node {node.cellid} in cpu.numa"
    pages = block.memory_backing.hugepages if block.memory_backing else None
    for page in pages or ():
        for missing in sorted(members(page.nodeset or "0") - (known or {0})):
            yield f"memory_backing.hugepages: there is no node {missing} in cpu.numa"


def _cells(cells: tuple[NumaCell, ...], around: Surroundings) -> Iterator[str]:
    placed = [vcpu for one in cells if one.cpus for vcpu in members(one.cpus)]
    if sorted(placed) != list(range(around.cpus)):
        yield (
            f"cpu.numa: its nodes have to share the vCPUs 0 to {around.cpus - 1} among them, "
            "each on one node"
        )
    total = sum(one.memory for one in cells)
    if total != around.ram:
        # libvirt would take the nodes' sum without a word.
        yield (
            f"cpu.numa: its nodes have {format_size(total)} together, and the machine has "
            f"{format_size(around.ram)}"
        )


def _features(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    features = block.features
    if around.architecture not in X86:
        for name in ("pae", "smm", "hap", "vmport", "hyperv"):
            if getattr(features, name):
                yield f"features.{name}: has no meaning on {around.architecture}"
    if features.ibs is not None:
        yield f"features.ibs: is of POWER alone, and has no meaning on {around.architecture}"
    if around.smm and around.machine != "q35":
        yield f"machine: the firmware uefi-secure needs q35, not {around.machine}"


def _timers(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    for timer in block.clock.timers:
        if timer.name == "armvtimer":
            fits = around.architecture in ARM and around.accelerator == "kvm"
            needs = "aarch64 under KVM"
        else:
            fits = around.architecture in X86 or timer.name == "rtc" or timer.present == "no"
            needs = "x86"
        if not fits:
            yield f"clock.timers: {timer.name} needs {needs}"


def _tuning(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    tune = block.cputune
    if tune is None:
        return
    vcpus = range(around.cpus)
    has = f"there are vCPUs 0 to {around.cpus - 1}"
    yield from _beyond("vcpupin", [one.vcpu for one in tune.vcpupin], vcpus, has)
    for vcpu in tune.vcpusched:
        yield from _beyond("vcpusched", members(vcpu.vcpus), vcpus, has)
    threads = range(1, (block.iothreads or 0) + 1)
    has = f"there are I/O threads 1 to {block.iothreads}" if threads else "`iothreads` is not set"
    yield from _beyond("iothreadpin", [one.iothread for one in tune.iothreadpin], threads, has)
    for thread in tune.iothreadsched:
        yield from _beyond("iothreadsched", members(thread.iothreads), threads, has)
    if around.host_cpus:
        host = range(around.host_cpus)
        has = f"this host has CPUs 0 to {around.host_cpus - 1}"
        pins = [one.cpuset for one in tune.vcpupin]
        pins += [one.cpuset for one in tune.iothreadpin]
        pins += [tune.emulatorpin.cpuset] if tune.emulatorpin else []
        for cpuset in pins:
            yield from _beyond("cpuset", members(cpuset), host, has)


def _beyond(key: str, wanted: Iterable[int], known: range, has: str) -> Iterator[str]:
    for number in sorted(wanted):
        if number not in known:
            yield f"cputune.{key}: {number} does not exist; {has}"


def _control_groups(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    if not around.session:
        return
    limits = [f"memtune.{name}" for name, limit in block.memtune or () if limit is not None]
    for name, limit in block.cputune or ():
        if name.endswith(("shares", "period", "quota")) and limit is not None:
            limits.append(f"cputune.{name}")
    if block.resource is not None and block.resource.partition is not None:
        limits.append("resource.partition")
    for name in limits:
        yield f"{name}: needs libvirt's system daemon; a session daemon cannot limit a machine"


def _launch_security(block: LibvirtDomain, around: Surroundings) -> Iterator[str]:
    if block.launch_security is None:
        return
    kind = block.launch_security.type
    if around.architecture != "x86_64" or around.accelerator != "kvm":
        yield f"launch_security: {kind} is of the processor, and needs KVM on x86_64"
    if not around.uefi:
        yield f"launch_security: {kind} needs UEFI; write `firmware: uefi-insecure`"
