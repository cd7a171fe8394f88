"""What this host has, what each thing is for, and how to get what is missing."""

from __future__ import annotations

import getpass
import resource

from charly_vm.errors import HostError
from charly_vm.host.accelerators import KVM_DEVICE, find_kvm_obstacle
from charly_vm.host.amounts import format_size
from charly_vm.host.facts import Accelerator, Facts, HypervisorFacts
from charly_vm.host.package_manager import PackageManager, find_package_manager
from charly_vm.host.process import find_tool
from charly_vm.host.subordinate_ids import this_user
from charly_vm.host.user_units import has_user_systemd, lingers
from charly_vm.host.virtiofsd import find_virtiofsd
from charly_vm.machine.doctor.bridges import examine_bridges
from charly_vm.machine.doctor.disks import examine_disks
from charly_vm.machine.doctor.finding import Finding, examine_tool, render_sudo
from charly_vm.machine.doctor.gpu import examine_gpus
from charly_vm.machine.doctor.kvm import render_kvm_fix
from charly_vm.machine.doctor.leases import examine_leases
from charly_vm.machine.packages import (
    EMULATORS,
    FIRMWARE,
    PASST,
    SSH,
    SWTPM,
    TESSERACT,
    VIRSH,
    VIRTIOFSD,
)
from charly_vm.machine.ssh_include import includes_stanzas, user_ssh_config
from charly_vm.machine.survey import find_qemu, survey
from charly_vm.model.resolve import NO_DAEMON_HINT


def examine() -> list[Finding]:
    """Look at everything that the engine needs."""
    facts, packages = survey(), find_package_manager()
    return [
        *_emulators(facts, packages),
        *_accelerators(facts),
        *_libvirt(facts, packages),
        *_firmware(facts, packages),
        examine_tool("devices", "swtpm", "a TPM in the guest", packages.render_install(SWTPM)),
        _virtiofsd(packages),
        *examine_bridges(facts, packages),
        *examine_disks(facts, packages),
        *examine_leases(),
        *examine_gpus(),
        *_user(facts),
        *_ssh(packages),
        examine_tool(
            "checks",
            "tesseract",
            "the text on a screen (wait-for-text)",
            packages.render_install(TESSERACT),
        ),
    ]


def is_hopeless(findings: list[Finding]) -> bool:
    """Whether no bed could run here."""
    accelerators = [one.good for one in findings if one.section == "accelerators"]
    return any(one.needed and not one.good for one in findings) or not any(accelerators)


def _emulators(facts: Facts, packages: PackageManager) -> list[Finding]:
    findings = []
    for architecture, names in EMULATORS.items():
        native = architecture == facts.architecture
        qemu = facts.qemu if native else find_qemu(architecture)
        found = f"{'.'.join(map(str, qemu.version))}, {qemu.binary}" if qemu else "not found"
        findings.append(
            Finding(
                "emulators",
                f"qemu-system-{architecture}",
                qemu is not None,
                found,
                "running machines" if native else f"machines with `arch: {architecture}`",
                "" if qemu else packages.render_install(names),
                needed=native and _elsewhere(facts) is None,
            )
        )
    return findings


def _accelerators(facts: Facts) -> list[Finding]:
    chosen, there = facts.accelerator, _elsewhere(facts)
    findings = [
        _accelerator(one, " (in use)" if one == chosen else "", render_sudo(facts))
        for one in facts.accelerators or (_untried_kvm(),)
    ]
    if there is not None:
        native = facts.behind_libvirt().accelerators
        findings += [_accelerator(one, f" of {there.hostname}") for one in native]
    return findings


def _accelerator(one: Accelerator, addition: str, sudo: str | None = None) -> Finding:
    """`sudo` is what this host's commands for root begin with, None for another host's."""
    enables = {"kvm": "guests at full speed", "tcg": "guests without KVM, about ten times slower"}
    lacks_kvm = one.name == "kvm" and not one.works
    return Finding(
        "accelerators",
        f"accelerator {one.name}{addition}",
        one.works,
        one.reason,
        enables.get(one.name, ""),
        render_kvm_fix(sudo) if lacks_kvm and sudo is not None else "",
    )


def _elsewhere(facts: Facts) -> HypervisorFacts | None:
    """The other hypervisor, where machines can be had without an emulator of this host's."""
    there = facts.libvirt.hypervisor if facts.libvirt else None
    return there if there and not there.pool_obstacle else None


def _untried_kvm() -> Accelerator:
    """Without an emulator: what will be in its way once it is installed can be told already."""
    obstacle = find_kvm_obstacle(KVM_DEVICE)
    return Accelerator("kvm", False, obstacle or "not tried: there is no emulator to try it with")


def _libvirt(facts: Facts, packages: PackageManager) -> list[Finding]:
    enables = "the libvirt backend"
    session = Finding(
        "libvirt",
        "libvirt session",
        facts.libvirt is not None,
        facts.libvirt_reason,
        enables,
        "run charly as an ordinary user" if facts.is_root else facts.libvirt_hint or NO_DAEMON_HINT,
    )
    if facts.libvirt is not None:
        version = ".".join(map(str, facts.libvirt.version))
        session = Finding(
            "libvirt", "libvirt session", True, f"{version}, {facts.libvirt.uri}", enables
        )
    return [
        session,
        _bindings(),
        examine_tool("libvirt", "virsh", "autostart", packages.render_install(VIRSH)),
        _passt(facts, packages),
    ]


def _bindings() -> Finding:
    from charly_vm.backend.libvirt_binding import import_libvirt

    name, enables = "libvirt for Python", "the libvirt backend"
    try:
        number = import_libvirt().getVersion()
    except HostError as error:
        return Finding("libvirt", name, False, error.message, enables, error.hint)
    version = f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
    return Finding("libvirt", name, True, f"with libvirt {version}", enables)


def _passt(facts: Facts, packages: PackageManager) -> Finding:
    offered = facts.libvirt is not None and facts.libvirt.passt
    program = find_tool("passt")
    found = "not on offer; QEMU's own user network is used"
    if offered:
        found = f"offered by libvirt, {program}" if program else "offered by libvirt"
    fix = "" if program else packages.render_install(PASST)
    if program and facts.libvirt is not None and not offered:
        fix = "needs libvirt 9.2 or later, and user namespaces"
    return Finding("libvirt", "passt", offered, found, "libvirt's portForward", fix)


def _firmware(facts: Facts, packages: PackageManager) -> list[Finding]:
    findings = []
    for architecture, names in FIRMWARE.items():
        native = architecture == facts.architecture
        if not native and find_qemu(architecture) is None:
            continue
        pairs = [one for one in facts.firmware if one.architecture == architecture]
        plain = next((one.code for one in pairs if not one.secure_boot), "")
        enables = "`firmware: uefi-insecure`" if native else f"machines with `arch: {architecture}`"
        fix = packages.render_install(names)
        name = f"UEFI firmware, {architecture}"
        findings.append(
            Finding(
                "firmware", name, bool(plain), plain or "not found", enables, "" if plain else fix
            )
        )
        if not native:
            continue
        secure = next((one.code for one in pairs if one.secure_boot and one.keys_enrolled), "")
        findings.append(
            Finding(
                "firmware",
                f"with Secure Boot, {architecture}",
                bool(secure),
                secure or "not found",
                "`firmware: uefi-secure`",
                "" if secure else fix,
            )
        )
    return findings


def _virtiofsd(packages: PackageManager) -> Finding:
    path = find_virtiofsd()
    fix = "" if path else packages.render_install(VIRTIOFSD)
    enables = "directories of this host in the guest"
    return Finding("devices", "virtiofsd", bool(path), path or "not found", enables, fix)


def _user(facts: Facts) -> list[Finding]:
    user = getpass.getuser()
    findings = [_memlock(facts, user)]
    if not facts.is_root:
        findings += [_subordinate_ids(user), _linger(user)]
    return findings


def _memlock(facts: Facts, user: str) -> Finding:
    """VFIO pins all of a guest's RAM, and a GiB more covers QEMU itself."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    unlimited = facts.is_root or limit == resource.RLIM_INFINITY
    good = unlimited or limit >= facts.memory
    line = f"{user} - memlock {facts.memory // 1024}"
    return Finding(
        "user",
        "memlock",
        good,
        "unlimited" if unlimited else format_size(limit),
        "guests with a device of this host (the guest's RAM and 1 GiB)",
        "" if good else f"echo '{line}' | sudo tee /etc/security/limits.d/charly.conf",
    )


def _subordinate_ids(user: str) -> Finding:
    host_user = this_user()
    missing = [
        file
        for file, ids in (("/etc/subuid", host_user.subuids), ("/etc/subgid", host_user.subgids))
        if ids is None
    ]
    return Finding(
        "user",
        "subordinate ids",
        not missing,
        f"missing in {', '.join(missing)}" if missing else "present",
        "disks of kind bootstrap without root",
        f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        if missing
        else "",
    )


def _linger(user: str) -> Finding:
    enables = "`autostart: true`"
    if not has_user_systemd():
        fix = "needs a systemd that runs for this user"
        return Finding("user", "linger", False, "no systemd runs for this user", enables, fix)
    on = lingers()
    fix = "" if on else f"sudo loginctl enable-linger {user}"
    return Finding("user", "linger", on, "on" if on else "off", enables, fix)


def _ssh(packages: PackageManager) -> list[Finding]:
    config = user_ssh_config()
    try:
        included = includes_stanzas(config.read_text())
    except OSError:
        included = False
    return [
        examine_tool("ssh", "ssh", "charly vm ssh", packages.render_install(SSH)),
        Finding(
            "ssh",
            "ssh charly-NAME",
            included,
            f"{config} {'includes' if included else 'does not include'} the machines",
            "plain ssh, scp and rsync to machines",
            "" if included else "charly doctor --fix",
        ),
    ]
