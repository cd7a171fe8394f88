"""A machine with no guess and no gap left in it: what `resolve` returns and all renderers take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.model.block import Block
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
    BRIDGE = "bridge"
    """A bridge of the host's."""
    LIBVIRT_NETWORK = "network"
    """A network that libvirt manages, such as its NAT network `default`."""

    @property
    def is_user_network(self) -> bool:
        return self in (Carrier.PASST, Carrier.SLIRP)


@dataclass(frozen=True, slots=True)
class ResolvedNetwork:
    """The guest's card. `source` is the bridge or libvirt's network, empty on a user network.

    `forwards` are the author's; the one of SSH is the machine's own.
    """

    carrier: Carrier
    model: str
    mac: str
    source: str = ""
    forwards: tuple[PortForward, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedFirmware:
    """What boots the machine. `code` and `vars_template` are empty for the emulator's own BIOS."""

    name: str
    """bios, uefi-insecure or uefi-secure."""
    code: str = ""
    """The firmware's image, read-only and shared by all machines."""
    vars_template: str = ""
    """What the machine's own NVRAM begins as."""
    format: str = "raw"
    """Of both files: raw or qcow2."""
    smm: bool = False
    """Whether the firmware needs system management mode, which guards its variables."""
    keys_enrolled: bool = False
    """Whether Secure Boot is on from the first boot; else once the guest has enrolled keys."""


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """Another libvirt than the user's own session. A machine stays where it was made, whatever
    the environment says later."""

    uri: str
    hop: str
    """How ssh names the host that it runs on (`ssh://user@host:port`), empty for this one."""
    pool: str
    """libvirt's storage pool with the machine's disk and seed."""
    directory: str
    """Where that pool keeps its volumes, on the hypervisor's host."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a machine's files are. Pure: computing them touches nothing.

    `directory` lives as long as the machine, `runtime` holds sockets under a short path.
    """

    directory: Path
    runtime: Path
    layer: Path = Path("disk.qcow2")
    """Where below `directory` the image is that the machine writes to; each external snapshot
    leaves the image so far as it is and begins another."""

    @property
    def record(self) -> Path:
        return self.directory / "machine.json"

    @property
    def instance(self) -> Path:
        """What this host adds to the machine or forbids it: the only file that people write."""
        return self.directory / "instance.yml"

    @property
    def overlay(self) -> Path:
        """The image that the machine writes to."""
        return self.directory / self.layer

    @property
    def of_fresh_disk(self) -> Paths:
        """The same for a machine whose disk begins anew, without snapshots."""
        return Paths(self.directory, self.runtime)

    @property
    def snapshots(self) -> Path:
        """The images behind external snapshots, and what else snapshots keep."""
        return self.directory / "snapshots"

    @property
    def seed(self) -> Path:
        return self.directory / "seed.iso"

    @property
    def nvram(self) -> Path:
        """The UEFI variables of this incarnation."""
        return self.directory / "nvram.fd"

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
    def events_socket(self) -> Path:
        """A monitor of its own for whoever watches QEMU's events, on the qemu backend: one that
        is listened to serves nobody else."""
        return self.runtime / "events.sock"

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
    firmware: ResolvedFirmware
    network: ResolvedNetwork
    block: Block
    """The author's block with this host's overlay and every default filled in; see `libvirt`."""
    user: str
    """The account that SSH logs in to."""
    ssh_port: int
    """On 127.0.0.1 where the network is a user network, else on the guest's own address."""
    key: str
    """Path of the private key that logs in; empty where nobody has put a key into the guest."""
    oem_strings: tuple[str, ...]
    """SMBIOS type 11 of charly's own, systemd credentials among them; the author's are in
    `libvirt.sysinfo`."""
    autostart: bool
    disposable: bool
    lifecycle: str
    """The author's label, empty without one. It authorises nothing."""
    paths: Paths
    hypervisor: Hypervisor | None = None
    """None for the user's own session and for the qemu backend."""

    @property
    def libvirt(self) -> LibvirtDomain:
        """The block; what is None in it is not in the machine."""
        return self.block.domain

    @property
    def disk_file(self) -> str:
        """The image that the machine writes to, on the host that runs it."""
        return self._file(self.disk_volume, self.paths.overlay)

    @property
    def seed_file(self) -> str:
        return self._file(self.seed_volume, self.paths.seed)

    @property
    def nvram_file(self) -> str:
        return self._file(self.nvram_volume, self.paths.nvram)

    @property
    def disk_volume(self) -> str:
        """The disk's name in a hypervisor's pool, where others may have machines of our name."""
        return f"{self.domain}-{self.uuid[:8]}.qcow2"

    @property
    def seed_volume(self) -> str:
        return f"{self.domain}-{self.uuid[:8]}-seed.iso"

    @property
    def nvram_volume(self) -> str:
        return f"{self.domain}-{self.uuid[:8]}-nvram.fd"

    def _file(self, volume: str, local: Path) -> str:
        return f"{self.hypervisor.directory}/{volume}" if self.hypervisor else str(local)

    @property
    def forwards(self) -> tuple[PortForward, ...]:
        """Every forwarded port, SSH's first; none on a network where the guest has an address."""
        if not self.network.carrier.is_user_network:
            return ()
        return (PortForward(self.ssh_port, 22), *self.network.forwards)
