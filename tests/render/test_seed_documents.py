"""cloud-init documents: golden files, and what cloud-init's own YAML reader makes of any name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.render.cloud_init import META_DATA, USER_DATA, render_seed

Golden = Callable[[str, str], Path]

PRIVATE = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)
SEED: dict[str, Any] = {
    "domain_uuid": "5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
    "hostname": "charly-check-debian-vm",
    "user": "charly",
    "adopt": False,
    "authorized_keys": ["ssh-ed25519 AAAAC3Nza1 charly@check-debian-vm"],
    "host_key_private": PRIVATE,
    "host_key_public": "ssh-ed25519 AAAAC3Nza2 charly-check-debian-vm",
}

VARIANTS: dict[str, dict[str, Any]] = {
    "own-account": {},
    "adopted-account": {"user": "debian", "adopt": True},
    "wheel": {"admin_group": "wheel"},
}


def documents(**changes: Any) -> dict[str, str]:
    return render_seed(**{**SEED, **changes})


def user_data(**changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(documents(**changes)[USER_DATA])
    return loaded


def instance_id(**changes: Any) -> str:
    return str(yaml.safe_load(documents(**changes)[META_DATA])["instance-id"])


@pytest.mark.parametrize("name", VARIANTS)
def test_each_kind_of_seed_renders_as_its_golden_documents(name: str, golden: Golden) -> None:
    for document, text in documents(**VARIANTS[name]).items():
        golden(f"{name}.{document}", text)


def test_cloud_init_knows_its_document_by_the_first_line() -> None:
    assert documents()[USER_DATA].splitlines()[0] == "#cloud-config"


def test_the_host_key_arrives_as_it_was_made() -> None:
    keys = user_data()["ssh_keys"]
    assert keys == {"ed25519_private": PRIVATE, "ed25519_public": SEED["host_key_public"]}
    assert user_data()["ssh_deletekeys"] is True


def test_our_account_may_do_everything_and_has_no_password() -> None:
    [account] = user_data()["users"]
    assert account["name"] == "charly"
    assert account["sudo"] == "ALL=(ALL) NOPASSWD:ALL"
    assert account["hashed_passwd"] == "*"
    assert account["ssh_authorized_keys"] == SEED["authorized_keys"]


def test_an_account_of_the_image_gets_our_key_and_nothing_else() -> None:
    default, account = user_data(user="debian", adopt=True)["users"]
    assert default == "default"
    assert account == {"name": "debian", "ssh_authorized_keys": SEED["authorized_keys"]}


def test_the_root_grows_with_the_disk() -> None:
    assert user_data()["growpart"] == {"mode": "auto", "devices": ["/"]}
    assert user_data()["resize_rootfs"] is True


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
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_makes_it_another_instance(change: dict[str, Any]) -> None:
    assert instance_id(**change) != instance_id()


@pytest.mark.parametrize("name", ["on", "no", "1e3", "0644", "12:30", "52:54:00:12:34:56", "null"])
def test_names_that_yaml_1_1_misreads_are_quoted(name: str) -> None:
    assert user_data(user=name)["users"][0]["name"] == name
    meta_data = yaml.safe_load(documents(hostname=name)[META_DATA])
    assert meta_data["local-hostname"] == name


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))))
def test_any_comment_of_a_key_survives(comment: str) -> None:
    key = f"ssh-ed25519 AAAAC3Nza1 {comment}"
    assert user_data(authorized_keys=[key])["users"][0]["ssh_authorized_keys"] == [key]
