"""What a ledger's directory has to be for several accounts to share it: a group's, down to each
file, whatever the umask of whoever makes one.

    DIRECTORY, claims, stopped, inhibited, modes,
    damaged                                            mode 2770, of one group that all are in
    lock, *.lock                                       for the group to read and write
    *.json                                             for the group to read; they are replaced

The directory may not be sticky: each account removes what others have left when they died.
"""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors

LOCK = "lock"
PARTS = ("claims", "stopped", "inhibited", "modes", "damaged")
MENDED_BY = "`charly doctor` has the command that mends it"
DIRECTORY_MODE = 0o2770
LOCK_MODE, RECORD_MODE = 0o660, 0o640

_NEEDED = stat.S_ISGID | stat.S_IRWXG
"""Without these, or with the sticky bit, accounts shut each other out; the rest is prudence."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who wants to use it."""

    uid: int
    name: str
    groups: frozenset[int]
    """Those that this process is in."""

    @property
    def is_root(self) -> bool:
        return self.uid == 0


def this_account() -> Account:
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Account(uid, name, frozenset((os.getegid(), *os.getgroups())))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it has to be."""

    text: str
    place: Path
    owner: int = 0
    """The account that can mend it, beside root."""
    help: str = ""
    """What would help, where that is nothing that is done to the directory."""
    in_the_way: bool = True
    """Whether the ledger cannot be used like this."""


def require_shared(directory: Path) -> None:
    """Raises `HostError` for a directory in which accounts would shut each other out."""
    for fault in find_faults(directory, this_account()):
        if fault.in_the_way:
            raise HostError(fault.text, hint=fault.help or MENDED_BY)


def find_faults(directory: Path, account: Account) -> list[Fault]:
    """All that keeps accounts from sharing it; the files inside are `find_closed_files`' affair."""
    try:
        status = directory.stat()
    except (FileNotFoundError, NotADirectoryError):
        return [*_find_missing(directory), *_find_closed_above(directory, None)]
    except PermissionError:
        text = f"{account.name} does not reach {directory}: a directory above it is closed"
        return [Fault(text, directory, help=_ELSEWHERE)]
    except OSError as error:
        return [Fault(f"{directory}: {error.strerror}", directory, help=_ELSEWHERE)]
    if not stat.S_ISDIR(status.st_mode):
        return [Fault(f"{directory} is no directory", directory, help=_ELSEWHERE)]
    # Whoever is not in the group sees no further.
    shut = _find_other_use(directory) or _find_not_member(directory, status, account)
    if shut:
        return shut
    return [
        *_judge(directory, status, status.st_gid),
        *(fault for name in PARTS for fault in _judge_part(directory / name, status)),
        *_find_closed_above(directory, status.st_gid),
    ]


def find_group(directory: Path) -> int | None:
    """The group that shares it; None where it is not there, or has none of its own yet."""
    try:
        status = directory.stat()
    except OSError:
        return None
    return status.st_gid if _is_by_group(directory, status) else None


def find_closed_files(directory: Path) -> Iterator[tuple[Path, int]]:
    """Files that some account of the group cannot use, each with the account that owns it: they
    were made before the directory was as it has to be."""
    try:
        group = directory.stat().st_gid
        found = [directory / LOCK]
        for name in PARTS:
            with os.scandir(directory / name) as entries:
                found += [Path(one.path) for one in entries if not one.name.startswith(".")]
    except OSError:
        return
    for path in found:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode) and is_closed(path, status, group):
            yield path, status.st_uid


def is_closed(path: Path, status: os.stat_result, group: int) -> bool:
    """Whether accounts of a group cannot do with a file what they have to."""
    needed = mode_of_file(path) & stat.S_IRWXG
    return status.st_gid != group or status.st_mode & needed != needed


def mode_of_file(path: Path) -> int:
    return LOCK_MODE if path.name == LOCK or path.suffix == ".lock" else RECORD_MODE


def name_of_group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def make_lock(directory: Path) -> None:
    """Make the ledger's lock where it is missing. It has its rights from the moment it is there:
    nobody else could open one whose maker dies between making it and opening it to others."""
    lock = directory / LOCK
    if lock.exists():
        return
    temporary = directory / f".{LOCK}.{secrets.token_hex(4)}.tmp"
    with explain_os_errors(f"make {lock}"):
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, LOCK_MODE)
        try:
            os.fchmod(descriptor, LOCK_MODE)
            lock.hardlink_to(temporary)
        except FileExistsError:
            pass
        finally:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)


_ELSEWHERE = (
    "have `charly settings set leases.directory` name one that all accounts reach, such as "
    "/var/lib/charly/leases"
)


def _find_missing(directory: Path) -> list[Fault]:
    above = directory.parent
    owner = above.stat().st_uid if above.is_dir() else 0
    places = (directory, *(directory / name for name in PARTS))
    return [Fault(f"{place} is not there", place, owner) for place in places]


def _is_by_group(directory: Path, status: os.stat_result) -> bool:
    """Whether somebody has given it to its group on purpose. Nobody should be put in root's, or in
    that of whoever has merely made the directory, for the sake of leases."""
    is_used = any(os.path.lexists(directory / name) for name in PARTS)
    return status.st_gid != 0 and (bool(status.st_mode & stat.S_ISGID) or is_used)


def _find_not_member(directory: Path, status: os.stat_result, account: Account) -> list[Fault]:
    gid = status.st_gid
    if not _is_by_group(directory, status):
        places = (directory, *(directory / name for name in PARTS))
        text = f"{directory} is of the group {name_of_group(gid)}, and of none that shares it"
        return [Fault(text, place, status.st_uid) for place in places]
    if account.is_root or gid in account.groups:
        return []
    group = name_of_group(gid)
    text = f"{account.name} is not in the group {group}, which shares the ledger {directory}"
    help_ = f"sudo usermod -aG {group} {account.name}  # and log in again"
    if _is_entered(account.name, gid):
        text = f"this login is older than {account.name}'s membership in the group {group}, which "
        text += f"shares the ledger {directory}"
        help_ = "log in again"
    return [Fault(text, directory, help=help_)]


def _is_entered(name: str, gid: int) -> bool:
    """Whether whoever logs in under this name now is in the group."""
    try:
        return gid in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return False


def _find_other_use(directory: Path) -> list[Fault]:
    """A directory that is there for something else is not to be given to a group."""
    try:
        names = {one.name for one in directory.iterdir() if not one.name.startswith(f".{LOCK}.")}
    except PermissionError:
        return []
    others = sorted(names - {LOCK, *PARTS})
    if not others:
        return []
    text = f"{directory} is there for other things, such as {others[0]}"
    return [Fault(text, directory, help="name a directory that is for leases alone")]


def _judge_part(place: Path, above: os.stat_result) -> Iterator[Fault]:
    try:
        # Not through a link: any of the group could have put one there.
        status = place.lstat()
    except FileNotFoundError:
        yield Fault(f"{place} is not there", place, above.st_uid)
    except PermissionError:
        # The directory itself is at fault, and is judged for itself.
        return
    else:
        if stat.S_ISDIR(status.st_mode):
            yield from _judge(place, status, above.st_gid)
        else:
            yield Fault(f"{place} is no directory", place, help=f"remove {place}")


def _judge(place: Path, status: os.stat_result, group: int) -> Iterator[Fault]:
    mode = stat.S_IMODE(status.st_mode)
    if status.st_gid != group:
        text = f"{place} belongs to the group {name_of_group(status.st_gid)}"
        yield Fault(f"{text}, and not to {name_of_group(group)}", place, status.st_uid)
    elif mode != DIRECTORY_MODE:
        shuts_out = mode & (_NEEDED | stat.S_ISVTX) != _NEEDED
        text = f"{place} has the mode {mode:04o}, and not {DIRECTORY_MODE:o}"
        yield Fault(text, place, status.st_uid, in_the_way=shuts_out)


def _find_closed_above(directory: Path, group: int | None) -> Iterator[Fault]:
    """The directory above it that lets its owner pass and not the accounts of a group."""
    for above in directory.resolve().parents:
        try:
            status = above.stat()
        except OSError:
            continue
        passes = status.st_mode & stat.S_IXOTH or (
            status.st_gid == group and status.st_mode & stat.S_IXGRP
        )
        if not passes:
            text = f"{directory} is below {above}, which is closed to other accounts"
            yield Fault(text, directory, help=_ELSEWHERE, in_the_way=False)
            return
