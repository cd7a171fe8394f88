"""What disks and seeds are made with."""

from __future__ import annotations

import os

from charly_vm.disk.emulation import ELF_MACHINES, emulated
from charly_vm.disk.seed_schema import SCHEMAS, VARIABLE, find_schemas
from charly_vm.errors import CharlyError, HostError
from charly_vm.host.facts import Facts
from charly_vm.host.package_manager import PackageManager, PackageNames
from charly_vm.host.process import find_tool
from charly_vm.machine.doctor.finding import Finding, examine_tool, render_sudo
from charly_vm.machine.packages import BOOTSTRAP, IMAGE_TOOLS

QEMU_USER = PackageNames("qemu-user-static", "qemu-user-static", "qemu-user-static-binfmt")
CLOUD_INIT = PackageNames("cloud-init", "cloud-init", "cloud-init")


def examine_disks(facts: Facts, packages: PackageManager) -> list[Finding]:
    """Images, bootstrapping for each architecture that there is any for, and seeds."""
    image_tools = packages.render_install(IMAGE_TOOLS)
    programs = [name for name in BOOTSTRAP if not (name == "newuidmap" and facts.is_root)]
    return [
        examine_tool("disks", "qemu-img", "disks, overlays, snapshots", image_tools, needed=True),
        *(
            examine_tool(
                "disks", name, "disks of kind bootstrap", packages.render_install(BOOTSTRAP[name])
            )
            for name in programs
        ),
        *(
            _foreign_programs(architecture, facts, packages)
            for architecture in ELF_MACHINES
            if architecture != facts.architecture
        ),
        _schema(packages),
    ]


def _foreign_programs(architecture: str, facts: Facts, packages: PackageManager) -> Finding:
    name = f"programs of {architecture}"
    enables = f"disks of kind bootstrap with `arch: {architecture}`"
    try:
        registers = emulated(["true"], architecture) != ["true"]
    except CharlyError as error:
        # What is installed without being registered has missed the start of the host.
        installed = find_tool(f"qemu-{architecture}-static") is not None
        restart = f"{render_sudo(facts)}systemctl restart systemd-binfmt"
        fix = restart if installed else packages.render_install(QEMU_USER)
        return Finding("disks", name, False, error.message, enables, fix)
    found = "by an interpreter of each build's own" if registers else "run on the whole host"
    return Finding("disks", name, True, found, enables)


def _schema(packages: PackageManager) -> Finding:
    name, enables = "cloud-init's schema", "cloud-init's own opinion of a seed before it boots"
    try:
        schemas = find_schemas()
    except HostError as error:
        return Finding("disks", name, False, error.message, enables, error.hint)
    if os.environ.get(VARIABLE) == "none":
        return Finding("disks", name, False, "switched off", enables, f"unset {VARIABLE}")
    if schemas is None:
        fix = packages.render_install(CLOUD_INIT)
        return Finding("disks", name, False, "not found", enables, fix)
    missing = [document for document, file in SCHEMAS.items() if not (schemas / file).is_file()]
    without = f", without {', '.join(missing)}" if missing else ""
    return Finding("disks", name, True, f"{schemas}{without}", enables)
