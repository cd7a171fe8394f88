"""The libvirt block of a machine: the author's, with what this host adds and decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from charly_vm.errors import HostError, Problem, SpecError
from charly_vm.host.facts import Facts
from charly_vm.model.entity import EntityNode
from charly_vm.model.libvirt import LibvirtDomain, Surroundings, find_problems
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.libvirt.old_libvirt import find_too_new
from charly_vm.model.qemu_limits import find_unsupported
from charly_vm.model.resolve.architecture import Platform, choose_cpu
from charly_vm.model.resolve.devices import resolve_devices
from charly_vm.model.resolve.graphics_ports import fill_in_ports
from charly_vm.model.resolve.sharing import runs_virtiofsd_as_us, share_memory
from charly_vm.model.resolved import BackendName, ResolvedMachine


def resolve_block(
    block: LibvirtDomain,
    platform: Platform,
    facts: Facts,
    *,
    uuid: str,
    directory: Path,
    hostdevs: Sequence[Hostdev] = (),
    filesystems: Sequence[Filesystem] = (),
    graphics_ports: Sequence[int] | None = None,
) -> LibvirtDomain:
    """The block with nothing left open; `hostdevs` and `filesystems` are this host's own.

    Without `graphics_ports` libvirt chooses those of screens when the domain starts.

    Raises `HostError` for devices that the platform cannot have.
    """
    devices = resolve_devices(
        block.devices,
        architecture=platform.architecture,
        uuid=uuid,
        directory=directory,
        user=facts.user if runs_virtiofsd_as_us(facts) else None,
        hostdevs=hostdevs,
        filesystems=filesystems,
    )
    if graphics_ports is not None:
        devices = fill_in_ports(devices, graphics_ports)
    cpu = choose_cpu(block.cpu, platform.architecture, platform.accelerator.name)
    return share_memory(block.model_copy(update={"cpu": cpu, "devices": devices}))


def require_fit(machine: ResolvedMachine, node: EntityNode, facts: Facts) -> None:
    """Raise for what in the block does not fit the machine, all of it at once.

    `SpecError` for what no host could do, `HostError` for what this libvirt or the qemu backend
    cannot.
    """
    uri = facts.libvirt.uri if facts.libvirt else ""
    around = Surroundings(
        cpus=machine.cpus,
        ram=machine.ram,
        architecture=machine.architecture,
        machine=machine.machine,
        accelerator=machine.accelerator,
        uefi=bool(machine.firmware.code) or machine.firmware.name != "bios",
        smm=machine.firmware.smm,
        session=machine.backend is BackendName.LIBVIRT and uri.endswith("/session"),
        host_cpus=facts.cpus,
    )
    problems = find_problems(machine.libvirt, around)
    if problems:
        raise SpecError(
            [Problem(node.file, node.line, 1, f"{node.name}: {text}") for text in problems]
        )
    if machine.backend is BackendName.LIBVIRT and facts.libvirt:
        too_new = find_too_new(machine.libvirt.devices, facts.libvirt.version)
        if too_new:
            raise HostError(
                "\n".join(f"{node.name}: {text}" for text in too_new),
                hint="leave it away, or use a newer libvirt (Debian 13 has 11.3)",
            )
    limits = find_unsupported(machine) if machine.backend is BackendName.QEMU else []
    if limits:
        chosen = f" ({machine.backend_reason})" if machine.backend_reason else ""
        raise HostError(
            f"the qemu backend{chosen} cannot do what {node.name} asks for:\n"
            + "\n".join(f"  {text}" for text in limits),
            hint="leave it away, or use the libvirt backend: `charly doctor` says how to get it",
        )
