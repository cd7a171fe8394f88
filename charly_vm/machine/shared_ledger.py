"""Making the directory of a ledger that accounts share, and mending one that is in use.

Everything is done to what was opened, and no link is followed: members of the group can put one
where root is about to change something.
"""

from __future__ import annotations

import grp
import os
import shlex
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from charly_vm.arbiter.ledger import require_local
from charly_vm.arbiter.sharing import (
    DIRECTORY_MODE,
    PARTS,
    Account,
    Fault,
    find_closed_files,
    find_faults,
    find_group,
    is_closed,
    make_lock,
    mode_of_file,
    name_of_group,
    this_account,
)
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import require_tool, run
from charly_vm.host.settings import find_value

GROUP = "charly"
"""The group of a directory that has none of its own yet."""
GROUPADD_SECONDS = 60.0

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def shared_directory() -> Path | None:
    """What the setting `leases.directory` names; None where the ledger is the account's own."""
    text = find_value("leases.directory").text
    return Path(text) if text else None


def mend_shared_ledger() -> list[str]:
    """Have the ledger be as it has to be for accounts to share it, as far as this account can do
    that; returns what was done, in words. What helps otherwise is what `render_mending` says."""
    directory, account = shared_directory(), this_account()
    if directory is None or not can_mend(directory, account):
        return []
    try:
        require_local(directory)
    except HostError:
        # The doctor's table says so, and there is nothing to mend.
        return []
    with explain_os_errors(f"make {directory} a ledger that accounts share"):
        group = _mend(directory, account)
    done = [f"{directory} is a ledger that the group {group} shares now"]
    if account.is_root:
        user = os.environ.get("SUDO_USER", "USER")
        done.append(f"whoever is to use it, logs in again after: usermod -aG {group} {user}")
    return done


def can_mend(directory: Path, account: Account) -> bool:
    """Whether something is wrong with it, and all of it can be put right by this account."""
    faults = find_faults(directory, account)
    if any(fault.help for fault in faults):
        return False
    owners = {fault.owner for fault in faults}
    owners |= {owner for _, owner in find_closed_files(directory)}
    if account.is_root or not owners:
        return bool(owners)
    return owners == {account.uid} and _find_group(directory) in account.groups


def render_mending(directory: Path, faults: Sequence[Fault], account: Account) -> str:
    """The command that mends it: ours, where this account may do it, else one for root."""
    elsewhere = [fault.help for fault in faults if fault.help]
    if elsewhere:
        return "; ".join(dict.fromkeys(elsewhere))
    if can_mend(directory, account):
        return "charly doctor --fix"
    commands = []
    gid = _find_group(directory)
    group = GROUP if gid is None else name_of_group(gid)
    if gid is None:
        commands.append(f"groupadd --system {group}")
    if faults:
        places = shlex.join(str(one) for one in dict.fromkeys(fault.place for fault in faults))
        commands.append(f"install -d -g {group} -m {DIRECTORY_MODE:o} {places}")
    if any(find_closed_files(directory)):
        whole = shlex.quote(str(directory))
        commands += [f"chgrp -R {group} {whole}", f"chmod -R g+rwX {whole}"]
    entering = []
    if gid not in account.groups:
        entering.append(f"usermod -aG {group} {account.name}  # and log in again")
    return " && ".join(f"sudo {command}" for command in (*commands, *entering))


def _find_group(directory: Path) -> int | None:
    """The group that shares it, or is to; None for one that is not there yet."""
    gid = find_group(directory)
    if gid is not None:
        return gid
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _mend(directory: Path, account: Account) -> str:
    """Returns the name of the group."""
    _make_above(directory)
    gid = _require_group(directory)
    with suppress(FileExistsError):
        # Closed until it is the group's.
        directory.mkdir(mode=0o700)
    descriptor = _open_directory(directory)
    try:
        _give(descriptor, gid, DIRECTORY_MODE)
        for name in PARTS:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=descriptor)
            part = _open_directory(directory / name, name, descriptor)
            try:
                _give(part, gid, DIRECTORY_MODE)
            finally:
                os.close(part)
    finally:
        os.close(descriptor)
    make_lock(directory)
    for path, owner in find_closed_files(directory):
        if account.is_root or owner == account.uid:
            _open_to_group(path, gid)
    return name_of_group(gid)


def _make_above(directory: Path) -> None:
    """The directories above, open to all, whatever our umask."""
    for above in reversed(directory.parents):
        if not above.exists():
            above.mkdir()
            above.chmod(0o755)


def _require_group(directory: Path) -> int:
    gid = _find_group(directory)
    if gid is None:
        groupadd = require_tool("groupadd", package="passwd (Debian) or shadow-utils (Red Hat)")
        run([groupadd, "--system", GROUP], timeout=GROUPADD_SECONDS)
        gid = grp.getgrnam(GROUP).gr_gid
    return gid


def _open_directory(path: Path, name: str = "", above: int | None = None) -> int:
    try:
        return os.open(name or path, _DIRECTORY, dir_fd=above)
    except NotADirectoryError:
        # The kernel's answer for a link as well.
        raise HostError(
            f"{path} is a link or a file, and not a directory",
            hint="have `charly settings set leases.directory` name the directory itself",
        ) from None


def _give(descriptor: int, gid: int, mode: int) -> None:
    """Nothing is done to what is right already: somebody may be using it."""
    status = os.fstat(descriptor)
    if status.st_gid != gid:
        os.fchown(descriptor, -1, gid)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(descriptor, mode)


def _open_to_group(path: Path, gid: int) -> None:
    """Locks on the file are none of the rights', and stay."""
    try:
        # A file that has another name as well may be anybody's.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(descriptor)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if alone and is_closed(path, status, gid):
            _give(descriptor, gid, mode_of_file(path))
    finally:
        os.close(descriptor)
