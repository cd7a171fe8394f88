"""cloud-init documents: golden files, cloud-init's own schema, and what its YAML reader makes of
any name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.disk.seed_schema import find_schemas, find_violations
from charly_vm.model.cloud_init import CloudInit
from charly_vm.model.distribution import FAMILIES, Distribution
from charly_vm.render.cloud_init import META_DATA, NETWORK_CONFIG, USER_DATA, render_seed

Golden = Callable[[str, str], Path]

PRIVATE = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)
KEY = "ssh-ed25519 AAAAC3Nza1 charly@check-debian-vm"
SEED: dict[str, Any] = {
    "domain_uuid": "5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
    "hostname": "charly-check-debian-vm",
    "user": "charly",
    "adopt": False,
    "authorized_keys": [KEY],
    "host_key_private": PRIVATE,
    "host_key_public": "ssh-ed25519 AAAAC3Nza2 charly-check-debian-vm",
}
EVERYTHING = {
    "timezone": "Europe/Vienna",
    "locale": "en_GB.UTF-8",
    "users": [
        "default",
        {"name": "charly", "groups": "docker, kvm", "ssh_authorized_keys": ["ssh-rsa AAAA me"]},
        {
            "name": "worker",
            "sudo": ["ALL=(root) /usr/bin/id", "ALL=(postgres) ALL"],
            "groups": ["users"],
            "shell": "/bin/sh",
            "lock_passwd": True,
        },
    ],
    "package": ["nano", "ripgrep"],
    "bootcmd": ["echo early", ["echo", "early too"]],
    "runcmd": ["echo late", ["echo", "late too"]],
    "write_files": [
        {"path": "/etc/motd", "content": "on: 12:30\n"},
        {"path": "/srv/x", "content": "AP8=", "encoding": "b64", "owner": "worker", "perms": "600"},
    ],
    "network": {
        "ethernets": {
            "lan": {
                "match": {"macaddress": "52:54:00:12:34:56"},
                "set-name": "lan0",
                "dhcp4": "no",
                "addresses": ["10.0.2.15/24"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.0.2.2", "metric": 7}],
                "dhcp6-overrides": {"use-dns": False},
            }
        }
    },
    "mirrors": {"apt": ["http://127.0.0.1/debian/"]},
    "charly_install": {"url": "http://127.0.0.1/charly", "checksum": "ab" * 32},
    "extra": {"growpart": None, "swap": {"size": 0}, "runcmd": ["echo last"]},
}


def distribution(name: str) -> Distribution:
    return Distribution(name, FAMILIES[name])


VARIANTS: dict[str, dict[str, Any]] = {
    "own-account": {"distribution": distribution("debian")},
    "adopted-account": {"user": "debian", "adopt": True},
    "wheel": {"distribution": distribution("fedora")},
    "root": {"user": "root", "adopt": True},
    "no-key": {"authorized_keys": []},
    "everything": {
        "cloud_init": CloudInit.model_validate(EVERYTHING),
        "distribution": distribution("debian"),
        "installed": ["ripgrep"],
    },
    "foreign-image": {
        "user": "arch",
        "adopt": True,
        "cloud_init": CloudInit.model_validate(
            {
                "package": ["nano"],
                "mirrors": {"pacman": ["http://127.0.0.1/arch"]},
                "extra": "users: [{name: arch, shell: /bin/zsh}]\n",
            }
        ),
        "distribution": distribution("arch"),
        "installed": None,
    },
}


def documents(**changes: Any) -> dict[str, str]:
    return render_seed(**{**SEED, **changes})


def user_data(**changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(documents(**changes)[USER_DATA])
    return loaded


def wishing(**wishes: Any) -> dict[str, Any]:
    return user_data(cloud_init=CloudInit.model_validate(wishes))


def instance_id(**changes: Any) -> str:
    return str(yaml.safe_load(documents(**changes)[META_DATA])["instance-id"])


@pytest.mark.parametrize("name", VARIANTS)
def test_each_kind_of_seed_renders_as_its_golden_documents(name: str, golden: Golden) -> None:
    for document, text in documents(**VARIANTS[name]).items():
        golden(f"{name}.{document}", text)


@pytest.mark.parametrize("name", VARIANTS)
def test_cloud_inits_own_schema_allows_each_kind_of_seed(name: str) -> None:
    schemas = find_schemas()
    if schemas is None:
        pytest.skip("no schema of cloud-init's is here: run setup/fetch-cloud-init-schema")
    assert find_violations(documents(**VARIANTS[name]), schemas) == []


def test_cloud_init_knows_its_document_by_the_first_line() -> None:
    assert documents()[USER_DATA].splitlines()[0] == "#cloud-config"


def test_the_host_key_arrives_as_it_was_made() -> None:
    keys = user_data()["ssh_keys"]
    assert keys == {"ed25519_private": PRIVATE, "ed25519_public": SEED["host_key_public"]}
    assert user_data()["ssh_deletekeys"] is True


def test_the_root_grows_with_the_disk() -> None:
    assert user_data()["growpart"] == {"mode": "auto", "devices": ["/"]}
    assert user_data()["resize_rootfs"] is True


def test_root_may_log_in_where_it_is_the_account() -> None:
    assert user_data(user="root", adopt=True)["disable_root"] is False
    assert "disable_root" not in user_data()


def test_the_instance_is_the_same_as_long_as_the_documents_are() -> None:
    assert instance_id() == instance_id()
    assert instance_id().startswith(f"{SEED['domain_uuid']}-")


@pytest.mark.parametrize(
    "change",
    [
        {"hostname": "other"},
        {"user": "other"},
        {"authorized_keys": ["ssh-ed25519 AAAAC3Nza3 new"]},
        {"host_key_public": "ssh-ed25519 AAAAC3Nza4 new"},
        {"domain_uuid": "00000000-0000-4000-8000-000000000000"},
        {"cloud_init": CloudInit.model_validate({"network": {"ethernets": {"eth0": {}}}})},
        {"key_command": "true"},
        {"copied_digest": "ab" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_makes_it_another_instance(change: dict[str, Any]) -> None:
    assert instance_id(**change) != instance_id()


def test_without_network_settings_the_guest_has_no_document_of_them() -> None:
    assert set(documents()) == {META_DATA, USER_DATA}
    network = CloudInit.model_validate({"network": {"ethernets": {"eth0": {"dhcp4": True}}}})
    rendered = yaml.safe_load(documents(cloud_init=network)[NETWORK_CONFIG])
    assert rendered == {"version": 2, "ethernets": {"eth0": {"dhcp4": True}}}


def test_commands_start_with_enabling_sshd_and_end_with_the_extra_ones() -> None:
    commands = wishing(runcmd=["mine"], extra={"runcmd": ["extra"]})["runcmd"]
    assert "systemctl enable --now sshd" in commands[0]
    assert commands[1:] == ["mine", "extra"]


def test_the_key_command_and_the_installation_come_before_the_authors_commands() -> None:
    wishes = CloudInit.model_validate({"runcmd": ["mine"]})
    commands = user_data(cloud_init=wishes, key_command="keys", copied_digest="ab" * 32)["runcmd"]
    assert [commands[1], commands[-1]] == ["keys", "mine"]
    assert "/usr/local/bin/charly" in commands[2]


def test_a_file_of_another_owner_than_root_waits_for_the_owner() -> None:
    of_root, of_other = wishing(
        write_files=[
            {"path": "/a", "owner": "root:root"},
            {"path": "/b", "owner": "worker", "perms": "0640", "content": "x"},
        ]
    )["write_files"]
    assert "defer" not in of_root
    assert of_other == {
        "path": "/b",
        "content": "x",
        "owner": "worker",
        "defer": True,
        "permissions": "0640",
    }


@pytest.mark.parametrize("name", ["on", "no", "1e3", "0644", "12:30", "52:54:00:12:34:56", "null"])
def test_names_that_yaml_1_1_misreads_are_quoted(name: str) -> None:
    assert user_data(user=name)["users"][0]["name"] == name
    meta_data = yaml.safe_load(documents(hostname=name)[META_DATA])
    assert meta_data["local-hostname"] == name


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))))
def test_any_comment_of_a_key_survives(comment: str) -> None:
    key = f"ssh-ed25519 AAAAC3Nza1 {comment}"
    assert user_data(authorized_keys=[key])["users"][0]["ssh_authorized_keys"] == [key]
