"""Into a guest and out of it: `charly vm cp`, `charly vm ssh`, and the user's own ssh.

The tiny guest's SSH server is dropbear, which has no SFTP, and its tar is busybox's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from charly_vm.host.process import run
from charly_vm.machine.ssh_config import find_stanzas

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def place(tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, "qemu") as made:
        done = made.charly("vm", "create", "tiny", "-i", "two", "--wait")
        assert done.status == 0, done.stderr
        yield made
        assert made.charly("vm", "destroy", "tiny", "-i", "two", "--disk").status == 0
        # Nothing of it is left in the user's configuration either.
        assert find_stanzas(_ssh_config(made).read_text()) == {}


def _ssh_config(place: Workspace) -> Path:
    return place.directory / "config" / "charly" / "ssh_config"


def _cp(place: Workspace, *words: str | Path) -> str:
    done = place.charly("vm", "cp", "-i", "two", *map(str, words))
    assert done.status == 0, done.stderr
    return done.stderr


def _guest(place: Workspace, command: str) -> str:
    return place.charly("vm", "ssh", "tiny", "-i", "two", "--", command).stdout


def test_a_tree_goes_into_the_guest_and_comes_back(place: Workspace, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner" / "data").write_bytes(os.urandom(300_000))
    (tree / "run.sh").write_text("#!/bin/sh\necho it runs\n")
    (tree / "run.sh").chmod(0o750)
    (tree / "link").symlink_to("run.sh")
    said = _cp(place, "-r", tree, "tiny:/run/")
    assert "copying to charly-tiny-two (293.0 KiB)" in said
    assert _guest(place, "/run/tree/run.sh; /run/tree/link") == "it runs\nit runs\n"
    assert _guest(place, "stat -c %a:%U /run/tree/run.sh") == "750:tester\n"
    _cp(place, "-r", "tiny:/run/tree", tmp_path / "back")
    assert (tmp_path / "back" / "inner" / "data").read_bytes() == (
        tree / "inner" / "data"
    ).read_bytes()
    assert (tmp_path / "back" / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "back" / "link").readlink() == Path("run.sh")


def test_a_file_goes_to_the_accounts_home_and_under_another_name(
    place: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    _cp(place, tmp_path / "a", "tiny:")
    _cp(place, tmp_path / "a", "tiny:~/b")
    assert _guest(place, "cat a b /home/tester/a") == "aaa"
    _cp(place, "tiny:b", tmp_path / "c")
    assert (tmp_path / "c").read_text() == "a"


def test_what_cannot_be_copied_is_one_message(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    for words, message in (
        ((str(tmp_path / "a"), "tiny:/nowhere/x"), "can't change directory to '/nowhere'"),
        (("tiny:/nothing", str(tmp_path)), "charly-tiny-two has no /nothing"),
        (("tiny:/run", str(tmp_path)), "/run is a directory"),
    ):
        done = place.charly("vm", "cp", "-i", "two", *words)
        assert done.status == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_status_of_a_command_in_the_guest_is_passed_on(place: Workspace) -> None:
    for command, status in (("true", 0), ("exit 7", 7)):
        done = place.charly("vm", "ssh", "tiny", "-i", "two", "--", command)
        assert done.status == status
    wrong = place.charly("vm", "ssh", "tiny", "-i", "two", "-p", "1", "true")
    assert wrong.status == 255
    other = place.charly("vm", "ssh", "tiny", "-i", "two", "-l", "nobody-here", "true")
    assert "nobody-here@127.0.0.1: Permission denied" in other.stderr


def test_the_users_own_ssh_reaches_it_by_name(place: Workspace) -> None:
    done = run(
        ["ssh", "-F", _ssh_config(place), "-o", "BatchMode=yes", "charly-tiny-two", "hostname"],
        timeout=30,
    )
    assert done.stdout == "charly-tiny-two\n"


def test_the_list_shows_ports_instance_and_who_works_on_it(place: Workspace) -> None:
    attached = place.start("vm", "console", "tiny", "-i", "two")
    [machine] = json.loads(place.charly("vm", "list", "--json").stdout)
    assert (machine["name"], machine["instance"]) == ("tiny", "two")
    assert machine["ports"] == [{"host": machine["ssh_port"], "guest": 22, "protocol": "tcp"}]
    assert machine["held_by"] == ""
    table = place.charly("vm", "list").stdout
    assert f"{machine['ssh_port']}:22" in table
    attached.kill()
    stopping = place.start("vm", "stop", "tiny", "-i", "two")
    place.wait_for(
        "the one who stops it to be named",
        lambda: (
            stopping.has_ended
            or json.loads(place.charly("vm", "list", "-a", "--json").stdout)[0]["held_by"]
        ),
    )
    assert stopping.wait(60) == 0
