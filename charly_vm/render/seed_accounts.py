"""`users:` of the seed: the account that charly logs in to, and those of the author."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charly_vm.model.cloud_init import DEFAULT_ACCOUNT, Account

ROOT = "root"
EVERYTHING = "ALL=(ALL) NOPASSWD:ALL"


def render_accounts(
    name: str, *, adopt: bool, keys: Sequence[str], admins: str | None, listed: Sequence[Account]
) -> list[Any]:
    """`adopt` leaves the account to the image, which has it already, and only adds the keys.

    Otherwise it is made, with sudo without a password and as a member of `admins`. What the author
    lists about it comes on top, and the keys behind the author's.
    """
    others = [one for one in listed if one.name not in (name, DEFAULT_ACCOUNT)]
    unsaid = Account.model_construct(name=name)
    theirs = next((one for one in listed if one.name == name), unsaid)
    ours = _render(theirs) if adopt else _own(theirs, admins)
    if authorized := [*theirs.ssh_authorized_keys, *keys]:
        ours["ssh_authorized_keys"] = authorized
    wants_default = adopt and name != ROOT
    if wants_default or any(one.name == DEFAULT_ACCOUNT for one in listed):
        # cloud-init makes the account of this name from the image's own configuration.
        return [DEFAULT_ACCOUNT, ours, *map(_render, others)]
    return [ours, *map(_render, others)]


def _own(theirs: Account, admins: str | None) -> dict[str, Any]:
    """Our account in full; sudo, the shell and the password are as the author says, if they do."""
    entry = _render(theirs)
    if groups := list(dict.fromkeys([*([admins] if admins else []), *theirs.groups])):
        entry["groups"] = groups
    if theirs.sudo is None:
        entry["sudo"] = EVERYTHING
    entry.setdefault("shell", "/bin/bash")
    if not theirs.lock_passwd:
        # No password matches "*", and unlike the "!" of a locked one it lets sshd accept keys
        # where PAM is off.
        entry["lock_passwd"] = False
        entry["hashed_passwd"] = "*"
    return entry


def _render(account: Account) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": account.name}
    if account.groups:
        entry["groups"] = list(account.groups)
    if account.sudo is True:
        entry["sudo"] = EVERYTHING
    elif account.sudo:
        # As one rule of sudoers(5), in which a colon stands between several: cloud-init's schema
        # allows a list only since version 24.
        entry["sudo"] = " : ".join(account.sudo)
    if account.shell is not None:
        entry["shell"] = account.shell
    if account.lock_passwd is not None:
        entry["lock_passwd"] = account.lock_passwd
    if account.ssh_authorized_keys:
        entry["ssh_authorized_keys"] = list(account.ssh_authorized_keys)
    return entry
