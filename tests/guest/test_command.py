from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charly_vm.guest.command import (
    PID_MARK,
    describe,
    quote,
    render_start,
    split_pid_line,
)
from charly_vm.host.process import find_tool, require_tool, run

SHELLS = [name for name in ("sh", "bash", "dash", "busybox", "zsh", "fish") if find_tool(name)]


def shell(name: str) -> list[str | Path]:
    path = require_tool(name, package=name)
    return [path, "sh", "-c"] if name == "busybox" else [path, "-c"]


@pytest.mark.parametrize("name", SHELLS)
@settings(max_examples=25, database=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_every_shell_reads_a_quoted_word_back(name: str, text: str) -> None:
    said = run([*shell(name), f"printf %s {quote(text)}."], timeout=10).stdout
    # Python's text mode turns every line end into \n, so the comparison does as well.
    assert said.splitlines() == f"{text}.".splitlines()


@pytest.mark.parametrize(
    "text", ["", "a b", "it's", "back\\slash", "\\'", "'\\", "$x `y` !z", "\n"]
)
def test_quoting_survives_a_second_shell(text: str) -> None:
    inner = f"printf %s {quote(text)}"
    for name in SHELLS:
        outer = f"sh -c {quote(inner)}"
        assert run([*shell(name), outer], timeout=10).stdout == text


@pytest.mark.parametrize("leader", [True, False], ids=["as sshd starts it", "as dropbear does"])
def test_a_command_is_the_leader_of_a_session_and_says_its_id(leader: bool) -> None:
    start = render_start("read -r pid _ _ _ _ session _ </proc/self/stat; echo $pid $session")
    done = run(["sh", "-c", start if leader else f"({start}); exit $?"], timeout=10)
    pid, session = done.stdout.split()
    assert pid == session
    assert done.stderr == f"{PID_MARK} {pid}\n"


@pytest.mark.parametrize("leader", [True, False], ids=["as sshd starts it", "as dropbear does"])
def test_a_command_is_as_alone_as_if_sh_had_been_given_it(leader: bool) -> None:
    start = render_start("echo $0 $# [$1$session$command]\nno-such-program\nfalse")
    done = run(
        ["sh", "-c", start if leader else f"({start}); exit $?"],
        timeout=10,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert (done.status, done.stdout) == (1, "sh 0 []\n")
    [_, error] = done.stderr.splitlines()
    assert error.startswith("sh: ")
    assert re.search(r"\b2\b.*: no-such-program: .*not found", error)


def test_a_guest_without_setsid_runs_commands_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to(require_tool("sh", package="dash"))
    done = run(
        [tmp_path / "sh", "-c", f"({render_start('echo done; exit 3')}); exit $?"],
        timeout=10,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert (done.status, done.stdout) == (3, "done\n")


def test_the_line_with_the_id_is_taken_out_of_standard_error() -> None:
    line = f"{PID_MARK} 4711\n".encode()
    assert split_pid_line(line + b"error\n") == (4711, b"error\n")
    assert split_pid_line(b"bashrc: oops\n" + line + b"error\n") == (4711, b"bashrc: oops\nerror\n")


@pytest.mark.parametrize("data", [b"", b"charly-comm", b"charly-command-pid 47", b"x\n", b"\xff"])
def test_the_line_with_the_id_is_waited_for(data: bytes) -> None:
    assert split_pid_line(data) is None


def test_only_the_first_such_line_is_the_id() -> None:
    first, second = (f"{PID_MARK} {number}\n".encode() for number in (1, 2))
    assert split_pid_line(first + second) == (1, second)


def test_a_long_command_is_shortened_to_a_line() -> None:
    assert describe("id -un") == "`id -un`"
    assert describe("\n  set -e\nfoo\n") == "`set -e …`"
    assert len(describe("x" * 500)) < 100
