"""A machine's own UEFI variables: a copy of the firmware's template, which its guest changes."""

from __future__ import annotations

from pathlib import Path

from charly_vm.disk.qcow2 import appearing
from charly_vm.host.files import explain_os_errors

FLASH_BYTES = {"aarch64": 64 * 1024**2, "riscv64": 32 * 1024**2}
"""A flash chip of `virt`, whose raw file has to have exactly its size; a PC takes any."""

_CHUNK = 64 * 1024


def make_nvram(template: Path, path: Path, *, format: str, architecture: str) -> None:
    """Write the variables of a new machine to `path`, in one step and in the template's format.

    Replaces earlier ones. A raw template that is too short is filled up with zeros; what is zero
    takes no room. Raises `HostError` where a file cannot be read or written.
    """
    with appearing(path) as temporary, explain_os_errors(f"copy {template} to {path}"):
        size = template.stat().st_size
        if format == "raw":
            size = max(size, FLASH_BYTES.get(architecture, 0))
        with template.open("rb") as source, temporary.open("wb") as out:
            while chunk := source.read(_CHUNK):
                if chunk.count(0) == len(chunk):
                    out.seek(len(chunk), 1)
                else:
                    out.write(chunk)
            out.truncate(size)
