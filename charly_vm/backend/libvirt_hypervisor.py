"""Another libvirt than the user's own session: where it runs, and what its host has.

Its QEMU may be another user's, or on another host: no file of ours means anything to it. What it
says itself is all that is known of it.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.host.accelerators import probe_accelerators
from charly_vm.host.facts import Accelerator, Emulator, HypervisorFacts, QemuFacts
from charly_vm.host.settings import find_value

POOL_TYPES = ("dir", "fs", "netfs")
"""Pools whose volumes are files; in the others an image cannot stand on another one."""


def find_hop(uri: str) -> str:
    """How ssh names the host of a hypervisor; empty where it runs on this one.

    The port in a URI is ssh's only where ssh is what carries the connection.
    """
    parts = urlsplit(uri)
    if not parts.hostname:
        return ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = f"{parts.username}@" if parts.username else ""
    return f"ssh://{user}{name}{_ssh_port(parts)}"


def _ssh_port(parts: SplitResult) -> str:
    carried_by_ssh = parts.scheme.partition("+")[2] in ("ssh", "libssh", "libssh2")
    return f":{parts.port}" if parts.port and carried_by_ssh else ""


def pool_command(uri: str, name: str, directory: str) -> str:
    """The command that makes a storage pool of a directory on the hypervisor's host."""
    steps = (
        f"pool-define-as {name} dir --target {directory}",
        f"pool-build {name}",
        f"pool-autostart {name}",
        f"pool-start {name}",
    )
    return f"virsh -c '{uri}' \"{'; '.join(steps)}\""


def probe_hypervisor(connection: Any, uri: str) -> HypervisorFacts:
    """Ask libvirt about its host."""
    capabilities = connection.getCapabilities()
    architecture = ET.fromstring(capabilities).findtext("host/cpu/arch") or ""
    memory, cpus = _size(connection)
    hop, pool = find_hop(uri), find_value("libvirt.pool").text
    directory, obstacle = _find_pool_directory(connection, pool)
    emulators = find_emulators(capabilities, _qemu_version(connection))
    if not hop:
        emulators = tuple(map(_with_our_own_findings, emulators))
    return HypervisorFacts(
        hop=hop,
        hostname=connection.getHostname(),
        architecture=architecture,
        memory=memory,
        cpus=cpus,
        emulators=emulators,
        pool=pool,
        pool_directory=directory,
        pool_obstacle=obstacle,
        pool_hint="CHARLY_LIBVIRT_POOL names another pool; a new one is made with "
        f"`{pool_command(uri, pool, 'DIRECTORY')}`, where DIRECTORY is on that host",
    )


def find_emulators(capabilities: str, version: tuple[int, ...]) -> tuple[Emulator, ...]:
    """The emulators in libvirt's capabilities, each with the accelerators that it offers there."""
    return tuple(
        Emulator(arch.get("name", ""), QemuFacts(path, version), tuple(_accelerators(arch)))
        for guest in ET.fromstring(capabilities).findall("guest")
        if guest.findtext("os_type") == "hvm"
        for arch in guest.findall("arch")
        if (path := arch.findtext("emulator"))
    )


def _accelerators(arch: ET.Element) -> Iterator[Accelerator]:
    offered = {domain.get("type") for domain in arch.findall("domain")}
    for name, kind in (("kvm", "kvm"), ("tcg", "qemu")):
        if kind in offered:
            yield Accelerator(name, True, "libvirt offers it there")


def _with_our_own_findings(emulator: Emulator) -> Emulator:
    """On this host we can see for ourselves whether KVM works; libvirt only sees that it is there.

    It may be closed to us and open to libvirt, and what libvirt runs may be in a container: then
    libvirt is believed.
    """
    program = Path(emulator.qemu.binary)
    offered = "kvm" in [one.name for one in emulator.accelerators]
    if not (offered and program.exists() and os.access("/dev/kvm", os.R_OK | os.W_OK)):
        return emulator
    ours = probe_accelerators(str(program), emulator.architecture)
    kvm = next((one for one in ours if one.name == "kvm"), None)
    found = tuple(kvm if kvm and one.name == "kvm" else one for one in emulator.accelerators)
    return replace(emulator, accelerators=found)


def _size(connection: Any) -> tuple[int, int]:
    """Bytes of memory and CPUs, 0 where libvirt cannot tell."""
    libvirt = import_libvirt()
    try:
        _, megabytes, cpus = connection.getInfo()[:3]
    except libvirt.libvirtError:
        # In a container sysfs may not say how the processors are laid out.
        return 0, 0
    return megabytes * 1024**2, cpus


def _qemu_version(connection: Any) -> tuple[int, ...]:
    libvirt = import_libvirt()
    try:
        number = connection.getVersion()
    except libvirt.libvirtError:
        # Where there is no emulator of the host's own architecture.
        return ()
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000


def _find_pool_directory(connection: Any, name: str) -> tuple[str, str]:
    """Where a pool keeps its volumes, or the reason in words why it cannot be used."""
    libvirt = import_libvirt()
    try:
        pool = connection.storagePoolLookupByName(name)
        described = ET.fromstring(pool.XMLDesc())
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_POOL:
            return "", f"there is no storage pool {name!r}"
        return "", str(error)
    kind = described.get("type", "")
    if kind not in POOL_TYPES:
        return "", f"the storage pool {name!r} is of type {kind}, whose volumes are no files"
    return described.findtext("target/path") or "", ""
