"""A machine with no guess and no gap left in it: what `resolve` returns and all renderers take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.model.forwards import PortForward

if TYPE_CHECKING:
    from charly_vm.model.libvirt import LibvirtDomain


class BackendName(str, Enum):
    """What runs a machine."""

    LIBVIRT = "libvirt"
    QEMU = "qemu"


class Carrier(str, Enum):
    """What connects the guest's card to the world."""

    PASST = "passt"
    """The user network by passt, with libvirt's `<portForward>`; on a libvirt that offers it."""
    SLIRP = "slirp"
    """QEMU's own user network with `hostfwd`."""


@dataclass(frozen=True, slots=True)
class ResolvedNetwork:
    """The guest's card. `forwards` are the author's; the one of SSH is the machine's own."""

    carrier: Carrier
    model: str
    mac: str
    forwards: tuple[PortForward, ...] = ()


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a machine's files are. Pure: computing them touches nothing.

    `directory` lives as long as the machine, `runtime` holds sockets under a short path.
    """

    directory: Path
    runtime: Path

    @property
    def record(self) -> Path:
        return self.directory / "machine.json"

    @property
    def instance(self) -> Path:
        """What this host adds to the machine or forbids it: the only file that people write."""
        return self.directory / "instance.yml"

    @property
    def overlay(self) -> Path:
        return self.directory / "disk.qcow2"

    @property
    def seed(self) -> Path:
        return self.directory / "seed.iso"

    @property
    def user_key(self) -> Path:
        """The private key; the public one has `.pub` behind it."""
        return self.directory / "id_ed25519"

    @property
    def host_key(self) -> Path:
        """The guest's SSH host key, made by us so that the first connection is verified."""
        return self.directory / "ssh_host_ed25519_key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def console_log(self) -> Path:
        return self.directory / "console.log"

    @property
    def emulator_log(self) -> Path:
        """QEMU's own output on the qemu backend."""
        return self.directory / "qemu.log"

    @property
    def console_socket(self) -> Path:
        return self.runtime / "console.sock"

    @property
    def monitor_socket(self) -> Path:
        """QMP, on the qemu backend."""
        return self.runtime / "qmp.sock"

    @property
    def agent_socket(self) -> Path:
        """The guest agent's channel, on the qemu backend; libvirt keeps a socket of its own."""
        return self.runtime / "agent.sock"


@dataclass(frozen=True, slots=True)
class ResolvedMachine:
    """One machine on one host. Sizes are bytes, ports are TCP ports on 127.0.0.1."""

    domain: str
    """`charly-<name>[-<instance>]`, unique per user and host."""
    uuid: str
    """The domain's UUID; on the qemu backend also how its process is found."""
    hostname: str
    backend: BackendName
    backend_reason: str
    """Why this backend, in words for people; empty where the author pinned it."""
    architecture: str
    """The guest's, as `uname -m` says it."""
    machine: str
    """QEMU's machine type: q35, virt, pc."""
    emulator: str
    """Path of the qemu-system binary."""
    accelerator: str
    """kvm or tcg."""
    cpus: int
    ram: int
    disk_size: int
    """What the guest sees; 0 keeps the size of the base."""
    network: ResolvedNetwork
    libvirt: LibvirtDomain
    """The author's block with this host's overlay and every default filled in; what is None in it
    is not in the machine."""
    user: str
    """The account that SSH logs in to."""
    ssh_port: int
    """On 127.0.0.1."""
    disposable: bool
    paths: Paths

    @property
    def forwards(self) -> tuple[PortForward, ...]:
        """Every forwarded port, SSH's first."""
        return (PortForward(self.ssh_port, 22), *self.network.forwards)
