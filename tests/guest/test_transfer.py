"""Files to and from a guest: the same over SFTP and, where there is none, through tar."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guest_stand_in import GuestStandIn

from charly_vm.errors import CharlyError, GuestError, HostError
from charly_vm.guest.ssh import SshGuest
from charly_vm.guest.transfer import fetch_files, send_files
from charly_vm.host.process import require_tool
from charly_vm.host.progress import Silent

pytestmark = pytest.mark.slow


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.moved: list[int] = []
        self.total: int | None = None

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        self.total = total
        yield self.moved.append


@pytest.fixture(scope="module", params=["sftp", "tar"])
def guest(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SshGuest]:
    """One that has SFTP, and one that has only tar."""
    with GuestStandIn(tmp_path_factory.mktemp("guest")) as one:
        for name in ("tar", "readlink"):
            (one.directory / "bin" / name).symlink_to(require_tool(name, package=name))
        one.start(sftp=request.param == "sftp")
        yield one.guest()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A tree on this host."""
    here = tmp_path / "here"
    (here / "tree" / "inner").mkdir(parents=True)
    (here / "tree" / "-odd näme").write_text("odd")
    (here / "tree" / "run.sh").write_text("#!/bin/sh\n")
    (here / "tree" / "run.sh").chmod(0o751)
    (here / "tree" / "inner" / "large").write_bytes(os.urandom(700_000))
    (here / "tree" / "inner").chmod(0o500)
    (here / "tree" / "link").symlink_to("run.sh")
    (here / "tree" / "absolute").symlink_to("/etc/passwd")
    os.utime(here / "tree" / "run.sh", (1_000_000_000, 1_000_000_000))
    return here


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """An empty directory in the guest, which is this host under another name."""
    there = tmp_path / "there"
    there.mkdir()
    return there


def _seen(root: Path) -> dict[str, tuple[str, object]]:
    """What is below a directory: permissions of files and directories, contents, targets."""
    found: dict[str, tuple[str, object]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("directory", path.stat().st_mode)
        else:
            found[name] = (str(path.stat().st_mode), path.read_bytes())
    return found


def test_a_tree_arrives_as_it_was_and_comes_back_as_it_was(
    guest: SshGuest, here: Path, there: Path, tmp_path: Path
) -> None:
    watcher = Notes()
    send_files(guest, [here / "tree"], str(there), recursive=True, progress=watcher)
    assert _seen(there / "tree") == _seen(here / "tree")
    assert (there / "tree" / "run.sh").stat().st_mtime == 1_000_000_000
    assert watcher.total is not None
    assert watcher.moved[-1] >= watcher.total >= 700_000
    assert watcher.moved == sorted(watcher.moved)
    back = tmp_path / "back"
    fetch_files(guest, [str(there / "tree")], back, recursive=True, progress=watcher)
    assert _seen(back) == _seen(here / "tree")
    assert (back / "run.sh").stat().st_mtime == 1_000_000_000
    assert watcher.notes == []


def test_a_second_copy_goes_over_the_first(
    guest: SshGuest, here: Path, there: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    back.mkdir()
    for text in ("first", "second"):
        (here / "tree" / "run.sh").write_text(text)
        (here / "tree" / "inner").chmod(0o700)
        send_files(guest, [here / "tree"], f"{there}/", recursive=True)
        (there / "tree" / "inner").chmod(0o700)
        fetch_files(guest, [str(there / "tree")], back, recursive=True)
    assert (there / "tree" / "run.sh").read_text() == "second"
    assert _seen(back / "tree") == _seen(there / "tree")


def test_several_files_go_into_a_directory_and_one_may_be_renamed(
    guest: SshGuest, here: Path, there: Path
) -> None:
    (here / "a").write_text("a")
    (here / "b").write_text("b")
    send_files(guest, [here / "a", here / "b"], str(there))
    send_files(guest, [here / "a"], str(there / "c"))
    assert {path.name: path.read_text() for path in there.iterdir()} == {
        "a": "a",
        "b": "b",
        "c": "a",
    }
    fetch_files(guest, [str(there / "a"), str(there / "b")], here / "tree")
    fetch_files(guest, [str(there / "c")], here / "new-name")
    assert (here / "tree" / "b").read_text() == "b"
    assert (here / "new-name").read_text() == "a"


def test_a_link_that_is_named_stands_for_what_it_leads_to(
    guest: SshGuest, here: Path, there: Path
) -> None:
    send_files(guest, [here / "tree" / "link"], str(there))
    assert not (there / "link").is_symlink()
    assert (there / "link").read_text() == "#!/bin/sh\n"
    (there / "to-it").symlink_to("link")
    fetch_files(guest, [str(there / "to-it")], here / "got")
    assert not (here / "got").is_symlink()
    assert (here / "got").read_text() == "#!/bin/sh\n"


def test_what_is_no_file_is_left_out_and_named(
    guest: SshGuest, here: Path, there: Path, tmp_path: Path
) -> None:
    os.mkfifo(here / "tree" / "pipe")
    watcher = Notes()
    send_files(guest, [here / "tree"], str(there), recursive=True, progress=watcher)
    assert len(watcher.notes) == 1
    assert "pipe: neither a file, a directory nor a link" in watcher.notes[0]
    os.mkfifo(there / "tree" / "pipe")
    fetch_files(guest, [str(there / "tree")], tmp_path / "b", recursive=True, progress=watcher)
    assert len(watcher.notes) == 2
    assert not (tmp_path / "b" / "pipe").exists()


def test_what_somebody_may_become_through_a_file_stays_in_the_guest(
    guest: SshGuest, here: Path, there: Path
) -> None:
    program = there / "program"
    program.write_text("x")
    program.chmod(0o6755)
    fetch_files(guest, [str(program)], here / "program")
    assert (here / "program").stat().st_mode & 0o7777 == 0o755


def test_nothing_is_written_through_a_link_that_an_earlier_copy_left(
    guest: SshGuest, there: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    there.joinpath("tree").mkdir()
    there.joinpath("tree", "file").symlink_to(secret)
    there.joinpath("tree", "directory").symlink_to(outside)
    box = tmp_path / "box"
    box.mkdir()
    fetch_files(guest, [str(there / "tree")], box, recursive=True)
    assert (box / "tree" / "file").is_symlink()
    for name in ("file", "directory"):
        there.joinpath("tree", name).unlink()
    there.joinpath("tree", "file").write_text("overwritten")
    there.joinpath("tree", "directory").mkdir()
    there.joinpath("tree", "directory", "x").write_text("planted")
    with pytest.raises(HostError, match="box/tree/directory: File exists"):
        fetch_files(guest, [str(there / "tree")], box, recursive=True)
    there.joinpath("tree", "directory", "x").unlink()
    there.joinpath("tree", "directory").rmdir()
    fetch_files(guest, [str(there / "tree")], box, recursive=True)
    assert secret.read_text() == "mine"
    assert list(outside.iterdir()) == []
    assert (box / "tree" / "file").read_text() == "overwritten"


def test_directories_need_the_recursive_flag(guest: SshGuest, here: Path, there: Path) -> None:
    with pytest.raises(HostError, match="tree is a directory") as sending:
        send_files(guest, [here / "tree"], str(there))
    assert "-r" in sending.value.hint
    with pytest.raises(GuestError, match="there is a directory") as fetching:
        fetch_files(guest, [str(there)], here)
    assert "-r" in fetching.value.hint


def test_what_is_not_there_is_named_on_either_side(
    guest: SshGuest, here: Path, there: Path
) -> None:
    with pytest.raises(HostError, match=r"cannot read .*/nothing: No such file"):
        send_files(guest, [here / "nothing"], str(there))
    with pytest.raises(GuestError, match="no directory /nowhere/"):
        send_files(guest, [here / "tree" / "run.sh"], "/nowhere/")
    with pytest.raises(GuestError, match=r"(?s)/nowhere.*[Nn]o such file"):
        send_files(guest, [here / "tree" / "run.sh"], "/nowhere/x")
    with pytest.raises(GuestError, match="nothing"):
        fetch_files(guest, [str(there / "nothing")], here)
    with pytest.raises(HostError, match="there is no directory"):
        fetch_files(guest, [str(there / "a"), str(there / "b")], here / "nowhere")
    with pytest.raises(HostError, match="there is no directory"):
        fetch_files(guest, [str(there / "a")], here / "nowhere" / "x")
    assert list(there.iterdir()) == []


def test_a_copy_without_a_name_is_refused(guest: SshGuest, here: Path) -> None:
    with pytest.raises(GuestError, match="gives no name"):
        fetch_files(guest, ["/"], here, recursive=True)


def test_a_full_disk_at_this_end_is_an_error_and_leaves_no_half_file(
    guest: SshGuest, here: Path, there: Path
) -> None:
    (there / "file").write_text("x")
    here.chmod(0o700)
    (here / "file").mkdir()
    (here / "file" / "in-the-way").touch()
    with pytest.raises(HostError, match="cannot write"):
        fetch_files(guest, [str(there / "file")], here)
    assert [path.name for path in here.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize(
    "name", ["../escaped", "/escaped", "tree/../../escaped", "tree/a/../../../escaped"]
)
def test_a_guest_whose_names_lead_out_of_the_directory_is_not_obeyed(
    tmp_path: Path, name: str
) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as evil:
        for member in ("tree", "tree/a"):
            directory = tarfile.TarInfo(member)
            directory.type = tarfile.DIRTYPE
            evil.addfile(directory)
        file = tarfile.TarInfo(name)
        file.size = 4
        evil.addfile(file, io.BytesIO(b"evil"))
    (tmp_path / "guest").mkdir()
    (tmp_path / "tree").mkdir()
    with GuestStandIn(tmp_path / "guest") as one:
        (one.directory / "bin" / "readlink").symlink_to(
            require_tool("readlink", package="coreutils")
        )
        one.install("tar", f"exec cat {archive}")
        one.start()
        target = tmp_path / "a" / "b" / "c"
        target.parent.mkdir(parents=True)
        with contextlib.suppress(CharlyError):
            fetch_files(one.guest(), [str(tmp_path / "tree")], target, recursive=True)
    assert list(tmp_path.rglob("escaped")) in ([], [target / "escaped"])
    assert not Path("/escaped").exists()


def test_a_guest_that_answers_with_something_else_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "guest").mkdir()
    (tmp_path / "file").touch()
    with GuestStandIn(tmp_path / "guest") as one:
        (one.directory / "bin" / "readlink").symlink_to(
            require_tool("readlink", package="coreutils")
        )
        one.install("tar", "echo this is no archive, but long enough to be looked at")
        one.start()
        with pytest.raises(GuestError, match="no tar archive"):
            fetch_files(one.guest(), [str(tmp_path / "file")], tmp_path / "got")


def test_a_guest_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with GuestStandIn(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        (tmp_path / "file").touch()
        with pytest.raises(GuestError, match="no SSH"):
            send_files(one.guest(port=port), [tmp_path / "file"], "/tmp")


def test_two_names_of_one_file_both_arrive(
    guest: SshGuest, here: Path, there: Path, tmp_path: Path
) -> None:
    os.link(here / "tree" / "run.sh", here / "tree" / "again.sh")
    send_files(guest, [here / "tree"], str(there), recursive=True)
    assert _seen(there / "tree") == _seen(here / "tree")
    os.link(there / "tree" / "run.sh", there / "tree" / "third.sh")
    fetch_files(guest, [str(there / "tree")], tmp_path / "back", recursive=True)
    assert _seen(tmp_path / "back") == _seen(there / "tree")
