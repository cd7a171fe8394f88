"""What is seen of a machine while it runs: its graphics, its events, and who else is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveGraphics:
    """One way to the screen, as the emulator serves it now.

    Ports are 0 and texts empty where there is none; a server listens either at an address or at a
    socket of the host's.
    """

    type: str
    """vnc, spice, or what else libvirt knows."""
    address: str = ""
    port: int = 0
    tls_port: int = 0
    socket: str = ""
    has_password: bool = False
    """Whether a viewer is asked for one."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a running domain has. `memory` is in bytes.

    `uptime` is how long its emulator has been running, in seconds; None where the emulator is on
    another host, whose processes are not seen from here.
    """

    vcpus: int
    memory: int
    graphics: tuple[LiveGraphics, ...]
    uptime: float | None


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something that happened to a domain. `time` is seconds since the epoch, on this host."""

    time: float
    event: str
    """One of `EVENTS`, or on the qemu backend any other event of QEMU's."""
    detail: str


EVENTS = (
    "agent-lifecycle",
    "balloon-change",
    "block-job",
    "block-threshold",
    "channel-lifecycle",
    "control-error",
    "device-added",
    "device-removal-failed",
    "device-removed",
    "disconnected",
    "disk-change",
    "graphics",
    "io-error",
    "job-completed",
    "lifecycle",
    "memory-device-size-change",
    "memory-failure",
    "metadata-change",
    "migration-iteration",
    "nic-mac-change",
    "pm-suspend",
    "pm-suspend-disk",
    "pm-wakeup",
    "reboot",
    "rtc-change",
    "tray-change",
    "tunable",
    "vcpu-removed",
    "watchdog",
)
"""The names of `virsh event --list`, and `disconnected`, behind which nothing more is heard."""
