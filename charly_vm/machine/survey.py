"""Looking at this host once per process: the facts that everything is decided from."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import socket

from charly_vm.backend.libvirt_binding import BINDING_HINT, find_binding
from charly_vm.backend.libvirt_session import SESSION_URI, libvirt_uri, probe_libvirt
from charly_vm.host.accelerators import probe_accelerators
from charly_vm.host.bridges import probe_bridges
from charly_vm.host.facts import Emulator, Facts, LibvirtFacts, QemuFacts
from charly_vm.host.firmware import probe_firmware
from charly_vm.host.probe_rom import PROBE_ROMS
from charly_vm.host.process import find_tool
from charly_vm.host.qemu_version import find_version
from charly_vm.host.settings import find_value
from charly_vm.host.subordinate_ids import this_user
from charly_vm.host.virtiofsd import find_virtiofsd


@functools.cache
def survey(architecture: str | None = None) -> Facts:
    """What this host can do. Asks libvirt, which starts its session daemon where there is none.

    Emulators of other architectures are looked for only when they are asked for.
    """
    if architecture is None:
        return _survey_host()
    facts = survey()
    if architecture == facts.architecture or architecture not in PROBE_ROMS:
        return facts
    qemu = find_qemu(architecture)
    if qemu is None:
        return facts
    emulator = Emulator(architecture, qemu, probe_accelerators(qemu.binary, architecture))
    return dataclasses.replace(facts, foreign=(emulator,))


def _survey_host() -> Facts:
    architecture = platform.machine()
    qemu = find_qemu(architecture)
    libvirt: LibvirtFacts | None = None
    hint = ""
    reason = "root has no libvirt session"
    elsewhere = libvirt_uri() if libvirt_uri() != SESSION_URI else ""
    if os.getuid() != 0 or elsewhere:
        answer = probe_libvirt()
        if isinstance(answer, LibvirtFacts):
            libvirt, reason = answer, ""
        else:
            reason, hint = answer, "" if find_binding() else BINDING_HINT
    return Facts(
        hostname=socket.gethostname(),
        architecture=architecture,
        uid=os.getuid(),
        accelerators=probe_accelerators(qemu.binary, architecture) if qemu else (),
        qemu=qemu,
        libvirt=libvirt,
        libvirt_reason=reason,
        libvirt_hint=hint,
        hypervisor_uri=elsewhere,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cpus=len(os.sched_getaffinity(0)),
        bridges=probe_bridges(),
        firmware=probe_firmware(),
        user=this_user(),
        virtiofsd=find_virtiofsd(),
    )


def wanted_backend() -> str:
    """The user's default: `auto`, `libvirt` or `qemu`, by the setting vm.backend."""
    return find_value("vm.backend").text


def find_qemu(architecture: str) -> QemuFacts | None:
    """The emulator for an architecture, with its version."""
    names = [f"qemu-system-{architecture}"]
    if architecture == platform.machine():
        # Red Hat's family ships the native emulator under this name alone.
        names.append("qemu-kvm")
    for name in names:
        binary = find_tool(name)
        if binary is None:
            continue
        return QemuFacts(str(binary), find_version(binary))
    return None
