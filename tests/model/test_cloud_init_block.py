"""What an author may write under `cloud_init:`, and what is said about the rest."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from charly_vm.errors import SpecError
from charly_vm.model.cloud_init import CharlyInstall, CloudInit
from charly_vm.model.project import load_project

ENTITY = """\
debian-vm:
  vm:
    source: {kind: bootstrap}
    cloud_init:
"""
ZIPPED = base64.b64encode(gzip.compress(b"text")).decode()


def read(**written: Any) -> CloudInit:
    return CloudInit.model_validate(written)


def complaints(**written: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        read(**written)
    return "\n".join(f"{item['loc']}: {item['msg']}" for item in caught.value.errors())


def test_nothing_has_to_be_written() -> None:
    assert read() == CloudInit()


def test_a_mistake_is_found_where_it_stands_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(
        ENTITY
        + "      timezon: Europe/Vienna\n"
        + "      write_files:\n"
        + "        - {path: motd}\n"
        + "      users: [defalt, {name: me, sudo: tru}]\n"
    )
    with pytest.raises(SpecError) as caught:
        load_project(file)
    found = [(one.line, one.column, one.text) for one in caught.value.problems]
    assert found == [
        (5, 7, "unknown key 'timezon'; did you mean 'timezone'?"),
        (7, 12, "path: 'motd' is not the absolute path of a file, such as /etc/motd"),
        (
            8,
            15,
            "users, item 1: 'defalt' is no account; write {name: defalt}, or default for the "
            "image's own",
        ),
        (
            8,
            34,
            "sudo: 'tru' is no rule of sudoers; write true, false, or one such as "
            "'ALL=(ALL) NOPASSWD:ALL'",
        ),
    ]


def test_words_that_yaml_1_1_takes_for_booleans_are_booleans(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(
        ENTITY
        + "      users: [{name: me, sudo: yes, lock_passwd: off}, {name: you, sudo: no}]\n"
        + "      write_files: [{path: /a, perms: 0640}]\n"
    )
    cloud_init = load_project(file).entities["debian-vm"].vm.cloud_init
    me, you = cloud_init.users
    assert (me.sudo, me.lock_passwd, you.sudo) == (True, False, False)
    assert cloud_init.write_files[0].perms == "0640"


@pytest.mark.parametrize("groups", ["a, b", "a,b", ["a", "b"]])
def test_groups_are_a_list_or_have_commas_in_between(groups: object) -> None:
    assert read(users=[{"name": "me", "groups": groups}]).users[0].groups == ("a", "b")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"name": "me", "sudo": "ALL"}, "no rule of sudoers"),
        ({"name": "me", "sudo": ["ALL=(ALL) ALL\nroot ALL=(ALL) ALL"]}, "no rule of sudoers"),
        ({"name": "me and you"}, "not the name of an account"),
        ({"name": "me", "groups": "a b"}, "not the name of an account or a group"),
        ({"name": "me", "shell": "bash"}, "not the path of a shell"),
        ({"name": "me", "ssh_authorized_keys": ["AAAA"]}, "is no public key"),
        ({"name": "me", "ssh_authorized_keys": ["-----BEGIN PRIVATE KEY-----"]}, "private key"),
        ({"name": "default", "sudo": True}, "write only that"),
        ({"nam": "me"}, "did you mean 'name'"),
    ],
)
def test_an_account_that_cannot_be_is_refused(written: dict[str, Any], words: str) -> None:
    assert words in complaints(users=[written])


def test_an_account_is_listed_once() -> None:
    assert "the account me is listed twice" in complaints(users=[{"name": "me"}, {"name": "me"}])


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"path": "/a/"}, "not the absolute path of a file"),
        ({"path": "/a", "perms": "rw"}, "not a mode in octal digits"),
        ({"path": "/a", "perms": "0999"}, "not a mode in octal digits"),
        ({"path": "/a", "owner": "me you"}, "not an owner"),
        ({"path": "/a", "encoding": "gz"}, "gz+b64"),
        ({"path": "/a", "encoding": "b64", "content": "???"}, "is not base64"),
        ({"path": "/a", "encoding": "gz+b64", "content": "aGk="}, "not of gzip's data"),
        ({"path": "/a", "encoding": "b46"}, "'b64'"),
        ({"path": "/a", "content": "x", "append": True}, "unknown key 'append'"),
        ({"content": "x"}, "Field required"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(file: dict[str, Any], words: str) -> None:
    assert words in complaints(write_files=[file])


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/a"},
        {"path": "/a b", "owner": "www-data", "perms": "1777"},
        {"path": "/a", "encoding": "b64", "content": "aGk\n=\n"},
        {"path": "/a", "encoding": "gzip+base64", "content": ZIPPED},
        {"path": "/a", "encoding": "text/plain", "content": "???"},
    ],
)
def test_a_file_of_each_encoding_is_taken(file: dict[str, Any]) -> None:
    assert read(write_files=[file]).write_files[0].path == file["path"]


def test_whether_a_file_is_roots_is_told_by_its_owner() -> None:
    owners = [None, "root", "root:root", "root:adm", "me"]
    files = read(write_files=[{"path": "/a", "owner": owner} for owner in owners]).write_files
    assert [file.belongs_to_root for file in files] == [True, True, True, False, False]


@pytest.mark.parametrize("commands", [["echo 1"], [["echo", "1"]], ["a", ["b"]]])
def test_commands_are_lines_or_lists_of_words(commands: list[Any]) -> None:
    wanted = tuple(one if isinstance(one, str) else tuple(one) for one in commands)
    assert read(runcmd=commands).runcmd == read(bootcmd=commands).bootcmd == wanted


@pytest.mark.parametrize("command", [[["sleep", 1]], [5], [[]], [{"a": 1}]])
def test_anything_else_is_no_command(command: list[Any]) -> None:
    assert "a command is text for the shell" in complaints(runcmd=command)


@pytest.mark.parametrize("name", ["-y", "a b", ""])
def test_a_package_has_a_name_that_is_no_option(name: str) -> None:
    assert "not the name of a package" in complaints(package=[name])


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("hostname", "a-1.example.org", "a_b"),
        ("hostname", "x" * 63, "x" * 64),
        ("timezone", "America/Argentina/Buenos_Aires", "../../etc/passwd"),
        ("timezone", "Etc/GMT+5", "Europe/"),
        ("locale", "sr_RS.UTF-8@latin", "en GB"),
    ],
)
def test_names_of_the_guest_its_time_and_its_language(key: str, good: str, bad: str) -> None:
    assert getattr(read(**{key: good}), key) == good
    assert repr(bad) in complaints(**{key: bad})


def test_a_guests_network_is_cloud_inits_version_2() -> None:
    assert "2" in complaints(network={"version": 1, "ethernets": {"eth0": {}}})
    assert "at least 1 item" in complaints(network={"ethernets": {}})
    card = {"set_name": "lan0", "match": {"macadress": "52:54:00:12:34:56"}}
    text = complaints(network={"ethernets": {"eth0": card}})
    assert "did you mean 'set-name'" in text
    assert "did you mean 'macaddress'" in text


def test_every_card_keeps_what_was_written() -> None:
    card = {
        "match": {"macaddress": "52-54-00-12-34-56"},
        "addresses": ["10.0.2.15/24"],
        "accept-ra": "no",
        "virtual-function-count": 3,
        "dhcp4-overrides": {"route-metric": 5},
    }
    network = read(network={"version": 2, "ethernets": {"lan": card}}).network
    assert network is not None
    assert network.ethernets["lan"].model_dump(mode="json", by_alias=True, exclude_none=True) == {
        **card,
        "match": {"macaddress": "52:54:00:12:34:56"},
        "accept-ra": False,
    }


@pytest.mark.parametrize("url", ["mirror.example/debian", "http://a b", "http://a/'; reboot; '"])
def test_a_mirror_is_a_url_and_nothing_for_a_shell(url: str) -> None:
    assert "not the URL of a mirror" in complaints(mirrors={"apt": [url]})


@pytest.mark.parametrize(
    ("wish", "fetched", "copied"),
    [
        ({}, None, None),
        ({"strategy": "auto", "url": "https://h/c"}, "https://h/c", None),
        ({"strategy": "auto", "url": "file:///c"}, None, "/c"),
        ({"strategy": "url", "url": "http://h/c"}, "http://h/c", None),
        ({"strategy": "scp"}, None, None),
        ({"strategy": "scp", "url": "file:///opt/c"}, None, "/opt/c"),
        ({"strategy": "skip", "url": "http://h/c"}, None, None),
        ({"strategy": "none", "url": "file:///c"}, None, None),
    ],
)
def test_what_each_strategy_of_charly_install_does(
    wish: dict[str, str], fetched: str | None, copied: str | None
) -> None:
    install = CharlyInstall.model_validate(wish)
    assert (install.fetched, install.copied) == (fetched, copied)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"strategy": "url"}, "needs the url"),
        ({"strategy": "url", "url": "file:///c"}, "needs the url"),
        ({"strategy": "scp", "url": "http://h/c"}, "copies a file of this host"),
        ({"checksum": "ab" * 32}, "no meaning without a url"),
        ({"url": "http://h/c", "checksum": "abc"}, "is not a checksum"),
        ({"url": "http://h/'c"}, "is not an http, https or file URL"),
        ({"strategy": "ssh"}, "'scp'"),
    ],
)
def test_a_wish_for_charly_that_cannot_be_met_is_refused(wish: dict[str, str], words: str) -> None:
    assert words in complaints(charly_install=wish)


def test_extra_is_a_mapping_or_the_same_as_text() -> None:
    assert read(extra={"swap": {"size": 0}}).extra == {"swap": {"size": 0}}
    assert read(extra="#cloud-config\nswap:\n  size: 0\n").extra == {"swap": {"size": 0}}
    assert read(extra="").extra == {}


def test_extra_as_text_is_read_as_cloud_init_reads_it() -> None:
    assert read(extra="a: yes\nb: 0644\nc: 12:30\n").extra == {"a": True, "b": 420, "c": 750}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("a: 1\na: 2\n", "its line 2 the key 'a' is there already, in line 1"),
        ("a: [\n", "its line"),
        ("a: &x [*x]\n", "its line 1 an alias contains itself"),
        ("a: !!python/object/apply:os.system [true]\n", "is not allowed"),
        ("0\t", "is not YAML"),
        ("yes: 1\n", "True, as YAML 1.1 reads it, is no key"),
        ("?", "None, as YAML 1.1 reads it, is no key"),
        ("a: 2026-13-01\n", "month must be in 1..12"),
        ("- a\n", "is a mapping of cloud-init's keys, or the same as text"),
        ("#!/bin/sh\n echo\n", "is a mapping of cloud-init's keys, or the same as text"),
        (["a"], "is a mapping of cloud-init's keys, or the same as text"),
    ],
)
def test_extra_that_is_nothing_of_the_kind_is_refused(extra: object, words: str) -> None:
    assert words in complaints(extra=extra)


@given(st.text(max_size=40))
def test_any_text_as_extra_is_read_or_refused_with_words(text: str) -> None:
    refused: Any = None
    try:
        read(extra=text)
    except ValidationError as error:
        refused = error.errors()
    assert refused is None or refused[0]["loc"] == ("extra",)


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ({"users": ["default", {"name": "a", "sudo": "no", "groups": "a,b"}]}, True),
        ({"users": [{"name": "a", "sudo": ["ALL=(ALL) ALL"], "lock_passwd": "off"}]}, True),
        ({"users": ["defalt"]}, False),
        ({"users": [{"nam": "a"}]}, False),
        ({"runcmd": ["a", ["b", "c"]]}, True),
        ({"runcmd": [[1]]}, False),
        ({"hostname": "a_b"}, False),
        ({"write_files": [{"path": "/a", "perms": "0640"}]}, True),
        ({"write_files": [{"path": "a"}]}, False),
        ({"network": {"ethernets": {"eth0": {"set-name": "lan0", "dhcp4": True}}}}, True),
        ({"network": {"ethernets": {"eth0": {"set_name": "lan0"}}}}, False),
        ({"extra": "a: 1"}, True),
        ({"extra": {"a": 1}}, True),
        ({"extra": 5}, False),
        ({"packages": ["a"]}, False),
    ],
)
def test_the_json_schema_agrees(written: dict[str, Any], allowed: bool) -> None:
    assert Draft202012Validator(CloudInit.model_json_schema()).is_valid(written) is allowed
    if allowed:
        read(**written)
    else:
        complaints(**written)
