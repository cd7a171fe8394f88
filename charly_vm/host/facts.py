"""What this host can do, looked at once and then only read.

`charly_vm.machine.survey` fills the record in; everything that decides takes it as an argument,
so that every decision can be tested without a host.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One of QEMU's accelerators (`kvm`, `tcg`) and whether guest code really ran under it."""

    name: str
    works: bool
    reason: str


@dataclass(frozen=True, slots=True)
class QemuFacts:
    """The emulator for the host's architecture: its path and version, as in (7, 2, 22)."""

    binary: str
    version: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LibvirtFacts:
    """What a libvirt connection offers. `uri` is the one that answered."""

    uri: str
    version: tuple[int, int, int]
    domain_types: tuple[str, ...]
    """`kvm`, `qemu`: from the capabilities; says what libvirt would try, not what works."""
    passt: bool
    """Whether `<backend type='passt'/>` is accepted and the program is there."""


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
    memory: int = 0
    """Bytes of RAM."""
    cpus: int = 1

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerator that machines get."""
        return next((one for one in self.accelerators if one.works), None)
