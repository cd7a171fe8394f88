"""The unit that starts a machine with its host."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path

import pytest

from charly_vm.host import user_units
from charly_vm.host.process import run
from charly_vm.host.progress import Silent
from charly_vm.host.user_units import units_directory
from charly_vm.machine import autostart
from charly_vm.machine.autostart import (
    disable_autostart,
    enable_autostart,
    render_unit,
    unit_name,
)

DOMAIN = "charly-x.y_z-dev"


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without systemd; a test puts in this directory what it wants to be there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(user_units, "LINGERING", tmp_path / "linger")
    directory = tmp_path / "bin"
    directory.mkdir()

    def find(name: str) -> Path | None:
        path = directory / name
        return path if path.exists() else None

    for module in (autostart, user_units):
        monkeypatch.setattr(module, "find_tool", find)
    return directory


def _install(tools: Path, name: str, status: int = 0) -> Path:
    log = tools / f"{name}.log"
    program = tools / name
    program.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexit {status}\n')
    program.chmod(0o755)
    return log


def _with_systemd(tmp_path: Path) -> None:
    (tmp_path / "run" / "systemd").mkdir(parents=True)


def test_without_systemd_the_unit_is_written_and_what_is_missing_is_named() -> None:
    watcher = Notes()
    enable_autostart(DOMAIN, watcher)
    unit = units_directory() / f"charly-autostart-{DOMAIN}.service"
    assert unit.exists()
    [note] = watcher.notes
    assert "no systemd runs for this user" in note
    assert "virsh is not installed" in note
    assert str(unit) in note


def test_with_systemd_the_unit_is_enabled_and_the_user_lingers(tools: Path, tmp_path: Path) -> None:
    _with_systemd(tmp_path)
    systemctl, _ = _install(tools, "systemctl"), _install(tools, "virsh")
    (tmp_path / "linger").mkdir()
    (tmp_path / "linger" / getpass.getuser()).touch()
    watcher = Notes()
    enable_autostart(DOMAIN, watcher)
    assert watcher.notes == []
    assert systemctl.read_text() == "--user daemon-reload\n"
    link = units_directory() / "default.target.wants" / unit_name(DOMAIN)
    assert link.readlink() == units_directory() / unit_name(DOMAIN)
    disable_autostart(DOMAIN)
    assert list(units_directory().rglob("*.service")) == []
    assert systemctl.read_text() == "--user daemon-reload\n" * 2
    disable_autostart(DOMAIN)
    assert systemctl.read_text() == "--user daemon-reload\n" * 2


def test_a_systemd_that_does_not_answer_is_named_and_the_unit_stays(
    tools: Path, tmp_path: Path
) -> None:
    _with_systemd(tmp_path)
    _install(tools, "systemctl", status=1)
    _install(tools, "virsh")
    watcher = Notes()
    enable_autostart(DOMAIN, watcher)
    assert "systemctl failed (exit status 1)" in watcher.notes[0]
    assert (units_directory() / unit_name(DOMAIN)).exists()


def test_enabling_twice_is_the_same_as_once() -> None:
    for _ in range(2):
        enable_autostart(DOMAIN, Notes())
    assert len(list(units_directory().rglob("*.service"))) == 2


@pytest.mark.parametrize(
    ("start", "state", "status"), [(0, "running", 0), (1, "running", 0), (1, "shut off", 1)]
)
def test_the_command_is_content_with_a_machine_that_runs_already(
    tmp_path: Path, start: int, state: str, status: int
) -> None:
    virsh = tmp_path / "virsh"
    virsh.write_text(
        f'#!/bin/sh\n[ "$1 $2" = "--connect qemu:///session" ] || exit 9\n'
        f'[ "$4" = {DOMAIN} ] || exit 9\n'
        f'case $3 in start) exit {start} ;; domstate) echo "{state}"; echo ;; esac\n'
    )
    virsh.chmod(0o755)
    unit = render_unit(DOMAIN, virsh)
    [line] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    command = shlex.split(line.removeprefix("ExecStart="))
    assert run(command, timeout=20, check=False).status == status
