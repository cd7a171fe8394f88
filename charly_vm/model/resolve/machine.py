"""From what was written to what runs on this host: every decision, made once and purely."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from charly_vm.errors import HostError
from charly_vm.host.amounts import format_size
from charly_vm.host.facts import Facts
from charly_vm.model.block import Block
from charly_vm.model.forwards import PortForward
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.project import Target
from charly_vm.model.resolve.architecture import choose_platform
from charly_vm.model.resolve.backend import choose_backend
from charly_vm.model.resolve.block import require_fit, resolve_block
from charly_vm.model.resolve.firmware import choose_firmware
from charly_vm.model.resolve.hypervisor import choose_hypervisor
from charly_vm.model.resolve.keys import (
    LoginKey,
    choose_account,
    choose_channels,
    find_reason_against_login,
    render_oem_strings,
)
from charly_vm.model.resolve.network import resolve_network
from charly_vm.model.resolve.sharing import require_virtiofs
from charly_vm.model.resolved import BackendName, Paths, ResolvedMachine

SSH_PORT = 22
"""On an address of the guest's own."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a command line says instead of the file; None where it says nothing."""

    ram: int | None = None
    cpus: int | None = None
    disk_size: int | None = None
    key_source: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is chosen per machine and not written: identity, files, the ports on the host."""

    uuid: str
    ssh_port: int
    paths: Paths
    forwards: tuple[PortForward, ...] = ()
    """The author's, with a port for each `auto`."""
    key: LoginKey | None = None
    """What the key source gives; None where it is none."""
    hostdevs: tuple[Hostdev, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    """Both from `instance.yml`."""
    graphics_ports: tuple[int, ...] = ()
    """For screens whose port nobody has written down, on the qemu backend."""
    vetoed: bool = False
    """Whether this host forbids an unattended destroy, whatever the project says."""


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
    `HostError` with everything that this host lacks for it, and `SpecError` for what does not go
    together on any host.
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
    if backend and backend[0] is BackendName.LIBVIRT:
        facts = facts.behind_libvirt()
    hypervisor = require(lambda: choose_hypervisor(backend, facts)) if backend else None
    platform = require(lambda: choose_platform(target.node, facts))
    firmware = platform and require(lambda: choose_firmware(target.node, facts, platform))
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
    if backend and entity.autostart and backend[0] is not BackendName.LIBVIRT:
        problems.append(
            HostError(
                f"{target.domain}: autostart needs the libvirt backend, which starts its domains "
                f"at boot; this is {backend[0].value} ({backend[1] or 'as the entity says'})",
                hint="leave `autostart` away, or make libvirt available: `charly doctor` says how",
            )
        )
    is_qemu = backend is not None and backend[0] is BackendName.QEMU
    block = platform and require(
        lambda: resolve_block(
            target.libvirt,
            platform,
            facts,
            uuid=placement.uuid,
            directory=placement.paths.directory,
            hostdevs=placement.hostdevs,
            filesystems=placement.filesystems,
            graphics_ports=placement.graphics_ports if is_qemu else None,
        )
    )
    if block and backend and backend[0] is BackendName.LIBVIRT:
        require(lambda: require_virtiofs(block, facts))
    if problems or not (backend and platform and firmware and network and block):
        raise _joined(problems)
    name, reason = backend
    user = choose_account(entity)
    channels = choose_channels(entity, platform.architecture)
    key_source = overrides.key_source or entity.ssh.key_source
    no_login = find_reason_against_login(entity, key_source, platform.architecture)
    key = None if no_login else placement.key
    machine = ResolvedMachine(
        domain=target.domain,
        uuid=placement.uuid,
        hostname=entity.cloud_init.hostname or re.sub(r"[_.]", "-", target.domain),
        backend=name,
        backend_reason=reason,
        architecture=platform.architecture,
        machine=platform.machine,
        emulator=platform.emulator,
        accelerator=platform.accelerator.name,
        cpus=overrides.cpus or (deploy and deploy.cpus) or entity.cpu,
        ram=ram,
        disk_size=overrides.disk_size or (deploy and deploy.disk_size) or entity.disk_size or 0,
        firmware=firmware,
        network=network,
        block=Block(block),
        user=user,
        ssh_port=placement.ssh_port if network.carrier.is_user_network else SSH_PORT,
        key=key.private if key else "",
        oem_strings=render_oem_strings(user, key, channels),
        autostart=entity.autostart,
        disposable=target.disposable and not placement.vetoed,
        lifecycle=(deploy and deploy.lifecycle) or "",
        paths=placement.paths,
        hypervisor=hypervisor,
    )
    require_fit(machine, target.node, facts)
    return machine


def _joined(problems: list[HostError]) -> HostError:
    if len(problems) == 1:
        return problems[0]
    return HostError("\n".join(str(problem) for problem in problems))
