"""What is wrong with a directory that accounts are to share, by what it is."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from charly_vm.arbiter import sharing
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.sharing import (
    PARTS,
    Account,
    Fault,
    find_closed_files,
    find_faults,
    find_group,
    make_lock,
    require_shared,
)
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import HostError
from charly_vm.host import mounts

GROUP = 4321
"""Of root's test; others have to do with a group that they are in."""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """As it has to be."""
    directory = tmp_path / "leases"
    for place in (directory, *(directory / name for name in PARTS)):
        place.mkdir()
        os.chown(place, -1, _group())
        place.chmod(0o2770)
    return directory


@pytest.fixture(autouse=True)
def _open_above(tmp_path: Path) -> Iterator[None]:
    """pytest's own directory is closed to other accounts."""
    closed = [one for one in tmp_path.parents if not one.stat().st_mode & stat.S_IXOTH]
    before = {one: stat.S_IMODE(one.stat().st_mode) for one in closed}
    for one in closed:
        one.chmod(before[one] | stat.S_IXOTH)
    tmp_path.chmod(0o755)
    yield
    for one, mode in before.items():
        one.chmod(mode)


def _group() -> int:
    return GROUP if os.getuid() == 0 else os.getgid()


def _member(*, uid: int = 1000) -> Account:
    return Account(uid, "alice", frozenset({_group()}))


def _only(faults: list[Fault]) -> Fault:
    [fault] = faults
    return fault


def test_one_that_is_as_it_has_to_be(ledger: Path) -> None:
    assert find_faults(ledger, _member()) == []
    make_lock(ledger)
    assert list(find_closed_files(ledger)) == []
    require_shared(ledger)


def test_one_that_is_missing_is_missing_with_all_its_parts(tmp_path: Path) -> None:
    faults = find_faults(tmp_path / "leases", _member())
    assert [fault.place.name for fault in faults] == ["leases", *PARTS]
    assert {fault.owner for fault in faults} == {os.getuid()}
    with pytest.raises(HostError, match="leases is not there") as caught:
        require_shared(tmp_path / "leases")
    assert "charly doctor" in caught.value.hint


@pytest.mark.parametrize("name", [".", *PARTS])
@pytest.mark.parametrize(
    ("mode", "in_the_way"),
    [(0o770, True), (0o2750, True), (0o3770, True), (0o2775, False)],
    ids=["no setgid", "closed to the group", "sticky", "open to all"],
)
def test_each_directory_has_its_mode(ledger: Path, name: str, mode: int, in_the_way: bool) -> None:
    (ledger / name).chmod(mode)
    fault = _only(find_faults(ledger, _member()))
    assert fault.text == f"{ledger / name} has the mode {mode:04o}, and not 2770"
    assert (fault.in_the_way, fault.owner, fault.help) == (in_the_way, os.getuid(), "")


def test_a_part_that_is_missing_or_no_directory(ledger: Path) -> None:
    (ledger / "claims").rmdir()
    assert _only(find_faults(ledger, _member())).text.endswith("claims is not there")
    (ledger / "claims").symlink_to("stopped")
    fault = _only(find_faults(ledger, _member()))
    assert fault.text.endswith("claims is no directory")
    assert fault.help == f"remove {ledger / 'claims'}"


def test_an_account_that_is_not_in_the_group(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = grp.struct_group(("lab", "x", _group(), []))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: group)
    bob = Account(1001, "bob", frozenset({_group() + 1}))
    monkeypatch.setattr(sharing, "_is_entered", lambda name, gid: False)
    fault = _only(find_faults(ledger, bob))
    assert fault.text == f"bob is not in the group lab, which shares the ledger {ledger}"
    assert fault.help == "sudo usermod -aG lab bob  # and log in again"
    monkeypatch.setattr(sharing, "_is_entered", lambda name, gid: True)
    fault = _only(find_faults(ledger, bob))
    assert fault.text.startswith("this login is older than bob's membership in the group lab")
    assert fault.help == "log in again"


def test_root_shares_by_no_group_of_its_own(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() != 0:
        monkeypatch.setattr(Path, "stat", lambda path: os.stat_result((0o42770, *[0] * 9)))
    else:
        os.chown(ledger, -1, 0)
    faults = find_faults(ledger, _member())
    assert "is of the group root, and of none that shares it" in faults[0].text
    assert [fault.place.name for fault in faults] == ["leases", *PARTS]


def test_a_directory_that_somebody_has_merely_made(ledger: Path) -> None:
    for name in PARTS:
        (ledger / name).rmdir()
    ledger.chmod(0o755)
    assert "and of none that shares it" in find_faults(ledger, _member())[0].text
    assert find_group(ledger) is None
    ledger.chmod(0o2770)
    assert find_group(ledger) == _group()
    assert "claims is not there" in find_faults(ledger, _member())[0].text


def test_a_directory_that_is_used_for_something_else(tmp_path: Path, ledger: Path) -> None:
    (ledger / "thesis.tex").touch()
    fault = _only(find_faults(ledger, _member()))
    assert fault.text == f"{ledger} is there for other things, such as thesis.tex"
    assert fault.help == "name a directory that is for leases alone"
    file = tmp_path / "file"
    file.touch()
    assert _only(find_faults(file, _member())).text == f"{file} is no directory"


def test_a_directory_below_one_that_is_closed(ledger: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    fault = _only(find_faults(ledger, _member()))
    assert fault.text == f"{ledger} is below {tmp_path}, which is closed to other accounts"
    assert not fault.in_the_way
    assert "/var/lib/charly/leases" in fault.help


def test_files_that_the_group_cannot_use(ledger: Path) -> None:
    lock, record, waiting = (ledger / "claims" / name for name in ("a.lock", "a.json", ".b.tmp"))
    for file in (lock, record, waiting):
        file.touch()
        file.chmod(0o600)
    link = ledger / "stopped" / "link.json"
    link.symlink_to("/etc/passwd")
    assert dict(find_closed_files(ledger)) == {lock: os.getuid(), record: os.getuid()}
    lock.chmod(0o640)
    record.chmod(0o640)
    assert dict(find_closed_files(ledger)) == {lock: os.getuid()}


def test_what_a_ledger_makes_is_the_groups_whatever_the_umask(ledger: Path) -> None:
    me = Claimant("me", "me", os.getuid(), os.getpid())
    before = os.umask(0o177)
    try:
        lease = Arbiter(Ledger(ledger, shared=True)).claim(make_wish(["gpu"]), me)
    finally:
        os.umask(before)
    with lease:
        modes = {"lock": 0o660, f"claims/{lease.id}.lock": 0o660, f"claims/{lease.id}.json": 0o640}
        for name, mode in modes.items():
            status = (ledger / name).stat()
            assert (stat.S_IMODE(status.st_mode), status.st_gid) == (mode, _group())
    assert [one.name for one in ledger.iterdir() if one.name.startswith(".")] == []


def test_to_look_takes_the_same_rights(ledger: Path) -> None:
    (ledger / "claims").chmod(0o700)
    shared = Ledger(ledger, shared=True)
    for look in (shared.peek, shared.peek_stopped):
        with pytest.raises(HostError, match="has the mode 0700"):
            look()
    assert Ledger(ledger / "none", shared=True).peek().claims == {}


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "fuse.sshfs"])
def test_no_ledger_is_on_a_file_system_of_other_hosts(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / rw - ext4 /dev/vda rw\n"
        f"2 1 0:5 / {ledger} rw,relatime shared:3 - {kind} server:/export rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS", table)
    for one in (Ledger(ledger, shared=True), Ledger(ledger / "own")):
        with pytest.raises(HostError, match=f"is on {kind}, where a lock") as caught, one.open():
            pass
        assert "local disk" in caught.value.hint
    assert not (ledger / "own").exists()
