"""Verbs that look at a guest's files and units. The guest is a stand-in: this very host."""

from __future__ import annotations

import getpass
from pathlib import Path

from step_stand_in import Answers, explain


def test_a_file_is_there_or_not(tmp_path: Path) -> None:
    here, absent = tmp_path / "it's here", tmp_path / "absent"
    here.write_text("one\ntwo\n")
    here.chmod(0o640)
    name = f'"{here}"'
    assert explain(tmp_path, f"file: {name}") == ""
    assert explain(tmp_path, f"file: {absent}, exists: false") == ""
    assert explain(tmp_path, f"file: {absent}/below, exists: false") == ""
    assert "No such file" in explain(tmp_path, f"file: {absent}")
    assert "expected absent" in explain(tmp_path, f"file: {name}, exists: false")


def test_a_file_has_a_mode_an_owner_and_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("one\ntwo\n")
    path.chmod(0o640)
    owner = getpass.getuser()
    assert explain(tmp_path, f"file: {path}, mode: '0640', owner: {owner}, contains: [two]") == ""
    assert explain(tmp_path, f"file: {path}, mode: 0640") == ""
    assert "found 640" in explain(tmp_path, f"file: {path}, mode: '0600'")
    assert f"found {owner}" in explain(tmp_path, f"file: {path}, owner: nobody-{owner}")
    assert "something with 'three'" in explain(tmp_path, f"file: {path}, contains: [three]")


RUNNING = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
DEAD = "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"


def test_a_service_runs_and_is_enabled(tmp_path: Path) -> None:
    shell = Answers(RUNNING)
    assert explain(tmp_path, "service: ssh, enabled: true", shell) == ""
    assert shell.asked[0].endswith(" ssh.service")
    assert explain(tmp_path, "service: ssh.socket, running: false", Answers(DEAD)) == ""


def test_a_service_that_does_not_run_says_what_it_does(tmp_path: Path) -> None:
    assert "found inactive" in explain(tmp_path, "service: ssh", Answers(DEAD))
    assert "found inactive (not-found)" in explain(tmp_path, "service: sshh", Answers(ABSENT))
    assert "found disabled" in explain(
        tmp_path, "service: ssh, running: false, enabled: true", Answers(DEAD)
    )


def test_a_service_may_be_asked_for_being_enabled_alone(tmp_path: Path) -> None:
    stopped = "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
    assert explain(tmp_path, "service: ssh, enabled: true", Answers(stopped)) == ""
    assert "found disabled" in explain(tmp_path, "service: ssh, enabled: true", Answers(DEAD))


def test_a_file_has_a_group_a_type_and_a_digest(tmp_path: Path) -> None:
    path, link = tmp_path / "f", tmp_path / "l"
    path.write_text("one\n")
    link.symlink_to("nowhere")
    group = path.group()
    digest = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    assert explain(tmp_path, f"file: {path}, group_of: {group}, filetype: file") == ""
    assert explain(tmp_path, f"file: {tmp_path}, filetype: directory") == ""
    assert explain(tmp_path, f"file: {link}, filetype: symlink") == ""
    assert explain(tmp_path, f"file: {path}, sha256: {digest}") == ""
    assert "No such file" in explain(tmp_path, f"file: {link}")
    assert f"found {group}" in explain(tmp_path, f"file: {path}, group_of: not-{group}")
    assert "found directory" in explain(tmp_path, f"file: {tmp_path}, filetype: file")
    assert f"found {digest}" in explain(tmp_path, f"file: {path}, sha256: {'0' * 64}")
