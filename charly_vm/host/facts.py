"""What this host can do, looked at once and then only read.

`charly_vm.machine.survey` fills the record in; everything that decides takes it as an argument,
so that every decision can be tested without a host.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from charly_vm.host.bridges import ANY_BRIDGE, NO_BRIDGES, Bridges
from charly_vm.host.subordinate_ids import HostUser


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One of QEMU's accelerators (`kvm`, `tcg`) and whether guest code really ran under it."""

    name: str
    works: bool
    reason: str


@dataclass(frozen=True, slots=True)
class QemuFacts:
    """An emulator: its path and version, as in (7, 2, 22)."""

    binary: str
    version: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Emulator:
    """What runs guests of one architecture."""

    architecture: str
    qemu: QemuFacts
    accelerators: tuple[Accelerator, ...]
    """The order of preference: the first that works is used."""

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerator that machines get."""
        return next((one for one in self.accelerators if one.works), None)


@dataclass(frozen=True, slots=True)
class Firmware:
    """UEFI firmware in two files: code that all machines share, and the variables of a new one."""

    architecture: str
    machines: tuple[str, ...]
    """Patterns of QEMU's versioned machine types, such as pc-q35-*."""
    code: str
    vars_template: str
    format: str
    """Of both files: raw or qcow2."""
    secure_boot: bool
    """Whether it can verify what it boots."""
    keys_enrolled: bool
    """Whether it does so from the first boot on: the template holds keys."""
    smm: bool
    """Whether it runs only with system management mode."""


@dataclass(frozen=True, slots=True)
class HypervisorFacts:
    """Another libvirt than the user's own session, and the host that it runs on, as it says it."""

    hop: str
    """How ssh names its host (`ssh://user@host:port`), empty for this one."""
    hostname: str
    architecture: str
    memory: int
    """Bytes; 0 where libvirt cannot tell, as with `cpus`."""
    cpus: int
    emulators: tuple[Emulator, ...]
    pool: str
    """The name of the storage pool that machines use."""
    pool_directory: str
    """Where it keeps its volumes; empty where it cannot be used."""
    pool_obstacle: str = ""
    """Why it cannot be used, empty where it can."""
    pool_hint: str = ""
    bridges: Bridges = ANY_BRIDGE


@dataclass(frozen=True, slots=True)
class LibvirtFacts:
    """What a libvirt connection offers. `uri` is the one that answered."""

    uri: str
    version: tuple[int, int, int]
    domain_types: tuple[str, ...]
    """`kvm`, `qemu`: from the capabilities; says what libvirt would try, not what works."""
    passt: bool
    """Whether `<backend type='passt'/>` is accepted and the program is there."""
    networks: tuple[str, ...] = ()
    """The names of libvirt's active networks."""
    idle_networks: tuple[str, ...] = ()
    """Those of the networks that are defined and not active."""
    networks_obstacle: str = ""
    """Why libvirt cannot tell its networks, empty where it can."""
    hypervisor: HypervisorFacts | None = None
    """None for the user's own session, which runs machines on this host as the user."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One host at one moment."""

    hostname: str
    architecture: str
    """As `uname -m` says it: x86_64, aarch64."""
    uid: int
    accelerators: tuple[Accelerator, ...]
    """The order of preference: the first that works is used."""
    qemu: QemuFacts | None
    libvirt: LibvirtFacts | None
    libvirt_reason: str = ""
    """Why `libvirt` is None."""
    libvirt_hint: str = ""
    """What helps, where that is something else than to start its daemon."""
    hypervisor_uri: str = ""
    """The other libvirt that the user has chosen, empty for the user's own session."""
    memory: int = 0
    """Bytes of RAM."""
    cpus: int = 1
    bridges: Bridges = NO_BRIDGES
    firmware: tuple[Firmware, ...] = ()
    """The order of preference."""
    libvirt_chooses_firmware: bool = False
    """Whether it does, from what its own host has, which we cannot see."""
    user: HostUser | None = None
    """Who runs machines; None where nobody's ids are known."""
    virtiofsd: str = ""
    """The program's path, empty where none is installed."""
    foreign: tuple[Emulator, ...] = ()
    """Of other architectures than the host's, as far as they have been asked for."""

    def behind_libvirt(self) -> Facts:
        """The facts of the host that libvirt's machines run on, which may be another one."""
        there = self.libvirt and self.libvirt.hypervisor
        if not there:
            return self
        emulators = {one.architecture: one for one in there.emulators}
        native = emulators.pop(there.architecture, None)
        return replace(
            self,
            hostname=there.hostname,
            architecture=there.architecture,
            accelerators=native.accelerators if native else (),
            qemu=native.qemu if native else None,
            memory=there.memory,
            cpus=there.cpus,
            bridges=there.bridges,
            firmware=(),
            user=None,
            libvirt_chooses_firmware=True,
            foreign=tuple(emulators.values()),
        )

    def emulator(self, architecture: str) -> Emulator | None:
        """What runs guests of an architecture here, or None where it is not installed."""
        if architecture == self.architecture and self.qemu is not None:
            return Emulator(architecture, self.qemu, self.accelerators)
        return next((one for one in self.foreign if one.architecture == architecture), None)

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerator that machines get."""
        return next((one for one in self.accelerators if one.works), None)
