"""A machine of the tiny guest, made without the rest of the engine: for the backends' contract."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sample_machine import sample_machine

from charly_vm.backend.libvirt_session import probe_libvirt
from charly_vm.disk.qcow2 import create_overlay
from charly_vm.disk.seed import write_seed
from charly_vm.host.accelerators import probe_accelerators
from charly_vm.host.facts import LibvirtFacts
from charly_vm.host.process import require_tool
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Backend, Domain, DomainState
from charly_vm.model.resolved import BackendName, Carrier, Paths, ResolvedMachine, ResolvedNetwork
from charly_vm.render.cloud_init import render_seed

BOOT_SECONDS = 60.0
READY = "tiny guest: ready"


@dataclass(frozen=True)
class Subject:
    """A machine of the tiny guest on the backend under test."""

    backend: Backend
    machine: ResolvedMachine

    @property
    def domain(self) -> Domain:
        return Domain(self.machine.domain, self.machine.uuid, self.machine.paths)

    def state(self) -> DomainState:
        return self.backend.state(self.domain)

    def boot(self) -> None:
        """Start it and wait until its guest says that it is ready."""
        log = self.machine.paths.console_log
        log.unlink(missing_ok=True)
        self.backend.start(self.domain)

        def probe() -> bool | NotYet:
            text = log.read_text(errors="replace") if log.exists() else ""
            return True if READY in text else NotYet(text[-500:])

        wait_for("the tiny guest to be ready", probe, Deadline(BOOT_SECONDS))


@contextmanager
def defined(backend: Backend, image: Path) -> Iterator[Subject]:
    # Not pytest's own directory: libvirt puts sockets beside ours, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        paths = Paths(directory=Path(directory, "d"), runtime=Path(directory, "r"))
        paths.directory.mkdir()
        machine = _resolve(backend.name, paths)
        key = make_key_pair(paths.user_key, comment="test")
        host_key = make_key_pair(paths.host_key, comment="test")
        documents = render_seed(
            domain_uuid=machine.uuid,
            hostname=machine.hostname,
            user=machine.user,
            adopt=False,
            authorized_keys=[key.public],
            host_key_private=host_key.private,
            host_key_public=host_key.public,
        )
        write_seed(paths.seed, documents)
        create_overlay(image, paths.overlay, machine.disk_size)
        subject = Subject(backend, machine)
        backend.define(machine)
        try:
            yield subject
        finally:
            backend.undefine(subject.domain)


def _resolve(name: BackendName, paths: Paths) -> ResolvedMachine:
    emulator = str(require_tool("qemu-system-x86_64", package="qemu-system-x86"))
    accelerator = next(
        one.name for one in probe_accelerators(emulator, platform.machine()) if one.works
    )
    facts = probe_libvirt() if name is BackendName.LIBVIRT else None
    passt = isinstance(facts, LibvirtFacts) and facts.passt
    identity = uuid.uuid4()
    carrier = Carrier.PASST if passt else Carrier.SLIRP
    mac = "52:54:00:0c:" + ":".join(f"{byte:02x}" for byte in os.urandom(2))
    return sample_machine(
        libvirt={"cpu": {"mode": "host-passthrough" if accelerator == "kvm" else "maximum"}},
        domain=f"charly-contract-{str(identity)[:8]}",
        uuid=str(identity),
        hostname="contract",
        backend=name,
        emulator=emulator,
        accelerator=accelerator,
        cpus=1,
        ram=192 * 1024**2,
        disk_size=256 * 1024**2,
        network=ResolvedNetwork(carrier, "virtio", mac),
        ssh_port=free_port(),
        paths=paths,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def emulator_of(subject: Subject) -> int:
    """The process id of the machine's QEMU, found without any help of the backend's."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-uuid" in words and subject.machine.uuid.encode() in words:
            return int(entry.name)
    raise LookupError(f"no process runs {subject.machine.domain}")


def say(subject: Subject, line: str, *, until: str) -> str:
    """Type a line on the console and return what was shown until the words appeared."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        console.settimeout(20)
        console.connect(str(subject.machine.paths.console_socket))
        console.sendall(b"\n" + line.encode() + b"\n")
        shown = b""
        while until.encode() not in shown:
            shown += console.recv(4096)
    return shown.decode(errors="replace")
