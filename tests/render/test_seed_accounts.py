from __future__ import annotations

from typing import Any

from charly_vm.model.cloud_init import Account, CloudInit
from charly_vm.render.seed_accounts import EVERYTHING, render_accounts

KEY = "ssh-ed25519 AAAA charly"


def listed(*accounts: Any) -> tuple[Account, ...]:
    return CloudInit.model_validate({"users": accounts}).users


def accounts(
    name: str, *theirs: Any, adopt: bool = False, keys: tuple[str, ...] = (KEY,)
) -> list[Any]:
    return render_accounts(name, adopt=adopt, keys=keys, admins="sudo", listed=listed(*theirs))


def test_our_account_may_do_everything_and_has_no_password() -> None:
    assert accounts("charly") == [
        {
            "name": "charly",
            "groups": ["sudo"],
            "sudo": EVERYTHING,
            "shell": "/bin/bash",
            "lock_passwd": False,
            "hashed_passwd": "*",
            "ssh_authorized_keys": [KEY],
        }
    ]


def test_an_account_of_the_image_gets_our_key_and_nothing_else() -> None:
    assert accounts("debian", adopt=True) == [
        "default",
        {"name": "debian", "ssh_authorized_keys": [KEY]},
    ]


def test_root_is_no_account_that_the_image_has_to_describe() -> None:
    assert accounts("root", adopt=True) == [{"name": "root", "ssh_authorized_keys": [KEY]}]


def test_an_account_that_the_author_lists_gets_the_key_behind_theirs() -> None:
    theirs = {"name": "debian", "shell": "/bin/zsh", "ssh_authorized_keys": ["ssh-rsa BBBB me"]}
    assert accounts("debian", theirs, adopt=True) == [
        "default",
        {
            "name": "debian",
            "shell": "/bin/zsh",
            "ssh_authorized_keys": ["ssh-rsa BBBB me", KEY],
        },
    ]


def test_what_the_author_says_about_our_account_beats_and_extends_what_we_do() -> None:
    [ours] = accounts(
        "charly",
        {"name": "charly", "sudo": False, "shell": "/bin/sh", "groups": ["docker", "sudo"]},
    )
    assert "sudo" not in ours
    assert ours["shell"] == "/bin/sh"
    assert ours["groups"] == ["sudo", "docker"]


def test_a_locked_password_is_locked_by_cloud_init() -> None:
    [ours] = accounts("charly", {"name": "charly", "lock_passwd": True})
    assert ours["lock_passwd"] is True
    assert "hashed_passwd" not in ours


def test_other_accounts_follow_as_they_are_listed() -> None:
    assert accounts(
        "charly",
        "default",
        {"name": "one", "sudo": True},
        {"name": "two", "sudo": ["ALL=(root) /bin/a", "ALL=(postgres) ALL"], "groups": "a,b"},
        {"name": "three", "lock_passwd": "no"},
    )[2:] == [
        {"name": "one", "sudo": EVERYTHING},
        {"name": "two", "groups": ["a", "b"], "sudo": "ALL=(root) /bin/a : ALL=(postgres) ALL"},
        {"name": "three", "lock_passwd": False},
    ]


def test_the_images_account_is_there_once_however_often_it_is_asked_for() -> None:
    assert accounts("debian", "default", adopt=True).count("default") == 1
    assert accounts("charly", "default")[0] == "default"


def test_without_keys_and_groups_there_are_no_empty_lists() -> None:
    [ours] = render_accounts("charly", adopt=False, keys=(), admins=None, listed=())
    assert "ssh_authorized_keys" not in ours
    assert "groups" not in ours
