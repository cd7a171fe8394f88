"""The contract of a backend, held against each of them with a real guest.

The libvirt half needs an ordinary user's session (marker `session`); root runs the qemu half.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
import shlex
import signal
import socket
import sys
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sample_machine import sample_machine

from charly_vm.backend import backend_of
from charly_vm.backend.libvirt_session import libvirt_uri, probe_libvirt
from charly_vm.disk.layers import add_layer
from charly_vm.disk.qcow2 import create_overlay
from charly_vm.disk.seed import write_seed
from charly_vm.errors import GuestError, HostError, StateError
from charly_vm.host.accelerators import probe_accelerators
from charly_vm.host.facts import LibvirtFacts
from charly_vm.host.process import require_tool, run
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Backend, Domain, DomainState, StopOutcome
from charly_vm.model.resolved import BackendName, Carrier, Paths, ResolvedMachine, ResolvedNetwork
from charly_vm.render.cloud_init import render_seed

pytestmark = pytest.mark.live

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


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(BackendName.QEMU, id="qemu"),
        pytest.param(BackendName.LIBVIRT, id="libvirt", marks=pytest.mark.session),
    ],
)
def backend(request: pytest.FixtureRequest) -> Backend:
    return backend_of(request.param)


@pytest.fixture
def subject(backend: Backend, tiny_image: Path) -> Iterator[Subject]:
    """Defined and off."""
    with _defined(backend, tiny_image) as subject:
        yield subject


@pytest.fixture(scope="module")
def booted(backend: Backend, tiny_image: Path) -> Iterator[Subject]:
    """One machine that runs; its tests leave it running."""
    with _defined(backend, tiny_image) as subject:
        subject.boot()
        yield subject


@contextmanager
def _defined(backend: Backend, image: Path) -> Iterator[Subject]:
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
        ssh_port=_free_port(),
        paths=paths,
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _emulator_of(subject: Subject) -> int:
    """The process id of the machine's QEMU, found without any help of the backend's."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-uuid" in words and subject.machine.uuid.encode() in words:
            return int(entry.name)
    raise LookupError(f"no process runs {subject.machine.domain}")


# What a running machine shows.


def test_a_started_machine_runs(booted: Subject) -> None:
    assert booted.state() is DomainState.RUNNING


def test_the_state_is_the_same_to_many_who_ask_at_once(booted: Subject) -> None:
    states = []
    threads = [threading.Thread(target=lambda: states.append(booted.state())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [DomainState.RUNNING] * 12


def test_starting_a_running_machine_is_refused(booted: Subject) -> None:
    with pytest.raises(StateError, match="running already"):
        booted.backend.start(booted.domain)
    assert booted.state() is DomainState.RUNNING


def test_the_kernels_words_are_in_the_console_log(booted: Subject) -> None:
    text = booted.machine.paths.console_log.read_text(errors="replace")
    assert "Linux version" in text
    assert f"{READY} as contract" in text


def test_somebody_can_talk_to_the_guest_on_the_console_socket(booted: Subject) -> None:
    assert "42-it-is" in _say(booted, "echo $((6 * 7))-it-is", until="42-it-is")


def test_ssh_answers_on_the_port_of_this_host(booted: Subject) -> None:
    def probe() -> bytes | NotYet:
        with socket.create_connection(("127.0.0.1", booted.machine.ssh_port), 5) as client:
            client.settimeout(5)
            try:
                return client.recv(64) or NotYet("closed")
            except OSError as error:
                return NotYet(str(error))

    assert wait_for("an SSH banner", probe, Deadline(20)).startswith(b"SSH-2.0-")


def test_a_guest_on_a_user_network_is_at_no_address_and_the_search_says_where_it_looked(
    booted: Subject,
) -> None:
    search = booted.backend.addresses(booted.domain, booted.machine.network.mac)
    assert search.found == ()
    assert booted.machine.network.mac in search.seen
    assert "agent" in search.seen
    assert "table of neighbours: none" in search.seen


def test_a_screenshot_is_a_png_with_something_on_it(booted: Subject) -> None:
    from PIL import Image

    picture = Image.open(io.BytesIO(booted.backend.screenshot(booted.domain)))
    assert picture.format == "PNG"
    assert picture.width >= 640
    assert picture.height >= 400
    lowest, highest = picture.convert("L").getextrema()
    assert lowest != highest


def test_the_description_can_be_read_by_the_hypervisors_own_tools(booted: Subject) -> None:
    text = booted.backend.description(booted.domain)
    if booted.backend.name is BackendName.QEMU:
        words = shlex.split(text)
        assert words[0] == booted.machine.emulator
        assert booted.machine.uuid in words
    else:
        assert ET.fromstring(text).findtext("uuid") == booted.machine.uuid


# Snapshots.


def test_disk_and_memory_come_back_as_they_were(booted: Subject) -> None:
    backend, domain = booted.backend, booted.domain
    assert backend.find_snapshots(domain) == {}
    _fill_disk(booted, "A")
    _say(booted, "touch /run/in-memory; echo $((1 + 1))-made", until="2-made")
    backend.save_snapshot(domain, "warm")
    assert booted.state() is DomainState.RUNNING
    assert backend.find_snapshots(domain) == {"warm": True}
    _say(booted, "rm /run/in-memory; echo $((1 + 2))-removed", until="3-removed")
    _fill_disk(booted, "B")
    backend.load_snapshot(domain, "warm", memory=True)
    assert booted.state() is DomainState.RUNNING
    assert "4-is-there" in _say(
        booted, "[ -e /run/in-memory ] && echo $((1 + 3))-is-there", until="4-is-there"
    )
    assert _disk_has(booted, "A")
    backend.power_off(domain)
    assert backend.find_snapshots(domain) == {"warm": True}
    # Also where nothing runs.
    backend.load_snapshot(domain, "warm", memory=True)
    assert booted.state() is DomainState.RUNNING
    backend.drop_snapshot(domain, "warm")
    backend.drop_snapshot(domain, "warm")
    assert backend.find_snapshots(domain) == {}
    assert booted.state() is DomainState.RUNNING


def test_a_snapshot_of_a_machine_that_is_off_has_no_memory(subject: Subject) -> None:
    backend, domain = subject.backend, subject.domain
    backend.save_snapshot(domain, "cold")
    assert backend.find_snapshots(domain) == {"cold": False}
    _qemu_io("write -P 67 0 64k", subject.machine.paths.overlay)
    backend.start(domain)
    # Powered off for it.
    backend.load_snapshot(domain, "cold", memory=False)
    assert subject.state() is DomainState.SHUT_OFF
    assert not _qemu_io("read -P 67 0 64k", subject.machine.paths.overlay)
    backend.drop_snapshot(domain, "cold")
    assert backend.find_snapshots(domain) == {}


def test_a_guest_without_an_agent_cannot_be_frozen(booted: Subject) -> None:
    with pytest.raises(GuestError, match="guest agent"):
        booted.backend.freeze(booted.domain)


def test_a_guest_without_an_agent_answers_nothing(booted: Subject) -> None:
    with pytest.raises(GuestError, match="guest agent does not answer guest-info"):
        booted.backend.ask_agent(booted.domain, "guest-info", {})


def test_a_running_guest_goes_on_in_another_image(booted: Subject) -> None:
    before = booted.machine.paths
    machine = replace(booted.machine, paths=replace(before, layer=Path("snapshots/layer-1.qcow2")))
    after = machine.paths.overlay
    _fill_disk(booted, "C")
    before.snapshots.mkdir(exist_ok=True)
    add_layer(before.overlay, after)
    booted.backend.use_layer(machine)
    for _ in range(2):
        booted.backend.adopt_layer(booted.domain, after, before.overlay)
    booted.backend.use_layer(machine)
    _fill_disk(booted, "D")
    assert _disk_has(booted, "D")
    # Each image by what is in itself: the guest has flushed what it wrote.
    assert _qemu_io(f"read -P {ord('C')} 100M 64k", before.overlay)
    assert _qemu_io(f"read -P {ord('D')} 100M 64k", after)
    assert str(after) in booted.backend.description(booted.domain)
    assert str(before.overlay) not in booted.backend.description(booted.domain)
    booted.backend.power_off(booted.domain)
    booted.backend.start(booted.domain)
    assert booted.state() is DomainState.RUNNING


def test_autostart_is_a_flag_of_libvirts_and_refused_elsewhere(subject: Subject) -> None:
    subject.backend.set_autostart(subject.domain, False)
    if subject.backend.name is BackendName.QEMU:
        with pytest.raises(HostError, match="autostart needs the libvirt backend"):
            subject.backend.set_autostart(subject.domain, True)
        return
    for wanted, shown in ((True, "enable"), (False, "disable")):
        subject.backend.set_autostart(subject.domain, wanted)
        said = run(["virsh", "-c", libvirt_uri(), "dominfo", subject.domain.name], timeout=20)
        [line] = [line for line in said.stdout.splitlines() if line.startswith("Autostart:")]
        assert line.split()[1] == shown


def _fill_disk(subject: Subject, letter: str) -> None:
    """Write a letter behind the guest's file system, down to the host's file."""
    command = (
        f"dd if=/dev/zero bs=64k count=1 | tr '\\0' {letter} | "
        "dd of=/dev/vda bs=64k seek=1600 conv=fsync && echo $((40 + 2))-written"
    )
    _say(subject, command, until="42-written")


def _disk_has(subject: Subject, letter: str) -> bool:
    command = (
        "echo 3 >/proc/sys/vm/drop_caches; "
        "echo it-is-$(dd if=/dev/vda bs=64k skip=1600 count=1 | head -c 1)-$((4000 + 2))"
    )
    return f"it-is-{letter}-4002" in _say(subject, command, until="-4002")


def _qemu_io(command: str, image: Path) -> bool:
    """Whether a command on an image finds what it says; also while a machine runs on it."""
    options = ("-U", "-r") if command.startswith("read") else ()
    done = run(["qemu-io", *options, "-f", "qcow2", "-c", command, image], timeout=20, check=False)
    assert "65536/65536 bytes" in done.stdout, done
    return "Pattern verification failed" not in done.stdout


# How machines end.


def test_a_guest_that_obeys_shuts_down(subject: Subject) -> None:
    subject.boot()
    assert subject.backend.stop(subject.domain, Deadline(30)) is StopOutcome.SHUT_DOWN
    assert subject.state() is DomainState.SHUT_OFF
    assert "Power down" in subject.machine.paths.console_log.read_text(errors="replace")
    assert subject.backend.stop(subject.domain, Deadline(1)) is StopOutcome.ALREADY_OFF
    assert subject.backend.power_off(subject.domain) is StopOutcome.ALREADY_OFF


def test_a_guest_that_ignores_the_button_is_powered_off_at_the_deadline(booted: Subject) -> None:
    _say(booted, "touch /run/ignore-power-button; echo $((1 + 1))-done", until="2-done")
    try:
        assert booted.backend.stop(booted.domain, Deadline(2)) is StopOutcome.FORCED
        assert booted.state() is DomainState.SHUT_OFF
        log = booted.machine.paths.console_log.read_text(errors="replace")
        assert "the power button is ignored" in log
    finally:
        if booted.state() is DomainState.SHUT_OFF:
            booted.backend.start(booted.domain)


def test_power_off_is_at_once_and_the_machine_can_be_started_again(subject: Subject) -> None:
    subject.backend.start(subject.domain)
    assert subject.backend.power_off(subject.domain) is StopOutcome.FORCED
    assert subject.state() is DomainState.SHUT_OFF
    assert "terminating on signal 15" in subject.backend.log(subject.domain)
    subject.backend.start(subject.domain)
    assert subject.state() is DomainState.RUNNING


def test_a_killed_emulator_is_seen_and_does_not_prevent_a_new_start(subject: Subject) -> None:
    subject.backend.start(subject.domain)
    os.kill(_emulator_of(subject), signal.SIGKILL)

    def probe() -> bool | NotYet:
        state = subject.state()
        return True if state is DomainState.SHUT_OFF else NotYet(state.value)

    # libvirt learns of it when its own connection breaks, a moment later.
    wait_for("the death to be seen", probe, Deadline(15), every=0.01)
    subject.backend.start(subject.domain)
    assert subject.state() is DomainState.RUNNING


def test_a_machine_outlives_the_process_that_started_it(subject: Subject, tmp_path: Path) -> None:
    file = tmp_path / "subject"
    file.write_bytes(pickle.dumps((subject.backend.name, subject.domain)))
    program = """
import os, pickle, signal, sys
from charly_vm.backend import backend_of
name, domain = pickle.load(open(sys.argv[1], "rb"))
backend_of(name).start(domain)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = run([sys.executable, "-c", program, file], timeout=60, check=False)
    assert done.status == -signal.SIGKILL, done.stderr
    assert subject.state() is DomainState.RUNNING
    assert subject.backend.power_off(subject.domain) is StopOutcome.FORCED


def test_undefining_a_running_machine_leaves_nothing(subject: Subject) -> None:
    subject.backend.start(subject.domain)
    subject.backend.undefine(subject.domain)
    assert subject.state() is DomainState.MISSING
    with pytest.raises(LookupError):
        _emulator_of(subject)
    assert list(subject.machine.paths.runtime.glob("*.sock")) == []
    with pytest.raises(StateError, match="not defined"):
        subject.backend.start(subject.domain)
    with pytest.raises(StateError, match="not defined"):
        subject.backend.description(subject.domain)
    assert subject.backend.power_off(subject.domain) is StopOutcome.ALREADY_OFF
    subject.backend.undefine(subject.domain)


def test_a_machine_that_is_off_has_no_screen(subject: Subject) -> None:
    with pytest.raises(StateError, match="not running"):
        subject.backend.screenshot(subject.domain)


# What people see when it does not start.


def test_a_port_that_is_taken_is_named(subject: Subject) -> None:
    port = subject.machine.ssh_port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(HostError, match=rf"port {port} of 127\.0\.0\.1 is in use") as caught:
            subject.backend.start(subject.domain)
    assert "port_auto" in caught.value.hint
    assert subject.state() is DomainState.SHUT_OFF


def test_a_disk_that_is_missing_is_named(subject: Subject) -> None:
    overlay = subject.machine.paths.overlay
    overlay.unlink()
    with pytest.raises(HostError, match=f"the file {overlay} does not exist"):
        subject.backend.start(subject.domain)
    assert subject.state() is DomainState.SHUT_OFF


def test_a_disk_in_use_by_another_machine_is_named(subject: Subject) -> None:
    other = replace(
        subject.machine,
        domain=f"{subject.machine.domain}-other",
        uuid=str(uuid.uuid4()),
        ssh_port=_free_port(),
    )
    subject.backend.start(subject.domain)
    # Directories of its own, and the first one's disk under its own name.
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        paths = Paths(directory=Path(directory, "d"), runtime=Path(directory, "r"))
        paths.directory.mkdir()
        os.link(subject.machine.paths.seed, paths.seed)
        paths.overlay.symlink_to(subject.machine.paths.overlay)
        twin = Subject(subject.backend, replace(other, paths=paths))
        twin.backend.define(twin.machine)
        try:
            with pytest.raises(HostError, match="another process uses the image"):
                twin.backend.start(twin.domain)
        finally:
            twin.backend.undefine(twin.domain)


def _say(subject: Subject, line: str, *, until: str) -> str:
    """Type a line on the console and return what was shown until the words appeared."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        console.settimeout(20)
        console.connect(str(subject.machine.paths.console_socket))
        console.sendall(b"\n" + line.encode() + b"\n")
        shown = b""
        while until.encode() not in shown:
            shown += console.recv(4096)
    return shown.decode(errors="replace")
