"""What this host has, what each thing is for, and how to get what is missing."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from pathlib import Path

from charly_vm.host.facts import Facts
from charly_vm.host.process import find_tool
from charly_vm.machine.survey import survey
from charly_vm.model.resolve import NO_DAEMON_HINT

TOOLS = {
    "qemu-img": ("disks and overlays", "qemu-utils"),
    "ssh": ("charly vm ssh", "openssh-client"),
    "mmdebstrap": ("disks of kind bootstrap", "mmdebstrap"),
    "sfdisk": ("disks of kind bootstrap", "fdisk"),
    "mke2fs": ("disks of kind bootstrap", "e2fsprogs"),
    "setpriv": ("disks of kind bootstrap", "util-linux"),
    "mcopy": ("disks of kind bootstrap", "mtools"),
    "grub-mkimage": ("disks of kind bootstrap", "grub-common grub-pc-bin grub-efi-amd64-bin"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table. `fix` is empty where nothing is missing."""

    name: str
    good: bool
    found: str
    enables: str
    fix: str = ""
    needed: bool = False
    """Whether no bed at all can run without it."""


def examine() -> list[Finding]:
    """Look at everything that the engine needs."""
    facts = survey()
    findings = [_qemu(facts), *_accelerators(facts), _libvirt(facts), _passt(facts)]
    for tool, (enables, package) in TOOLS.items():
        path = find_tool(tool)
        findings.append(
            Finding(
                tool,
                path is not None,
                str(path or "not found"),
                enables,
                "" if path else f"install {package}",
                needed=tool == "qemu-img",
            )
        )
    if not facts.is_root:
        findings.append(_subordinate_ids())
    return findings


def _qemu(facts: Facts) -> Finding:
    name = f"qemu-system-{facts.architecture}"
    if facts.qemu is None:
        fix = "install qemu-system-x86 (apt), qemu-kvm (dnf) or qemu-desktop (pacman)"
        return Finding(name, False, "not found", "running machines", fix, needed=True)
    version = ".".join(map(str, facts.qemu.version))
    return Finding(name, True, f"{version}, {facts.qemu.binary}", "running machines", needed=True)


def _accelerators(facts: Facts) -> list[Finding]:
    enables = {"kvm": "guests at full speed", "tcg": "guests without KVM, about ten times slower"}
    chosen = facts.accelerator
    return [
        Finding(
            f"accelerator {one.name}" + (" (in use)" if one == chosen else ""),
            one.works,
            one.reason,
            enables.get(one.name, ""),
        )
        for one in facts.accelerators
    ]


def _libvirt(facts: Facts) -> Finding:
    enables = "the libvirt backend"
    if facts.libvirt is not None:
        version = ".".join(map(str, facts.libvirt.version))
        return Finding("libvirt session", True, f"{version}, {facts.libvirt.uri}", enables)
    fix = "run charly as an ordinary user" if facts.is_root else NO_DAEMON_HINT
    return Finding("libvirt session", False, facts.libvirt_reason, enables, fix)


def _passt(facts: Facts) -> Finding:
    offered = facts.libvirt is not None and facts.libvirt.passt
    found = "offered by libvirt" if offered else "not on offer; QEMU's own user network is used"
    return Finding("passt", offered, found, "libvirt's portForward")


def _subordinate_ids() -> Finding:
    user, missing = getpass.getuser(), []
    for file in ("/etc/subuid", "/etc/subgid"):
        try:
            lines = Path(file).read_text().splitlines()
        except OSError:
            lines = []
        if not any(line.split(":")[0] in (user, str(os.getuid())) for line in lines):
            missing.append(file)
    if find_tool("newuidmap") is None:
        missing.append("newuidmap")
    fix = f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
    if "newuidmap" in missing:
        fix = f"install uidmap (apt) or shadow (others); {fix}"
    found = f"missing: {', '.join(missing)}" if missing else "present"
    enables = "disks of kind bootstrap without root"
    return Finding("subordinate ids", not missing, found, enables, fix if missing else "")
