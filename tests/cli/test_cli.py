"""The command line as people meet it: help, errors, statuses. No machine is booted here."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from charly_process import Charly

from charly_vm.cli.enter import ssh, without_separator
from charly_vm.host.process import run

VM_VERBS = [
    *("build", "create", "start", "stop", "destroy", "list"),
    *("console", "ssh", "cp", "snapshot", "show", "prune"),
]
SNAPSHOT_VERBS = ["create", "list", "revert", "delete"]
SETTINGS_VERBS = ["get", "set", "list", "unset"]

PROJECT = """\
shape:
  vm:
    source: {kind: bootstrap}
    ssh: {port_auto: true}
check-shape:
  vm: {from: shape, disposable: true}
  says: {check: it says hello, command: echo hello}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "project" / "charly.yml"
    file.parent.mkdir()
    file.write_text(PROJECT)
    return file


def test_help_names_every_command_and_imports_none(charly: Charly) -> None:
    done = charly("--help")
    assert done.status == 0
    for command in ("vm", "check", "settings", "doctor"):
        assert f"\n  {command} " in done.stdout
    vm = charly("vm", "--help").stdout
    for command in VM_VERBS:
        assert f"\n  {command} " in vm


@pytest.mark.parametrize(
    "words",
    [("vm", command, "--help") for command in VM_VERBS]
    + [("check", command, "--help") for command in ("run", "live", "list")]
    + [("vm", "snapshot", command, "--help") for command in SNAPSHOT_VERBS]
    + [("settings", command, "--help") for command in SETTINGS_VERBS]
    + [("doctor", "--help")],
)
def test_every_command_has_help(charly: Charly, words: tuple[str, ...]) -> None:
    done = charly(*words)
    assert done.status == 0
    assert "Usage: charly" in done.stdout


@pytest.mark.parametrize(
    "words", [("vmm",), ("vm", "creat"), ("vm", "create"), ("vm", "create", "x", "--ram", "8")]
)
def test_a_wrong_command_line_is_status_1_and_not_the_status_of_failed_checks(
    charly: Charly, words: tuple[str, ...]
) -> None:
    done = charly(*words)
    assert done.status == 1
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_project_the_error_says_how_to_name_one(charly: Charly) -> None:
    done = charly("vm", "create", "x")
    assert (done.status, done.stdout) == (1, "")
    assert "there is no charly.yml in" in done.stderr
    assert "--project" in done.stderr


def test_an_unknown_name_is_one_message(charly: Charly, project: Path) -> None:
    done = charly("--project", str(project), "vm", "create", "shap")
    assert done.status == 1
    assert done.stderr.splitlines() == [
        f"charly: {project}: has no VM called 'shap'",
        "  hint: did you mean shape?",
    ]


def test_debug_shows_the_traceback(charly: Charly, project: Path) -> None:
    done = charly("--debug", "--project", str(project), "vm", "create", "shap")
    assert done.status == 1
    assert "Traceback" in done.stderr


def test_an_empty_list_is_a_header_and_as_json_an_empty_list(charly: Charly) -> None:
    assert charly("vm", "list").stdout.split()[:3] == ["NAME", "INSTANCE", "STATE"]
    assert json.loads(charly("vm", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    "words",
    [
        *(("vm", verb, "nothing") for verb in ("start", "stop", "destroy", "ssh", "console")),
        ("vm", "cp", "x", "nothing:/tmp"),
        ("vm", "snapshot", "list", "nothing"),
        *(("vm", "snapshot", verb, "nothing", "x") for verb in ("create", "revert", "delete")),
    ],
)
def test_a_verb_on_a_machine_that_is_not_there_says_how_to_make_one(
    charly: Charly, words: tuple[str, ...]
) -> None:
    done = charly(*words)
    assert done.status == 1
    assert "there is no machine charly-nothing" in done.stderr
    assert "charly vm create nothing" in done.stderr


def test_prune_with_nothing_to_do_says_so(charly: Charly) -> None:
    assert charly("vm", "prune").stdout == "nothing to remove\n"


def test_the_beds_are_listed_with_file_and_line(charly: Charly, project: Path) -> None:
    done = charly("check", "list", cwd=project.parent)
    assert f"check-shape  shape  1      {project}:5" in done.stdout
    [bed] = json.loads(charly("check", "list", "--json", cwd=project.parent).stdout)
    assert bed == {
        "name": "check-shape",
        "entity": "shape",
        "file": str(project),
        "line": 5,
        "steps": ["says"],
    }


def test_show_prints_what_would_run_and_makes_nothing(charly: Charly, project: Path) -> None:
    done = charly("vm", "show", "shape", cwd=project.parent)
    assert done.status == 0, done.stderr
    for part in ("domain: charly-shape", "libvirt: ", "user-data", "#cloud-config"):
        assert part in done.stdout
    shown = json.loads(charly("vm", "show", "shape", "--json", cwd=project.parent).stdout)
    assert shown["machine"]["domain"] == "charly-shape"
    assert list((charly.directory / "data" / "charly" / "vm").iterdir()) == []


def test_who_names_a_new_bed_as_it_was_made_is_told_its_name(charly: Charly) -> None:
    assert charly("check", "new", "hello").status == 0
    done = charly("check", "run", "hello")
    assert done.status == 1
    assert "there is no bed hello; did you mean check-hello?" in done.stderr


def test_checking_an_entity_or_a_precious_deploy_is_refused_with_the_reason(
    charly: Charly, project: Path
) -> None:
    project.write_text(PROJECT + "precious:\n  vm: shape\n")
    entity = charly("check", "run", "shape", cwd=project.parent)
    assert entity.status == 1
    assert "the beds are check-shape" in entity.stderr
    precious = charly("check", "run", "precious", cwd=project.parent)
    assert precious.status == 1
    assert "disposable: true" in precious.stderr


def test_a_directory_that_cannot_be_written_is_one_message(charly: Charly, project: Path) -> None:
    blocked = charly.directory / "blocked"
    blocked.write_text("a file where a directory should be")
    charly.environment["XDG_DATA_HOME"] = str(blocked)
    done = charly("vm", "list")
    assert done.status == 1
    assert "cannot create the directory" in done.stderr
    assert "XDG_" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(charly: Charly, project: Path) -> None:
    charly_path = Path(sys.executable).with_name("charly")
    done = run(
        ["bash", "-c", f"set -o pipefail; {charly_path} vm show shape | head -n 1"],
        timeout=60,
        check=False,
        env={**charly.environment, "PATH": os.environ["PATH"]},
        cwd=project.parent,
    )
    assert done.stdout.startswith("domain:")
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize(
    ("words", "port", "login", "command"),
    [
        (["x"], None, "", ()),
        (["x", "-p", "2224", "-l", "arch"], 2224, "arch", ()),
        (["-p", "2224", "x", "uptime"], 2224, "", ("uptime",)),
        (["x", "ls", "-l", "/etc"], None, "", ("ls", "-l", "/etc")),
        (["x", "-l", "root", "journalctl", "-p", "err"], None, "root", ("journalctl", "-p", "err")),
        (["x", "--port=22", "--", "-weird"], 22, "", ("-weird",)),
        (["x", "--", "ls", "--", "a"], None, "", ("ls", "--", "a")),
    ],
)
def test_ssh_leaves_the_guests_options_to_the_guest(
    words: list[str], port: int | None, login: str, command: tuple[str, ...]
) -> None:
    parsed = ssh.make_context("ssh", words).params
    assert (parsed["name"], parsed["port"], parsed["login"]) == ("x", port, login)
    assert without_separator(parsed["command"]) == command


def test_an_unknown_backend_is_an_error_and_not_the_default(charly: Charly, project: Path) -> None:
    charly.environment["CHARLY_VM_BACKEND"] = "qem"
    done = charly("vm", "show", "shape", cwd=project.parent)
    assert done.status == 1
    assert "CHARLY_VM_BACKEND is 'qem'" in done.stderr


def test_a_name_that_is_a_path_touches_nothing(charly: Charly) -> None:
    done = charly("vm", "stop", "../x")
    assert done.status == 1
    assert "cannot be the name of a machine" in done.stderr
