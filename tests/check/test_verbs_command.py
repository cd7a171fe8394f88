"""`command` and `matching`, and what a failure says. The guest is a stand-in: this very host."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from step_stand_in import Answers, Result, carry_out, explain, guest

from charly_vm.check.result import StepNotRun
from charly_vm.errors import GuestError, GuestTimeout


def test_a_command_passes_with_status_0(tmp_path: Path) -> None:
    assert explain(tmp_path, "command: 'true'") == ""


def test_a_failing_step_says_where_it_stands_what_it_expects_and_what_was_found(
    tmp_path: Path,
) -> None:
    text = explain(tmp_path, "command: 'echo out; echo err >&2; exit 3', stdout: in")
    assert text.splitlines() == [
        f"{tmp_path / 'charly.yml'}:4: it holds",
        "  exit status: expected 0",
        "                  found 3",
        "  stdout: expected 'in'",
        "             found 'out'",
        "  stderr: expected (not checked)",
        "             found 'err'",
    ]


def test_output_is_compared_without_its_last_line_end(tmp_path: Path) -> None:
    assert explain(tmp_path, 'command: echo hello, stdout: hello, stderr: ""') == ""
    assert "found 'hello\\n'" in explain(tmp_path, "command: 'echo hello; echo', stdout: hello")


def test_another_exit_status_may_be_wanted(tmp_path: Path) -> None:
    assert explain(tmp_path, "command: exit 3, exit_status: 3") == ""
    assert explain(tmp_path, "command: exit 3, exit_status: {gt: 3}") != ""


def test_a_step_has_variables_of_its_own_in_the_environment(tmp_path: Path) -> None:
    env = """env: {A: "it's", B: "$A"}"""
    written = f"""command: 'echo "$A-$B"', {env}, stdout: "it's-$A" """
    assert explain(tmp_path, written) == ""


def test_a_command_may_run_as_somebody_else(tmp_path: Path) -> None:
    shell = Answers({"id -un;": "tester\n/home/tester", "sudo": "root\n", "": "tester\n"})
    assert explain(tmp_path, "command: id -un, run_as: root, stdout: root", shell) == ""
    assert shell.asked[-2:] == [
        "sudo -n -H -u root -- sh -c true",
        "sudo -n -H -u root -- sh -c 'id -un'",
    ]
    assert explain(tmp_path, "command: whoami, run_as: tester, stdout: tester", shell) == ""
    assert shell.asked[-1] == "whoami"


def test_an_account_that_cannot_be_had_is_no_failure_of_the_command(tmp_path: Path) -> None:
    refused = Result(1, b"", b"sudo: unknown user app\n")
    shell = Answers({"id -un;": "me\n/home/me", "sudo": refused})
    with pytest.raises(GuestError, match="me cannot become app: sudo: unknown user app"):
        carry_out(tmp_path, "command: cat /etc/shadow, run_as: app, exit_status: 1", shell)


def test_root_becomes_somebody_else_without_sudo(tmp_path: Path) -> None:
    shell = Answers({"id -un;": "root\n/root", "su -s /bin/sh nobody -c": "nobody"})
    assert explain(tmp_path, "command: whoami, run_as: nobody, stdout: nobody", shell) == ""


def test_a_command_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    written = f"command: 'sleep 3; touch {tmp_path}/late', background: true, timeout: 60s"
    assert explain(tmp_path, written) == ""
    assert time.monotonic() - began < 3
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize("where", ["in_container: false", "from_host: true"])
def test_a_command_may_run_on_this_host(tmp_path: Path, where: str) -> None:
    shell = Answers({})
    written = f"command: 'pwd; echo $X', {where}, env: {{X: here}}, stdout: [{tmp_path}, here]"
    assert explain(tmp_path, written, shell) == ""
    assert shell.asked == []
    assert "found 4" in explain(tmp_path, f"command: exit 4, {where}", shell)


def test_a_command_on_this_host_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(GuestTimeout, match="'sleep 30' on this host"):
        carry_out(tmp_path, "command: sleep 30, from_host: true, timeout: 1s")


def test_what_makes_no_sense_on_this_host_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepNotRun, match="neither"):
        carry_out(tmp_path, "command: 'true', from_host: true, run_as: root")


def test_a_text_is_matched_part_by_part(tmp_path: Path) -> None:
    assert explain(tmp_path, "matching: hello world, contains: [hello, world]") == ""
    assert "something with 'moon'" in explain(tmp_path, "matching: hello, contains: moon")
    view = guest()
    view.variables["SAID"] = "a b"
    assert explain(tmp_path, "matching: '${SAID} c', contains: a b c", view) == ""


def test_a_guest_that_fails_to_start_a_command_fails_the_step(tmp_path: Path) -> None:
    shell = Answers({"": Result(127, b"", b"sh: frob: not found\n")})
    text = explain(tmp_path, "command: frob", shell)
    assert "found 127" in text
    assert "sh: frob: not found" in text


def test_the_account_and_its_home_are_asked_of_the_guest(tmp_path: Path) -> None:
    home = os.environ["HOME"]
    assert explain(tmp_path, f"matching: '${{HOME}}/x', contains: {home}/x") == ""
