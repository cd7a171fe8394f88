"""`-cpu` and `-smp`: the processor, with what libvirt spreads over features, cpu and clock.

libvirt's meaning of each switch: formatdomain's pages on CPUs and hypervisor features; QEMU's
names: `qemu-system-x86_64 -cpu help` and its page on Hyper-V enlightenments.
"""

from __future__ import annotations

from charly_vm.model.libvirt.cpu import Cpu, CpuCache
from charly_vm.model.libvirt.features import Features, HyperV
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Properties, Value, option, switch

WHOLE = {"kvm": "host", "tcg": "max"}
"""Everything that the accelerator has: what each of libvirt's modes without a model comes to."""

# QEMU 7.2 knows no `max` for RISC-V.
WHOLE_RISCV = {"kvm": "host", "tcg": "rv64"}

X86 = "x86_64"


def render_cpu(machine: ResolvedMachine) -> str:
    """The value of `-cpu`."""
    cpu = machine.libvirt.cpu
    whole = WHOLE_RISCV if machine.architecture == "riscv64" else WHOLE
    model = cpu.model or whole[machine.accelerator]
    properties: dict[str, Value] = {
        **_flags(cpu),
        **_from_features(machine.libvirt.features, machine),
        **_from_timers(machine),
        **_from_panic(machine),
    }
    return option(model, properties)


def render_smp(machine: ResolvedMachine) -> list[str]:
    topology = machine.libvirt.cpu.topology
    if topology is None:
        return ["-smp", f"cpus={machine.cpus}"]
    properties: dict[str, Value] = {
        "cpus": machine.cpus,
        "sockets": topology.sockets,
        # Machines whose processors have no dies refuse even the word.
        "dies": topology.dies if topology.dies > 1 else None,
        "cores": topology.cores,
        "threads": topology.threads,
    }
    return ["-smp", option("", properties)]


def _flags(cpu: Cpu) -> Properties:
    flags: dict[str, Value] = {}
    if cpu.check in ("partial", "full"):
        # Where libvirt compares with the host before it starts, QEMU refuses to start.
        flags["enforce"] = True
    flags["migratable"] = switch(cpu.migratable)
    # What the host has not got QEMU leaves out with a warning, unless it is to enforce: that is
    # what `optional` asks for, and what it makes of all that is named without a check.
    flags |= {one.name: one.policy not in ("disable", "forbid") for one in cpu.features}
    return flags | _cache(cpu.cache)


def _cache(cache: CpuCache | None) -> dict[str, Value]:
    match cache and cache.mode:
        case "emulate":
            return {"l3-cache": True}
        case "passthrough":
            return {"host-cache-info": True, "l3-cache": False}
        case "disable":
            return {"l3-cache": False}
    return {}


def _from_features(features: Features, machine: ResolvedMachine) -> Properties:
    flags: dict[str, Value] = {"pmu": switch(features.pmu)}
    if machine.architecture != X86:
        return flags
    flags["apic"] = None if features.apic else False
    flags["pae"] = features.pae or None
    flags |= _hyperv(features.hyperv)
    if features.kvm is not None:
        hidden = switch(features.kvm.hidden)
        flags["kvm"] = None if hidden is None else not hidden
        flags["kvm-hint-dedicated"] = switch(features.kvm.hint_dedicated)
        flags["kvm-poll-control"] = switch(features.kvm.poll_control)
        flags["kvm-pv-ipi"] = switch(features.kvm.pv_ipi)
    return flags


def _hyperv(hyperv: HyperV | None) -> Properties:
    if hyperv is None:
        return {}
    flags: dict[str, Value] = {"hv-passthrough": True if hyperv.mode == "passthrough" else None}
    for name in (
        *("relaxed", "vapic", "vpindex", "runtime", "synic", "reset", "frequencies"),
        *("reenlightenment", "ipi", "evmcs", "avic"),
    ):
        flags[f"hv-{name}"] = switch(getattr(hyperv, name))
    if hyperv.spinlocks is not None and hyperv.spinlocks.state == "on":
        flags["hv-spinlocks"] = f"{hyperv.spinlocks.retries:#x}"
    if hyperv.stimer is not None:
        flags["hv-stimer"] = switch(hyperv.stimer.state)
        flags["hv-stimer-direct"] = switch(hyperv.stimer.direct)
    if hyperv.tlbflush is not None:
        flags["hv-tlbflush"] = switch(hyperv.tlbflush.state)
        flags["hv-tlbflush-direct"] = switch(hyperv.tlbflush.direct)
        flags["hv-tlbflush-ext"] = switch(hyperv.tlbflush.extended)
    if hyperv.vendor_id is not None and hyperv.vendor_id.state == "on":
        flags["hv-vendor-id"] = hyperv.vendor_id.value
    return flags


def _from_timers(machine: ResolvedMachine) -> Properties:
    flags: dict[str, Value] = {}
    for timer in machine.libvirt.clock.timers:
        match timer.name:
            case "tsc":
                flags["tsc"] = switch(timer.present)
                flags["tsc-frequency"] = timer.frequency
            case "kvmclock":
                flags["kvmclock"] = switch(timer.present)
            case "hypervclock":
                flags["hv-time"] = switch(timer.present)
            case "armvtimer":
                flags["kvm-no-adjvtime"] = timer.tickpolicy == "discard"
    return flags


def _from_panic(machine: ResolvedMachine) -> Properties:
    """Hyper-V's way to report a panic is a part of the CPU."""
    models = [one.model for one in machine.libvirt.devices.panic]
    return {"hv-crash": True} if "hyperv" in models else {}
