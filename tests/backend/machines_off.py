"""A machine for tests that start QEMU without a guest: an empty disk, real paths, any port."""

from __future__ import annotations

import uuid
from pathlib import Path

from charly_vm.host.process import find_tool, require_tool, run
from charly_vm.model.protocols import Domain
from charly_vm.model.resolved import BackendName, Forward, Paths, ResolvedMachine


def make_machine(directory: Path, **changes: object) -> ResolvedMachine:
    """A machine below `directory`, with its two disks made. SSH gets any free port."""
    paths = Paths(directory=directory / "d", runtime=directory / "r")
    paths.directory.mkdir()
    identity = uuid.uuid4()
    values = {
        "domain": f"charly-test-{str(identity)[:8]}",
        "uuid": str(identity),
        "hostname": "test",
        "backend": BackendName.QEMU,
        "backend_reason": "",
        "architecture": "x86_64",
        "machine": "q35",
        "emulator": str(find_tool("qemu-system-x86_64") or "qemu-system-x86_64"),
        "accelerator": "tcg",
        "cpu_model": "max",
        "cpus": 1,
        "ram": 64 * 1024**2,
        "disk_size": 1024**2,
        "user": "charly",
        "ssh_port": 0,
        "forward": Forward.SLIRP,
        "mac": "52:54:00:12:34:56",
        "disposable": True,
        "paths": paths,
        **changes,
    }
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", paths.overlay, "1M"], timeout=20)
    paths.seed.write_bytes(bytes(2048))
    return ResolvedMachine(**values)  # type: ignore[arg-type]


def domain_of(machine: ResolvedMachine) -> Domain:
    return Domain(machine.domain, machine.uuid, machine.paths)
