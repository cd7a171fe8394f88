"""Whether guests can be put on a bridge of this host, and what would allow it."""

from __future__ import annotations

import shlex
from dataclasses import replace

from charly_vm.host.bridges import CONFIGURATION, Bridges
from charly_vm.host.facts import Facts
from charly_vm.host.package_manager import PackageManager, PackageNames
from charly_vm.machine.doctor.finding import Finding, render_sudo

BRIDGE_HELPER = PackageNames("qemu-system-common", "qemu-common", "qemu-common")

_ENABLES = "`network: {mode: bridge}`"


def examine_bridges(facts: Facts, packages: PackageManager) -> list[Finding]:
    """qemu-bridge-helper, and the bridges that it may use."""
    return [_helper(facts, packages), _allowed(facts)]


def _helper(facts: Facts, packages: PackageManager) -> Finding:
    bridges, name = facts.bridges, "qemu-bridge-helper"
    if not bridges.helper:
        fix = packages.render_install(BRIDGE_HELPER)
        return Finding("network", name, False, "not found", _ENABLES, fix)
    if not bridges.privileged:
        found = f"{bridges.helper}, not setuid root"
        fix = render_sudo(facts) + _render_setuid(bridges.helper, packages)
        return Finding("network", name, False, found, _ENABLES, fix)
    rights = "as root" if facts.is_root else "setuid root"
    return Finding("network", name, True, f"{bridges.helper}, {rights}", _ENABLES)


def _render_setuid(helper: str, packages: PackageManager) -> str:
    # The next upgrade of the package would take a plain setuid bit away.
    if packages.name == "apt":
        return f"dpkg-statoverride --update --add root root 4755 {helper}"
    return f"chmod u+s {helper}"


def _allowed(facts: Facts) -> Finding:
    bridges = facts.bridges
    usable = [name for name in bridges.names if _is_allowed(name, bridges)]
    others = [name for name in bridges.names if name not in usable]
    if not bridges.names:
        allowed = ", ".join(bridges.allowed) or "none"
        found = f"this host has no bridge; /{CONFIGURATION} allows {allowed}"
    else:
        parts = [("allowed", usable), ("not allowed", others)]
        found = "; ".join(f"{words}: {', '.join(names)}" for words, names in parts if names)
    fix = "" if usable else _render_allowing(bridges, render_sudo(facts))
    return Finding("network", "bridges", bool(usable), found, _ENABLES, fix)


def _is_allowed(name: str, bridges: Bridges) -> bool:
    """Whether the file allows it, whatever is the matter with the helper."""
    return not replace(bridges, helper="/", privileged=True).obstacle(name)


def _render_allowing(bridges: Bridges, sudo: str) -> str:
    """For the first bridge that the file does not deny; made first where there is none."""
    if "all" in bridges.denied:
        return f"take `deny all` out of /{CONFIGURATION}"
    allow = f"{sudo}mkdir -p /etc/qemu && echo {{}} | {sudo}tee -a /{CONFIGURATION}"
    if not bridges.names:
        named = next((name for name in bridges.allowed if name != "all"), "br0")
        make = f"{sudo}ip link add {named} type bridge && {sudo}ip link set {named} up"
        if _is_allowed(named, bridges):
            return make
        if named in bridges.denied:
            return f"take `deny {named}` out of /{CONFIGURATION}"
        return f"{make} && {allow.format(shlex.quote(f'allow {named}'))}"
    name = next((name for name in bridges.names if name not in bridges.denied), None)
    if name is None:
        return f"take `deny {bridges.names[0]}` out of /{CONFIGURATION}"
    return allow.format(shlex.quote(f"allow {name}"))
