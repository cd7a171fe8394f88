"""The NoCloud documents that make a guest ours: its name, its user, its keys, the author's wishes.

Valid for cloud-init 22.4 (Debian 12) to 25.x. Written with `yaml.safe_dump`, which quotes what
cloud-init's YAML 1.1 would misread (`on`, MAC addresses, `12:30`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from charly_vm.model.cloud_init import CloudInit, GuestNetwork, WriteFile
from charly_vm.model.distribution import Distribution
from charly_vm.render.seed_accounts import ROOT, render_accounts
from charly_vm.render.seed_install import render_install
from charly_vm.render.seed_merge import merge
from charly_vm.render.seed_mirrors import render_mirrors
from charly_vm.render.seed_packages import ENABLE_SSHD, plan_installation

META_DATA = "meta-data"
USER_DATA = "user-data"
NETWORK_CONFIG = "network-config"

NOTHING = CloudInit()


def render_seed(
    *,
    domain_uuid: str,
    hostname: str,
    user: str,
    adopt: bool,
    authorized_keys: Sequence[str],
    host_key_private: str,
    host_key_public: str,
    cloud_init: CloudInit = NOTHING,
    distribution: Distribution | None = None,
    installed: Collection[str] | None = (),
    key_command: str | None = None,
    copied_digest: str = "",
) -> dict[str, str]:
    """The seed's files by name.

    `adopt` says that the image has the account. `installed` are the packages that the image was
    built with, None where somebody else built it. `key_command` gives the account a key that comes
    by another way. `copied_digest` is of the program that was put on the seed, in SHA-256. The host
    key is the guest's only one, so that its first connection can be verified. The instance-id
    changes with the documents and not otherwise: cloud-init then runs again on a kept disk.
    """
    family = distribution.family if distribution else None
    accounts = render_accounts(
        user,
        adopt=adopt,
        keys=authorized_keys,
        admins=family.admins if family else None,
        listed=cloud_init.users,
    )
    # cloud-init's own default is to refuse root's logins.
    root = {"disable_root": False} if user == ROOT else {}
    installation = plan_installation(cloud_init.package, installed, family)
    commands = [
        *installation.commands,
        ENABLE_SSHD,
        *([key_command] if key_command else []),
        *render_install(cloud_init.charly_install, copied_digest=copied_digest),
    ]
    parts = (
        {"users": accounts, **root},
        _render_machine(host_key_private, host_key_public),
        render_mirrors(cloud_init.mirrors, distribution),
        {"packages": installation.packages} if installation.packages else {},
        {"runcmd": commands},
        _render_wishes(cloud_init),
        cloud_init.extra,
    )
    user_data = "#cloud-config\n" + _dump(functools.reduce(merge, parts, {}))
    documents = {USER_DATA: user_data}
    if cloud_init.network is not None:
        documents[NETWORK_CONFIG] = _dump(_render_network(cloud_init.network))
    identity = f"{domain_uuid}-{_digest(hostname, *documents.values())}"
    meta_data = _dump({"instance-id": identity, "local-hostname": hostname})
    return {META_DATA: meta_data, **documents}


def _render_machine(host_key_private: str, host_key_public: str) -> dict[str, Any]:
    return {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key_private, "ed25519_public": host_key_public},
        "ssh": {"emit_keys_to_console": False},
        "growpart": {"mode": "auto", "devices": ["/"]},
        "resize_rootfs": True,
    }


def _render_wishes(cloud_init: CloudInit) -> dict[str, Any]:
    """What the author's block says in cloud-init's own words."""
    wishes: dict[str, Any] = {
        "timezone": cloud_init.timezone,
        "locale": cloud_init.locale,
        "write_files": [_render_file(file) for file in cloud_init.write_files],
        "bootcmd": _render_commands(cloud_init.bootcmd),
        "runcmd": _render_commands(cloud_init.runcmd),
    }
    return {key: value for key, value in wishes.items() if value}


def _render_commands(commands: Sequence[str | Sequence[str]]) -> list[str | list[str]]:
    return [command if isinstance(command, str) else list(command) for command in commands]


def _render_file(file: WriteFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": file.path, "content": file.content}
    if file.encoding is not None:
        entry["encoding"] = file.encoding
    if file.owner is not None:
        entry["owner"] = file.owner
    if not file.belongs_to_root:
        # Files come before accounts and packages. Late enough, and still before runcmd:
        entry["defer"] = True
    if file.perms is not None:
        entry["permissions"] = file.perms
    return entry


def _render_network(network: GuestNetwork) -> dict[str, Any]:
    cards = {
        name: card.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, card in network.ethernets.items()
    }
    return {"version": network.version, "ethernets": cards}


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _dump(document: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=1000)
    return text
