"""Where state lives: the XDG directories, each 0700 and charly's own.

data    machines: overlay, seed, keys, record (lives as long as the machine)
cache   images: may be removed at any time, costs a rebuild
state   what is known about this host and who waits for what
config  settings, deploys of this host alone, and the stanzas for the user's own ssh
runtime sockets: short paths, since a UNIX socket's is at most 107 bytes
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from platformdirs import PlatformDirs

from charly_vm.errors import HostError
from charly_vm.host.files import make_private_directory

_DIRECTORIES = PlatformDirs("charly", appauthor=False)


def data_directory() -> Path:
    return make_private_directory(_DIRECTORIES.user_data_path)


def cache_directory() -> Path:
    return make_private_directory(_DIRECTORIES.user_cache_path)


def state_directory() -> Path:
    return make_private_directory(_DIRECTORIES.user_state_path)


def config_directory() -> Path:
    return make_private_directory(_DIRECTORIES.user_config_path)


def machines_directory() -> Path:
    """One directory per machine, named after its domain."""
    return make_private_directory(data_directory() / "vm")


def images_directory() -> Path:
    """Disks by digest; see `charly_vm.disk.store`."""
    return make_private_directory(cache_directory() / "images")


def runtime_directory() -> Path:
    """XDG_RUNTIME_DIR's `charly`, or a private directory of this user below the temporary one.

    The fallback is the same for every process of the user, and is refused when somebody else
    owns it: its name can be guessed.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return make_private_directory(Path(base) / "charly")
    path = make_private_directory(Path(tempfile.gettempdir()) / f"charly-{os.getuid()}")
    status = path.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise HostError(
            f"{path} belongs to somebody else or is open to others",
            hint="set XDG_RUNTIME_DIR to a directory of your own with mode 0700",
        )
    return path
