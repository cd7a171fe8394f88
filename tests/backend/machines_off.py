"""A machine for tests that start QEMU without a guest: an empty disk, real paths, any port."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from sample_machine import sample_machine

from charly_vm.host.process import find_tool, require_tool, run
from charly_vm.model.protocols import domain_of
from charly_vm.model.resolved import Paths, ResolvedMachine

__all__ = ["domain_of", "make_machine"]


def make_machine(directory: Path, **changes: Any) -> ResolvedMachine:
    """A machine below `directory`, with its two disks made. SSH gets any free port."""
    paths = Paths(directory=directory / "d", runtime=directory / "r")
    paths.directory.mkdir()
    identity = uuid.uuid4()
    values: dict[str, Any] = {
        "domain": f"charly-test-{str(identity)[:8]}",
        "uuid": str(identity),
        "emulator": str(find_tool("qemu-system-x86_64") or "qemu-system-x86_64"),
        "cpus": 1,
        "ram": 64 * 1024**2,
        "disk_size": 1024**2,
        "ssh_port": 0,
        "paths": paths,
    }
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", paths.overlay, "1M"], timeout=20)
    paths.seed.write_bytes(bytes(2048))
    return sample_machine(**values, **changes)
