"""The password of a viewer, on every backend: which server it is for, and keeping it secret."""

from __future__ import annotations

from collections.abc import Sequence

from charly_vm.errors import StateError

KINDS = ("vnc", "spice")
"""What QEMU's set_password knows."""
NO_PASSWORD_YET = (
    "QEMU changes a password only where the machine has started with one: `passwd:` of its "
    "`graphics` under `libvirt: {devices: …}`"
)


def choose_server(name: str, there: Sequence[str], kind: str) -> str:
    """Which kind of server is meant, of those that a machine has. Raises `StateError`."""
    servers = [one for one in there if one in KINDS]
    shown = ", ".join(dict.fromkeys(there)) or "none"
    if kind:
        if kind in servers:
            return kind
        raise StateError(
            f"{name} has no {kind} server whose password could be changed (its graphics: {shown})"
        )
    if not servers:
        raise StateError(
            f"{name} has no VNC or SPICE server, so there is no password to change "
            f"(its graphics: {shown})",
            hint="`graphics: {type: spice, passwd: …}` under `libvirt: {devices: …}` makes one",
        )
    if len(set(servers)) > 1:
        raise StateError(f"{name} has several servers: say which one ({shown})")
    return servers[0]


def refuse_password(name: str, kind: str, words: str, password: str) -> StateError:
    """The error where the hypervisor would not have a password, without the password in it.

    To be raised `from None`: what the libraries raise holds what they were given.
    """
    safe = words.replace(password, "***") if password else words
    return StateError(
        f"the {kind} password of {name} cannot be changed: {safe}", hint=NO_PASSWORD_YET
    )
