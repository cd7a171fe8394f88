"""Looking at this host once per process: the facts that everything is decided from."""

from __future__ import annotations

import functools
import os
import platform
import re
import socket

from charly_vm.backend.libvirt_session import probe_libvirt
from charly_vm.errors import HostError
from charly_vm.host.accelerators import probe_accelerators
from charly_vm.host.facts import Facts, LibvirtFacts, QemuFacts
from charly_vm.host.process import find_tool, run

BACKENDS = ("auto", "libvirt", "qemu")


@functools.cache
def survey() -> Facts:
    """What this host can do. Asks libvirt, which starts its session daemon where there is none."""
    architecture = platform.machine()
    qemu = find_qemu(architecture)
    libvirt: LibvirtFacts | None = None
    reason = "root has no libvirt session"
    if os.getuid() != 0 or os.environ.get("CHARLY_LIBVIRT_URI"):
        answer = probe_libvirt()
        if isinstance(answer, LibvirtFacts):
            libvirt, reason = answer, ""
        else:
            reason = answer
    return Facts(
        hostname=socket.gethostname(),
        architecture=architecture,
        uid=os.getuid(),
        accelerators=probe_accelerators(qemu.binary, architecture) if qemu else (),
        qemu=qemu,
        libvirt=libvirt,
        libvirt_reason=reason,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cpus=len(os.sched_getaffinity(0)),
    )


def wanted_backend() -> str:
    """The user's default: `auto`, `libvirt` or `qemu`, from CHARLY_VM_BACKEND."""
    wanted = os.environ.get("CHARLY_VM_BACKEND") or "auto"
    if wanted not in BACKENDS:
        raise HostError(f"CHARLY_VM_BACKEND is {wanted!r}", hint=f"known are {', '.join(BACKENDS)}")
    return wanted


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
        shown = run([binary, "--version"], timeout=20, what=f"{name} --version").stdout
        match = re.search(r"version (\d+(?:\.\d+)*)", shown)
        version = tuple(int(part) for part in match[1].split(".")) if match else ()
        return QemuFacts(str(binary), version)
    return None
