"""The NoCloud documents that make a guest ours: its name, its user, its keys.

Valid for cloud-init 22.4 (Debian 12) to 25.x. Written with `yaml.safe_dump`, which quotes what
cloud-init's YAML 1.1 would misread (`on`, MAC addresses, `12:30`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

META_DATA = "meta-data"
USER_DATA = "user-data"


def render_seed(
    *,
    domain_uuid: str,
    hostname: str,
    user: str,
    adopt: bool,
    authorized_keys: Sequence[str],
    host_key_private: str,
    host_key_public: str,
    admin_group: str = "sudo",
) -> dict[str, str]:
    """The seed's files by name.

    `adopt` leaves the account to the image, which has it already, and only adds the keys.
    Otherwise the account is made, with sudo without a password and as a member of `admin_group`
    (`wheel` outside the Debian family). The host key is the guest's only one, so that its first
    connection can be verified. The instance-id changes with the documents and not otherwise:
    cloud-init then runs again on a kept disk.
    """
    account = (
        _adopted_account(user, authorized_keys)
        if adopt
        else _own_account(user, authorized_keys, admin_group)
    )
    user_data = "#cloud-config\n" + _dump(
        {
            "users": ["default", account] if adopt else [account],
            "ssh_deletekeys": True,
            "ssh_keys": {
                "ed25519_private": host_key_private,
                "ed25519_public": host_key_public,
            },
            "ssh": {"emit_keys_to_console": False},
            "growpart": {"mode": "auto", "devices": ["/"]},
            "resize_rootfs": True,
        }
    )
    instance_id = f"{domain_uuid}-{_digest(hostname, user_data)}"
    meta_data = _dump({"instance-id": instance_id, "local-hostname": hostname})
    return {META_DATA: meta_data, USER_DATA: user_data}


def _adopted_account(name: str, keys: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "ssh_authorized_keys": list(keys)}


def _own_account(name: str, keys: Sequence[str], admin_group: str) -> dict[str, Any]:
    return {
        "name": name,
        "groups": [admin_group],
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "shell": "/bin/bash",
        # No password matches "*", and unlike the "!" of a locked one it lets sshd accept keys
        # where PAM is off.
        "lock_passwd": False,
        "hashed_passwd": "*",
        "ssh_authorized_keys": list(keys),
    }


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _dump(document: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=1000)
    return text
