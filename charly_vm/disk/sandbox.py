"""Builders run in namespaces of their own: no privileges needed, nothing mounted or left outside.

Root gets a private mount and process namespace. An ordinary user also gets a user namespace in
which they are root and their range in /etc/subuid is everybody else, so that a tree of files with
many owners can be made, turned into a file system and removed again.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from charly_vm.errors import HostError, LaunchError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import run

REMOVE_TIMEOUT = 300.0


def sandboxed(argv: Sequence[str | Path]) -> list[str | Path]:
    """`argv` inside the namespaces. All that it starts ends with it, and it ends with us.

    The paths are those outside. setpriv's signal comes when *we* are killed, and `--kill-child`
    takes process 1 of the namespace with it, so that no builder outlives a `kill -9` of charly
    and writes into a directory that the next build has taken over.
    """
    namespaces = ["--mount", "--pid", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        namespaces += ["--user", "--map-root-user", "--map-auto"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, "--", *argv]


def require_sandbox() -> None:
    """Raise a `HostError` that says what to do where the namespaces cannot be had."""
    try:
        run(sandboxed(["true"]), timeout=20)
    except LaunchError as error:
        said = error.log.strip() or error.message
        raise HostError(f"cannot make namespaces to build in: {said}", hint=_hint()) from error


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, also what the user's subordinate ids own."""
    if not path.is_symlink() and path.is_dir():
        try:
            shutil.rmtree(path)
        except PermissionError:
            run(sandboxed(["rm", "-rf", "--", path]), timeout=REMOVE_TIMEOUT)
        except OSError:
            with explain_os_errors(f"remove {path}"):
                raise
    else:
        with explain_os_errors(f"remove {path}"):
            path.unlink(missing_ok=True)


def _hint() -> str:
    if os.geteuid() == 0:
        return "inside a container, allow it CAP_SYS_ADMIN and the unshare system call"
    name = pwd.getpwuid(os.geteuid()).pw_name
    return (
        "install newuidmap (Debian's package uidmap), give yourself subordinate ids with "
        f"`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}` as root, "
        "and allow user namespaces (sysctl user.max_user_namespaces, "
        "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
    )
