"""What a QEMU that does not start says, turned into what a person can do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

from charly_vm.errors import HostError


def _port_in_use(found: re.Match[str]) -> HostError:
    return HostError(
        f"port {found['port']} of 127.0.0.1 is in use by another program",
        hint="choose another port, or let charly choose one: `ssh: {port_auto: true}`, "
        '`port_forwards: ["auto:80"]`',
    )


def _image_locked(found: re.Match[str]) -> HostError:
    return HostError(
        f"another process uses the image {found['path']}",
        hint="a machine writes to its disk alone; `charly vm list -a` shows what runs",
    )


def _file_missing(found: re.Match[str]) -> HostError:
    return HostError(
        f"the file {found['path']} does not exist",
        hint="`charly vm destroy --disk` and `charly vm create` make the machine anew",
    )


def _file_forbidden(found: re.Match[str]) -> HostError:
    return HostError(
        f"QEMU may not open {found['path']}",
        hint="check who owns the file and the directories above it",
    )


def _disk_full(_: re.Match[str]) -> HostError:
    return HostError(
        "no room is left on the disk",
        hint="free some room there; `charly vm prune` removes what no machine needs",
    )


def _no_memory(_: re.Match[str]) -> HostError:
    return HostError(
        "this host has not enough free memory for the machine",
        hint="stop another machine, or lower `ram:`",
    )


def _module_missing(found: re.Match[str]) -> HostError:
    return HostError(
        f"this QEMU comes without {found['module']}, which is in a package of its own",
        hint="install qemu-system-modules-spice (apt), qemu-device-display-qxl and "
        "qemu-ui-spice-core (dnf), or qemu-full (pacman)",
    )


def _device_missing(found: re.Match[str]) -> HostError:
    return HostError(
        f"the PCI device {found['address']} is not there",
        hint="`lspci -D` shows those that are; correct `hostdevs:`",
    )


def _group_not_viable(found: re.Match[str]) -> HostError:
    return HostError(
        f"the PCI device {found['address']} cannot be handed over: its IOMMU group has a device "
        "that another driver uses",
        hint="bind all of the group to vfio-pci; `lspci -nnk` shows the drivers in use",
    )


def _group_closed(found: re.Match[str]) -> HostError:
    return HostError(
        f"QEMU may not open {found['path']}, the IOMMU group of a device that it is to have",
        hint="a udev rule opens it for a group of accounts; `charly vm gpu status` writes one "
        "where the device is a card",
    )


def _memory_not_pinned(_: re.Match[str]) -> HostError:
    return HostError(
        "this account may not pin the guest's memory, to which a device of the host may write",
        hint="raise its memlock limit in /etc/security/limits.d to `ram:` and 1 GiB more, and log "
        "in again; `charly doctor` shows the limit",
    )


def _no_huge_pages(_: re.Match[str]) -> HostError:
    return HostError(
        "this host has not enough free huge pages for the machine",
        hint="reserve some, as in `sysctl vm.nr_hugepages=1024`, or leave `hugepages` away",
    )


def _bridge_refused(_: re.Match[str]) -> HostError:
    return HostError(
        "qemu-bridge-helper did not put the machine on its bridge",
        hint="it has to be setuid root, and /etc/qemu/bridge.conf to say `allow <bridge>`",
    )


_PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], HostError]], ...] = (
    # QEMU's user network, then passt, whose words differ from version to version.
    (r"Could not set up host forwarding rule '(?:tcp|udp):[\d.]+:(?P<port>\d+)-", _port_in_use),
    (r"--(?:tcp|udp)-ports [\d.]+/(?P<port>\d+):.*Failed to bind", _port_in_use),
    (r"Is another process using the image \[(?P<path>.+?)\]\?", _image_locked),
    (r"Could not open '(?P<path>[^']+)': No such file or directory", _file_missing),
    (r"Could not open '(?P<path>[^']+)': Permission denied", _file_forbidden),
    (r"[Cc]annot access storage file '(?P<path>[^']+)'.*No such file or directory", _file_missing),
    (r"[Cc]annot access storage file '(?P<path>[^']+)'.*Permission denied", _file_forbidden),
    (r"There is no option group '(?P<module>spice)'", _module_missing),
    (r"'(?P<module>qxl(?:-vga)?)' is not a valid device model name", _module_missing),
    (r"vfio (?P<address>[0-9a-f:.]+): .*no such host device", _device_missing),
    (r"vfio (?P<address>[0-9a-f:.]+): .*group \d+ is not viable", _group_not_viable),
    (r"vfio [0-9a-f:.]+: .*failed to open (?P<path>\S+): Permission denied", _group_closed),
    (r"(?:_dma_map\(|VFIO_MAP_DMA).*Cannot allocate memory", _memory_not_pinned),
    (r"cannot limit locked memory of process", _memory_not_pinned),
    (r"unable to map backing store for guest RAM", _no_huge_pages),
    (r"bridge helper failed", _bridge_refused),
    (r"No space left on device", _disk_full),
    (r"[Cc]annot (?:set up guest|allocate) memory", _no_memory),
)


def explain_launch_failure(log: str) -> HostError | None:
    """The error that the emulator's words amount to, or None where they are not known."""
    for pattern, explain in _PATTERNS:
        found = re.search(pattern, log)
        if found:
            return explain(found)
    return None
