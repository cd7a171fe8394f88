"""Namespaces of our own, as whoever runs the tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from charly_vm.disk.sandbox import remove_tree, require_sandbox, sandboxed
from charly_vm.errors import HostError
from charly_vm.host.process import run, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for


def processes_with(word: str) -> list[str]:
    """The processes whose command line has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_inside_one_is_root_and_files_keep_their_owners(tmp_path: Path) -> None:
    script = 'id -u; mkdir d && touch d/of-5 && chown 5:6 d/of-5 && stat -c "%u %g" d/of-5'
    inside = run(sandboxed(["sh", "-c", script]), timeout=20, cwd=tmp_path)
    assert inside.stdout == "0\n5 6\n"
    # The next sandbox sees the same owners: a tree is made in one and packed in another.
    again = run(sandboxed(["stat", "-c", "%u %g", "d/of-5"]), timeout=20, cwd=tmp_path)
    assert again.stdout == "5 6\n"


def test_a_mount_inside_is_not_seen_outside(tmp_path: Path) -> None:
    script = 'mount -t tmpfs tmpfs "$1" && touch "$1/inside" && ls "$1"'
    done = run(sandboxed(["sh", "-c", script, "sh", tmp_path]), timeout=20)
    assert done.stdout == "inside\n"
    assert list(tmp_path.iterdir()) == []


def test_the_exit_status_comes_through() -> None:
    assert run(sandboxed(["sh", "-c", "exit 7"]), timeout=20, check=False).status == 7


def test_kill_9_of_us_ends_all_that_runs_inside(tmp_path: Path) -> None:
    seconds = f"{1_000_000 + os.getpid()}"
    code = (
        "import sys\nfrom charly_vm.disk.sandbox import sandboxed\n"
        "from charly_vm.host.process import run\n"
        "run(sandboxed(['sh', '-c', 'sleep \"$1\" & sleep \"$1\"', 'sh', sys.argv[1]]), timeout=99)"
    )
    with (tmp_path / "log").open("wb") as log:
        child = spawn([sys.executable, "-c", code, seconds], output=log)
    # setpriv has become unshare, which waits for the shell, which waits for the second sleep.
    wait_for("both to sleep", lambda: len(processes_with(seconds)) >= 5 or NotYet(), Deadline(20))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    wait_for(
        "all of them to end",
        lambda: not processes_with(seconds) or NotYet(str(processes_with(seconds))),
        Deadline(20),
    )


def test_a_tree_with_foreign_owners_is_removed(tmp_path: Path) -> None:
    script = "mkdir -p t/closed && touch t/closed/file && chown -R 5:6 t && chmod 0 t/closed"
    run(sandboxed(["sh", "-c", script]), timeout=20, cwd=tmp_path)
    remove_tree(tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_points_to_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "precious")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "tree")
    assert (tmp_path / "precious" / "file").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious"]


def test_what_is_gone_already_is_removed_without_a_word(tmp_path: Path) -> None:
    remove_tree(tmp_path / "gone")


def test_the_sandbox_can_be_had_here() -> None:
    require_sandbox()


def test_without_it_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = tmp_path / "unshare"
    refuses.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2; exit 1\n")
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(HostError, match=r"Operation not permitted") as raised:
        require_sandbox()
    wanted = "CAP_SYS_ADMIN" if os.geteuid() == 0 else "newuidmap"
    assert wanted in raised.value.hint
