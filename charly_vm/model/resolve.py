"""From what was written to what runs on this host: every decision, made once and purely."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from charly_vm.errors import HostError
from charly_vm.host.facts import Accelerator, Facts, QemuFacts
from charly_vm.model.project import Target
from charly_vm.model.quantities import format_size
from charly_vm.model.resolved import BackendName, Forward, Paths, ResolvedMachine
from charly_vm.model.source import CloudImage

MACHINE_TYPES = {"x86_64": "q35"}
CPU_MODELS = {"kvm": "host", "tcg": "max"}

T = TypeVar("T")

NO_DAEMON_HINT = (
    "start it with `systemctl --user enable --now virtqemud.service` (libvirtd.service on older "
    "hosts), or use `backend: qemu`"
)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a command line says instead of the file; None where it says nothing."""

    ram: int | None = None
    cpus: int | None = None
    disk_size: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is chosen per machine and not written: identity, files, the SSH port on the host."""

    uuid: str
    ssh_port: int
    paths: Paths


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
    if problems or not (backend and qemu and accelerator and machine_type):
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
        cpu_model=CPU_MODELS[accelerator.name],
        cpus=overrides.cpus or (deploy and deploy.cpus) or entity.cpu,
        ram=ram,
        disk_size=overrides.disk_size or (deploy and deploy.disk_size) or entity.disk_size or 0,
        user=user or "charly",
        ssh_port=placement.ssh_port,
        forward=_choose_forward(name, facts),
        mac=_mac_of(placement.uuid),
        disposable=target.disposable,
        paths=placement.paths,
    )


def choose_backend(wanted: str, facts: Facts) -> tuple[BackendName, str]:
    """The backend for `auto`, `libvirt` or `qemu`, and the reason where it was our choice."""
    if wanted == "qemu":
        return BackendName.QEMU, ""
    if facts.libvirt is not None:
        major, minor, patch = facts.libvirt.version
        reason = f"libvirt {major}.{minor}.{patch} answers"
        return BackendName.LIBVIRT, "" if wanted == "libvirt" else reason
    if wanted == "libvirt" and facts.is_root:
        raise HostError(
            "backend: libvirt needs a user's libvirt session, and root has none",
            hint="run charly as an ordinary user, use `backend: auto` or `backend: qemu`, or name "
            "another libvirt in CHARLY_LIBVIRT_URI",
        )
    if wanted == "libvirt":
        raise HostError(
            f"libvirt backend requires libvirt session daemon: {facts.libvirt_reason}",
            hint=NO_DAEMON_HINT,
        )
    if facts.is_root:
        return BackendName.QEMU, "root has no libvirt session"
    return BackendName.QEMU, f"libvirt is not available: {facts.libvirt_reason}"


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


def _choose_forward(backend: BackendName, facts: Facts) -> Forward:
    offers_passt = facts.libvirt is not None and facts.libvirt.passt
    return Forward.PASST if backend is BackendName.LIBVIRT and offers_passt else Forward.SLIRP


def _joined(problems: list[HostError]) -> HostError:
    if len(problems) == 1:
        return problems[0]
    return HostError("\n".join(str(problem) for problem in problems))


def _mac_of(uuid: str) -> str:
    """A stable address in QEMU's own range, 52:54:00."""
    digest = hashlib.sha256(uuid.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
