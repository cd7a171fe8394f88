"""Which account, which key, by which ways, and what systemd is told of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.entity import VmEntity
from charly_vm.model.project import load_project
from charly_vm.model.resolve.keys import (
    Channels,
    LoginKey,
    adopts,
    choose_account,
    choose_channels,
    find_reapply_command,
    find_reason_against_login,
    render_oem_strings,
    require_login,
)

BOOTSTRAP = {"kind": "bootstrap"}
CLOUD = {"kind": "cloud_image", "url": "http://127.0.0.1/x", "base_user": "debian"}
BOOTC = {"kind": "bootc", "box": "image"}
KEY = LoginKey("/home/me/.ssh/id", "ssh-ed25519 AAAA me, at home")
BOTH = Channels(smbios=True, cloud_init=True)
SMBIOS = Channels(smbios=True, cloud_init=False)
CLOUD_INIT = Channels(smbios=False, cloud_init=True)
NEITHER = Channels(smbios=False, cloud_init=False)


def entity(source: dict[str, Any] = BOOTSTRAP, **ssh: Any) -> VmEntity:
    return VmEntity.model_validate({"source": source, "ssh": ssh})


@pytest.mark.parametrize(
    ("source", "user", "account", "adopted"),
    [
        (BOOTSTRAP, None, "charly", False),
        (BOOTSTRAP, "me", "me", False),
        (BOOTSTRAP, "root", "root", True),
        (CLOUD, None, "debian", True),
        (CLOUD, "debian", "debian", True),
        (CLOUD, "me", "me", False),
        (CLOUD, "root", "root", True),
        (BOOTC, None, "root", True),
        (BOOTC, "core", "core", False),
    ],
)
def test_an_account_that_the_image_has_is_adopted_and_any_other_made(
    source: dict[str, Any], user: str | None, account: str, adopted: bool
) -> None:
    wanted = entity(source, user=user)
    assert (choose_account(wanted), adopts(wanted)) == (account, adopted)


@pytest.mark.parametrize("source", [BOOTSTRAP, CLOUD])
@pytest.mark.parametrize(
    ("injection", "channels"),
    [
        ({}, BOTH),
        ({"smbios": "auto", "cloud_init": "auto"}, BOTH),
        ({"smbios": "enabled", "cloud_init": "enabled"}, BOTH),
        ({"cloud_init": "disabled"}, SMBIOS),
        ({"smbios": "disabled"}, CLOUD_INIT),
        ({"smbios": "disabled", "cloud_init": "disabled"}, NEITHER),
    ],
)
def test_each_way_of_a_disk_with_cloud_init_is_on_or_off(
    source: dict[str, Any], injection: dict[str, str], channels: Channels
) -> None:
    wanted = entity(source, key_injection=injection)
    assert choose_channels(wanted, "x86_64") == channels


def test_a_bootc_image_need_not_have_cloud_init_but_may() -> None:
    for injection, channels in (({}, SMBIOS), ({"cloud_init": "enabled"}, BOTH)):
        wanted = entity(BOOTC, key_injection=injection)
        assert choose_channels(wanted, "x86_64") == channels


def test_riscv64_has_no_smbios_tables_for_a_key() -> None:
    for arch, channels in (("riscv64", CLOUD_INIT), ("aarch64", BOTH)):
        assert choose_channels(entity(CLOUD), arch) == channels


def credentials(strings: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in strings:
        kind, name, content = one.replace("=", ":", 1).split(":", 2)
        assert kind == "io.systemd.credential.binary"
        found[name] = base64.b64decode(content).decode()
    return found


def test_root_has_a_credential_of_its_own() -> None:
    strings = render_oem_strings("root", KEY, BOTH)
    assert credentials(strings) == {"ssh.authorized_keys.root": f"{KEY.public}\n"}


def test_another_accounts_file_is_made_by_systemd_tmpfiles() -> None:
    found = credentials(render_oem_strings("me", KEY, SMBIOS))
    directory, file = found["tmpfiles.extra"].splitlines()
    assert directory == "d /home/me/.ssh 0700 me - - -"
    kind, path, mode, user, group, age, content = file.split()
    assert (kind, path, mode, user) == ("f~", "/home/me/.ssh/authorized_keys", "0600", "me")
    assert (group, age) == ("-", "-")
    assert base64.b64decode(content).decode() == f"{KEY.public}\n"


def test_nothing_in_the_strings_has_to_be_escaped_for_qemu() -> None:
    for account in ("root", "me"):
        assert "," not in "".join(render_oem_strings(account, KEY, BOTH))


def test_without_a_key_or_with_that_way_closed_systemd_is_told_nothing() -> None:
    assert render_oem_strings("root", None, BOTH) == ()
    assert render_oem_strings("root", KEY, CLOUD_INIT) == ()


@pytest.mark.parametrize(("account", "home"), [("root", "/root"), ("me", "/home/me")])
def test_cloud_init_helps_where_it_does_not_have_the_key_itself(account: str, home: str) -> None:
    command = find_reapply_command(account, KEY.public, SMBIOS)
    assert command is not None
    assert f"systemd-tmpfiles --create --prefix={home}" in command
    assert KEY.public not in command
    assert command != find_reapply_command(account, "ssh-ed25519 BBBB other", SMBIOS)
    for channels in (BOTH, CLOUD_INIT, NEITHER):
        assert find_reapply_command(account, KEY.public, channels) is None
    assert find_reapply_command(account, None, SMBIOS) is None


@pytest.mark.parametrize(
    ("key_source", "injection", "reason"),
    [
        ("none", {}, "its key_source is none"),
        ("none", {"smbios": "enabled"}, "its key_source is none"),
        ("generate", {"smbios": "disabled", "cloud_init": "disabled"}, "are disabled"),
        ("auto", {"smbios": "disabled", "cloud_init": "disabled"}, "are disabled"),
        ("/k.pub", {"smbios": "disabled", "cloud_init": "disabled"}, None),
        ("generate", {"smbios": "disabled"}, None),
        ("auto", {"cloud_init": "disabled"}, None),
    ],
)
def test_why_nobody_could_log_in(
    key_source: str, injection: dict[str, str], reason: str | None
) -> None:
    found = find_reason_against_login(entity(key_injection=injection), key_source, "x86_64")
    assert found is None if reason is None else reason in (found or "")


def test_a_bed_that_nothing_could_check_is_refused_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(
        "shut:\n  vm: {source: {kind: bootstrap}, ssh: {key_source: none}}\n"
        "open:\n  vm: {source: {kind: bootstrap}}\n"
        "check-shut:\n  vm: {from: shut, disposable: true}\n"
        "check-open:\n  vm: {from: open, disposable: true}\n"
    )
    project = load_project(file)
    require_login(project.target("check-open"), "x86_64")
    with pytest.raises(SpecError) as caught:
        require_login(project.target("check-shut"), "x86_64")
    [problem] = caught.value.problems
    assert problem.line == 5
    assert problem.text == (
        "check-shut cannot be checked: its key_source is none, so no SSH key gets into the guest"
    )
    assert "under ssh: of shut" in caught.value.hint
