"""Programs of another architecture, while a disk is built: QEMU's user emulation runs them.

The kernel hands them to an interpreter that is registered with it (Documentation/admin-guide/
binfmt-misc.rst). Some hosts have one for all that runs there. Since Linux 6.7 a user namespace can
have one of its own, which an ordinary user's sandbox makes use of.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from charly_vm.disk.sandbox import sandboxed
from charly_vm.errors import HostError
from charly_vm.host.process import find_tool, run

REGISTRY = Path("/proc/sys/fs/binfmt_misc")

ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
"""The numbers of ELF's header, for little-endian programs of 64 bits."""

_REGISTER = f"""\
mount -t binfmt_misc binfmt_misc {REGISTRY}
printf %s "$1" >{REGISTRY}/register
shift
exec "$@"
"""


def emulated(argv: Sequence[str | Path], architecture: str) -> list[str | Path]:
    """`argv`, to be `sandboxed`, with all that it takes to run programs of an architecture.

    Raises `HostError` where that cannot be had.
    """
    if architecture == platform.machine() or _is_registered(architecture):
        return list(argv)
    interpreter = find_tool(f"qemu-{architecture}-static")
    obstacle = _find_obstacle(interpreter, architecture)
    if obstacle is not None or interpreter is None:
        raise HostError(
            f"this host runs no programs of {architecture}, which building its disk needs: "
            f"{obstacle}",
            hint="install qemu-user-static (Arch: qemu-user-static-binfmt), which registers QEMU's "
            "emulation with the kernel for the whole host, or use `kind: cloud_image`",
        )
    return ["sh", "-euc", _REGISTER, "sh", render_registration(architecture, interpreter), *argv]


def render_registration(architecture: str, interpreter: Path) -> str:
    """The line that the kernel takes: these programs, by their header, for that interpreter.

    Flag F opens the interpreter now, so that it is not missed inside a new root, and C leaves a
    program its set-user-ID.
    """
    machine = ELF_MACHINES[architecture].to_bytes(2, "little")
    # 64 bits, little-endian, version 1, any ABI; an executable (2) or a shared object (3).
    magic = b"\x7fELF\x02\x01\x01\x00" + bytes(8) + b"\x02\x00" + machine
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff" + b"\xff\xff"
    return f":qemu-{architecture}:M::{_escape(magic)}:{_escape(mask)}:{interpreter}:CF"


def _escape(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def _is_registered(architecture: str) -> bool:
    """Whether the whole host has one that works inside a new root as well."""
    try:
        lines = (REGISTRY / f"qemu-{architecture}").read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags.removeprefix("flags:")


def _find_obstacle(interpreter: Path | None, architecture: str) -> str | None:
    if interpreter is None:
        return f"qemu-{architecture}-static is not installed"
    if os.geteuid() == 0:
        return "root's sandbox has no user namespace, and would register it for the whole host"
    tried = run(
        sandboxed(["mount", "-t", "binfmt_misc", "binfmt_misc", REGISTRY]), timeout=20, check=False
    )
    if tried.status != 0:
        return "before Linux 6.7 a user namespace has no binfmt_misc of its own"
    return None
