"""From what was written to what runs on this host: every decision, made once and purely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from charly_vm.errors import HostError
from charly_vm.host.facts import Accelerator, Facts, QemuFacts
from charly_vm.model.forwards import PortForward
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.cpu import CpuMode
from charly_vm.model.project import Target
from charly_vm.model.quantities import format_size
from charly_vm.model.resolve.backend import choose_backend
from charly_vm.model.resolve.network import resolve_network
from charly_vm.model.resolved import Paths, ResolvedMachine
from charly_vm.model.source import CloudImage

MACHINE_TYPES = {"x86_64": "q35"}
CPU_MODES: dict[str, CpuMode] = {"kvm": "host-passthrough", "tcg": "maximum"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a command line says instead of the file; None where it says nothing."""

    ram: int | None = None
    cpus: int | None = None
    disk_size: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is chosen per machine and not written: identity, files, the ports on the host."""

    uuid: str
    ssh_port: int
    paths: Paths
    forwards: tuple[PortForward, ...] = ()
    """The author's, with a port for each `auto`."""


def resolve(
    target: Target,
    facts: Facts,
    placement: Placement,
    *,
    wanted_backend: str = "auto",
    overrides: Overrides | None = None,
) -> ResolvedMachine:
    """A machine with nothing left to decide.

    `wanted_backend` is the user's default, which an entity's own `backend` beats. Raises
    `HostError` with everything that this host lacks for it.
    """
    overrides = overrides or Overrides()
    entity, deploy = target.entity, target.deploy.deploy if target.deploy else None
    problems: list[HostError] = []

    def require(choose: Callable[[], T]) -> T | None:
        try:
            return choose()
        except HostError as error:
            problems.append(error)
            return None

    pinned = entity.backend != "auto"
    backend = require(lambda: choose_backend(entity.backend if pinned else wanted_backend, facts))
    qemu = require(lambda: _require_qemu(facts))
    accelerator = require(lambda: _require_accelerator(facts))
    machine_type = require(lambda: _require_machine_type(facts))
    ram = overrides.ram or (deploy and deploy.ram) or entity.ram
    if facts.memory and ram > facts.memory:
        problems.append(
            HostError(
                f"{target.domain} wants {format_size(ram)} of RAM and this host has "
                f"{format_size(facts.memory)}",
                hint="lower `ram:` or give --ram",
            )
        )
    network = backend and require(
        lambda: resolve_network(
            entity.network, backend[0], facts, uuid=placement.uuid, forwards=placement.forwards
        )
    )
    if problems or not (backend and qemu and accelerator and machine_type and network):
        raise _joined(problems)
    name, reason = backend
    user = entity.ssh.user
    if user is None and isinstance(entity.source, CloudImage):
        user = entity.source.base_user
    return ResolvedMachine(
        domain=target.domain,
        uuid=placement.uuid,
        hostname=target.domain.replace("_", "-").replace(".", "-"),
        backend=name,
        backend_reason=reason,
        architecture=facts.architecture,
        machine=machine_type,
        emulator=qemu.binary,
        accelerator=accelerator.name,
        cpus=overrides.cpus or (deploy and deploy.cpus) or entity.cpu,
        ram=ram,
        disk_size=overrides.disk_size or (deploy and deploy.disk_size) or entity.disk_size or 0,
        network=network,
        libvirt=_fill_in(target.libvirt, accelerator),
        user=user or "charly",
        ssh_port=placement.ssh_port,
        disposable=target.disposable,
        paths=placement.paths,
    )


def _require_qemu(facts: Facts) -> QemuFacts:
    if facts.qemu is None:
        raise HostError(
            f"qemu-system-{facts.architecture} is not installed",
            hint="install qemu-system-x86 (apt), qemu-kvm (dnf) or qemu-desktop (pacman)",
        )
    return facts.qemu


def _require_accelerator(facts: Facts) -> Accelerator:
    if facts.accelerator is None:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in facts.accelerators)
        raise HostError(f"no accelerator runs guest code here ({reasons or 'none was found'})")
    return facts.accelerator


def _require_machine_type(facts: Facts) -> str:
    if facts.architecture not in MACHINE_TYPES:
        raise HostError(
            f"machines for {facts.architecture} are not supported; "
            f"supported are {', '.join(MACHINE_TYPES)}"
        )
    return MACHINE_TYPES[facts.architecture]


def _joined(problems: list[HostError]) -> HostError:
    if len(problems) == 1:
        return problems[0]
    return HostError("\n".join(str(problem) for problem in problems))


def _fill_in(block: LibvirtDomain, accelerator: Accelerator) -> LibvirtDomain:
    """The author's block with the defaults that depend on this host."""
    cpu = block.cpu
    if cpu.mode is None:
        mode = "custom" if cpu.model else CPU_MODES[accelerator.name]
        cpu = cpu.model_copy(update={"mode": mode})
    return block.model_copy(update={"cpu": cpu})
