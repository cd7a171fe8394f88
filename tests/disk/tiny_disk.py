"""A file system that is soon full, for a piece of code, and images that take no time to make."""

from __future__ import annotations

import sys
from pathlib import Path

from charly_vm.host.process import Completed, run

MEBIBYTE = 1024**2


def run_on_tiny_disk(directory: Path, code: str, *, size: int = 2 * MEBIBYTE) -> Completed:
    """Run code with `directory` as an empty file system of `size` bytes that nobody else sees.

    What the code raises ends up as one line on its standard error.
    """
    program = (
        "import sys\nfrom pathlib import Path\nfrom charly_vm.errors import CharlyError\n"
        f"directory = Path({str(directory)!r})\ntry:\n"
        + "".join(f"    {line}\n" for line in code.strip().splitlines())
        + "except CharlyError as error:\n    sys.exit(type(error).__name__ + ': ' + str(error))\n"
    )
    script = f'mount -t tmpfs -o size={size} tmpfs "$1" && exec "$2" -c "$3"'
    argv = [
        "unshare", "--user", "--map-root-user", "--mount", "--",
        "sh", "-c", script, "sh", str(directory), sys.executable, program,
    ]  # fmt: skip
    return run(argv, timeout=60, check=False)


def make_qcow2(path: Path, *, size: int = MEBIBYTE, options: tuple[str, ...] = ()) -> Path:
    run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, str(size)], timeout=20)
    return path


def make_raw_disk(path: Path, *, size: int = MEBIBYTE, mark: bytes = b"") -> Path:
    """A raw disk with the signature of a boot sector; `mark` makes it differ from others."""
    path.write_bytes(mark.ljust(510, b"\0") + b"\x55\xaa" + bytes(size - 512))
    return path
