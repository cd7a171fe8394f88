"""What the doctor says of the ledger, what would help, and what `--fix` does to its directory."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

import pytest

from charly_vm.arbiter.sharing import PARTS, Account, Fault
from charly_vm.errors import HostError
from charly_vm.host import mounts
from charly_vm.machine import shared_ledger
from charly_vm.machine.doctor import leases
from charly_vm.machine.doctor.finding import Finding
from charly_vm.machine.doctor.leases import examine_leases
from charly_vm.machine.shared_ledger import mend_shared_ledger, render_mending

ALICE = Account(1000, "alice", frozenset({1000}))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one that is set; it is not there yet."""
    named = tmp_path / "leases"
    monkeypatch.setenv("CHARLY_LEASES_DIRECTORY", str(named))
    # pytest's own directory is closed to other accounts.
    monkeypatch.setattr("charly_vm.arbiter.sharing._find_closed_above", lambda *_: iter(()))
    return named


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> int:
    """The group `charly` of this host, of which everybody here is."""
    gid = 4321 if os.getuid() == 0 else os.getgid()
    made = grp.struct_group(("charly", "x", gid, []))
    monkeypatch.setattr(grp, "getgrnam", lambda name: made)
    monkeypatch.setattr(grp, "getgrgid", lambda number: made)
    return gid


def _sharing() -> Finding:
    place, sharing = examine_leases()
    assert (place.name, place.good, sharing.name) == ("ledger", True, "accounts")
    return sharing


def _kind_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_gid


def test_a_ledger_of_ones_own_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(leases, "find_file_system", lambda path: "ext4")
    [place] = examine_leases()
    assert place.good
    assert place.found == f"{tmp_path}/charly/leases, of this account alone, on ext4"
    assert mend_shared_ledger() == []


@pytest.mark.parametrize("own", [True, False])
def test_a_ledger_on_a_file_system_of_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: Path, own: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if own:
        monkeypatch.delenv("CHARLY_LEASES_DIRECTORY")
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:5 / {tmp_path} rw - nfs4 server:/home rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    [place] = examine_leases()
    assert not place.good
    assert "is on nfs4, where a lock does not tell whether its holder lives" in place.found
    assert "local disk" in place.fix
    assert mend_shared_ledger() == []
    assert not directory.exists()


def test_a_missing_directory_is_made_and_is_good(
    directory: Path, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _sharing()
    assert (before.good, before.fix) == (False, "charly doctor --fix")
    assert before.found.endswith(f"{directory / 'claims'} is not there; and 4 more")
    monkeypatch.setenv("SUDO_USER", "alice")
    done = mend_shared_ledger()
    assert done[0] == f"{directory} is a ledger that the group charly shares now"
    assert [*done[1:]] == (
        ["whoever is to use it, logs in again after: usermod -aG charly alice"]
        if os.getuid() == 0
        else []
    )
    for place in (directory, *(directory / name for name in PARTS)):
        assert _kind_of(place) == (0o2770, group)
    assert _kind_of(directory / "lock") == (0o660, group)
    assert _sharing() == Finding(
        "leases", "accounts", True, "those in the group charly share it", before.enables
    )
    assert mend_shared_ledger() == []


def test_what_is_there_is_kept_while_the_rest_is_mended(directory: Path, group: int) -> None:
    mend_shared_ledger()
    lock, record = directory / "claims" / "1.lock", directory / "claims" / "1.json"
    for file in (lock, record):
        file.write_text("kept")
        file.chmod(0o600)
    (directory / "stopped").chmod(0o755)
    (directory / "damaged").rmdir()
    inode = lock.stat().st_ino
    assert "stopped has the mode 0755" in _sharing().found
    mend_shared_ledger()
    assert _sharing().good
    assert (_kind_of(lock)[0], _kind_of(record)[0]) == (0o660, 0o640)
    assert (lock.stat().st_ino, lock.read_text()) == (inode, "kept")


def test_a_file_with_a_second_name_is_not_opened_to_the_group(
    directory: Path, group: int, tmp_path: Path
) -> None:
    mend_shared_ledger()
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    (directory / "claims" / "1.json").hardlink_to(secret)
    (directory / "stopped" / "2.json").symlink_to(secret)
    mend_shared_ledger()
    assert _kind_of(secret)[0] == 0o600


def test_nothing_is_made_behind_a_link(directory: Path, group: int, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    directory.symlink_to(elsewhere)
    with pytest.raises(HostError, match="is a link or a file"):
        mend_shared_ledger()
    assert list(elsewhere.iterdir()) == []
    directory.unlink()
    mend_shared_ledger()
    (directory / "claims").rmdir()
    (directory / "claims").symlink_to(elsewhere)
    assert mend_shared_ledger() == []
    assert _sharing().fix == f"remove {directory}/claims"
    assert _kind_of(elsewhere)[0] == 0o755


def test_a_directory_with_other_things_in_it_is_left_alone(directory: Path, group: int) -> None:
    directory.mkdir(mode=0o755)
    (directory / "thesis.tex").touch()
    assert mend_shared_ledger() == []
    assert _sharing().fix == "name a directory that is for leases alone"
    assert _kind_of(directory)[0] == 0o755


@pytest.mark.parametrize(
    ("there", "groups", "command"),
    [
        (
            False,
            {1000},
            "sudo groupadd --system charly && sudo install -d -g charly -m 2770 /l "
            "&& sudo usermod -aG charly alice  # and log in again",
        ),
        (
            True,
            {1000},
            "sudo install -d -g charly -m 2770 /l "
            "&& sudo usermod -aG charly alice  # and log in again",
        ),
        (True, {1000, 77}, "sudo install -d -g charly -m 2770 /l"),
    ],
    ids=["no group", "not in the group", "in the group"],
)
def test_the_command_for_root(
    monkeypatch: pytest.MonkeyPatch, there: bool, groups: set[int], command: str
) -> None:
    monkeypatch.setattr(shared_ledger, "_find_group", lambda directory: 77 if there else None)
    monkeypatch.setattr(shared_ledger, "name_of_group", lambda gid: "charly")
    place = Path("/l")
    account = Account(1000, "alice", frozenset(groups))
    assert render_mending(place, [Fault("/l is not there", place)], account) == command


def test_what_no_command_mends_is_said_alone() -> None:
    place = Path("/nowhere/l")
    faults = [Fault("closed", place, help="log in again"), Fault("/l is not there", place)]
    assert render_mending(place, faults, ALICE) == "log in again"
