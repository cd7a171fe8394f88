"""Files that are never half written."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from charly_vm.errors import HostError
from charly_vm.host.files import (
    explain_os_errors,
    make_ignored_directory,
    make_private_directory,
    read_tail,
    write_atomically,
)
from charly_vm.host.process import Completed, run


def run_in_namespace(script: str, *words: str | Path) -> Completed:
    """A shell script as root of a user and mount namespace of its own."""
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c", script, "sh"]
    return run([*argv, *words], timeout=60, check=False)


WRITE = """
import sys
from pathlib import Path
from charly_vm.errors import HostError
from charly_vm.host.files import write_atomically
try:
    write_atomically(Path(sys.argv[1]), b"new" * 1000000)
except HostError as error:
    print(error)
"""


def test_text_and_bytes_are_written_for_us_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "ä\n")
    write_atomically(tmp_path / "bytes", b"\0\xff", mode=0o644)
    assert (tmp_path / "text").read_bytes() == "ä\n".encode()
    assert stat.S_IMODE((tmp_path / "text").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "bytes").stat().st_mode) == 0o644


def test_a_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as old:
        write_atomically(path, "new")
        assert old.read() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_target_of_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "link").is_symlink()


def test_a_full_disk_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    script = (
        'mount -t tmpfs -o size=1M tmpfs "$1" && echo old > "$1/file" && '
        '"$2" -c "$3" "$1/file" && cat "$1/file" && ls -A "$1"'
    )
    done = run_in_namespace(script, tmp_path, sys.executable, WRITE)
    first, hint, *rest = done.stdout.splitlines()
    assert first == f"cannot write {tmp_path / 'file'}: No space left on device"
    assert "charly vm prune" in hint
    assert rest == ["old", "file"]


def test_a_read_only_directory_is_one_clear_error(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o ro tmpfs "$1" && "$2" -c "$3" "$1/file"'
    done = run_in_namespace(script, tmp_path, sys.executable, WRITE)
    assert done.stdout.startswith(f"cannot write {tmp_path / 'file'}: Read-only file system\n")
    assert "XDG_*" in done.stdout


def test_a_missing_directory_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot write .*/nowhere/file: No such file"):
        write_atomically(tmp_path / "nowhere" / "file", "")


def test_a_private_directory_comes_with_its_parents(tmp_path: Path) -> None:
    path = make_private_directory(tmp_path / "a" / "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert make_private_directory(path) == path


def test_a_file_where_a_directory_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HostError, match=r"cannot create the directory .*/file") as raised:
            make_private_directory(path)
        assert "XDG_*" in raised.value.hint


def test_a_directory_for_generated_files_is_ignored_by_git(tmp_path: Path) -> None:
    path = make_ignored_directory(tmp_path / "output")
    assert (path / ".gitignore").read_text() == "*\n"
    (path / ".gitignore").write_text("!kept\n")
    make_ignored_directory(path)
    assert (path / ".gitignore").read_text() == "!kept\n"


def test_the_end_of_a_file_is_read_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100 + "ä end".encode())
    assert read_tail(path, size=5) == "� end"
    assert read_tail(path).startswith("xxx")
    assert read_tail(tmp_path / "gone") == ""


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some room there"),
        (errno.EDQUOT, "free some room there"),
        (errno.EACCES, "check who owns it"),
        (errno.EROFS, "the file system is read-only"),
    ],
)
def test_an_error_says_what_was_done_and_what_would_help(number: int, hint: str) -> None:
    with (
        pytest.raises(HostError, match="cannot write the record: ") as raised,
        explain_os_errors("write the record"),
    ):
        raise OSError(number, os.strerror(number))
    assert raised.value.hint.startswith(hint)
    assert isinstance(raised.value.__cause__, OSError)


def test_an_error_without_a_number_is_explained_too() -> None:
    with pytest.raises(HostError, match="cannot read it: odd"), explain_os_errors("read it"):
        raise OSError("odd")


@pytest.mark.parametrize(("mode", "wanted"), [(None, 0o640), (0o660, 0o660), (0o600, 0o600)])
def test_the_umask_counts_where_no_mode_is_said(
    tmp_path: Path, mode: int | None, wanted: int
) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "x", "text", mode=mode, durable=False)
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == wanted
