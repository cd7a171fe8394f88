"""An emulator's version, asked once for each build of it.

QEMU takes as long to say it as to start a machine: it loads all that it is linked to first.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.files import write_atomically
from charly_vm.host.paths import state_directory
from charly_vm.host.process import run

ELF = b"\x7fELF"


def find_version(binary: Path) -> tuple[int, ...]:
    """The version as in (7, 2, 22); empty where the program does not say one.

    A script is asked each time: what it starts may change without it.
    """
    key = _key(binary)
    if not key:
        return _ask(binary)
    cache = state_directory() / f"{binary.name}-version.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(cache.read_text())
        if record["key"] == key:
            return tuple(int(part) for part in record["version"])
    version = _ask(binary)
    # On a full disk it is asked again next time.
    with contextlib.suppress(CharlyError):
        write_atomically(cache, json.dumps({"key": key, "version": version}) + "\n")
    return version


def _ask(binary: Path) -> tuple[int, ...]:
    shown = run([binary, "--version"], timeout=20, what=f"{binary.name} --version").stdout
    match = re.search(r"version (\d+(?:\.\d+)*)", shown)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _key(binary: Path) -> list[object]:
    """What a new build changes; a package keeps the times of its files, so not the time alone.
    Empty for what is no program by itself."""
    try:
        real = binary.resolve()
        with real.open("rb") as stream:
            if stream.read(len(ELF)) != ELF:
                return []
        status = real.stat()
    except OSError:
        return []
    return [str(real), status.st_size, status.st_mtime_ns, status.st_ino]
