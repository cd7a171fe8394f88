"""Machines on another hypervisor: one whose QEMU is another user's and cannot read our files.

`second_hypervisor` is it; root's tests run it as nobody. Behind an SSH server it is on "another
host" as well, whose 127.0.0.1 happens to be ours.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from second_hypervisor import POOL, Proxy, Second, second_hypervisor
from ssh_client_stand_in import install_ssh
from workspace import Workspace, workspace

from charly_vm.backend import libvirt_session
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.backend.libvirt_storage import (
    create_overlay_volume,
    find_volume,
    remove_volumes,
    upload_image,
)
from charly_vm.disk.qcow2 import inspect_image
from charly_vm.errors import HostError
from charly_vm.host.process import spawn
from charly_vm.host.ssh_keys import known_hosts_line, make_key_pair

pytest.importorskip("libvirt")
pytestmark = pytest.mark.live

HERE = Path(__file__).parent
SSH_SERVER = HERE.parent / "guest" / "ssh_server.py"


@pytest.fixture(scope="module")
def second() -> Iterator[Second]:
    with second_hypervisor() as one:
        yield one


@pytest.fixture
def space(tiny_image: Path, second: Second) -> Iterator[Workspace]:
    """A workspace whose machines are made on the second hypervisor."""
    with workspace(tiny_image, "auto") as one:
        one.environment["CHARLY_LIBVIRT_URI"] = second.uri
        one.environment["CHARLY_LIBVIRT_POOL"] = POOL
        yield one


@dataclass(frozen=True)
class Lab:
    """The host in between. In its `environment` there is a `ssh lab` that leads to it."""

    environment: dict[str, str]
    uri: str
    log: Path

    def forwards(self) -> list[str]:
        """The tunnels that were asked for, so far."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if line.startswith("forward 127.0.0.1:")]


@contextmanager
def another_host(directory: Path, second: Second) -> Iterator[Lab]:
    directory.mkdir()
    user = make_key_pair(directory / "id_ed25519", comment="user")
    host = make_key_pair(directory / "host_key", comment="host")
    (directory / "authorized_keys").write_text(user.public + "\n")
    (directory / "known_hosts").write_text(known_hosts_line("lab", host.public) + "\n")
    netcat = directory / "nc"
    netcat.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE}/netcat_stand_in.py "$@"\n')
    netcat.chmod(0o755)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        (directory / "log").open("wb") as log,
    ):
        descriptor = listener.fileno()
        files = [directory / "host_key", directory / "authorized_keys"]
        server = spawn(
            [sys.executable, "-u", SSH_SERVER, str(descriptor), *files, "100", directory],
            output=log,
            pass_fds=[descriptor],
        )
        programs = install_ssh(
            directory,
            port=listener.getsockname()[1],
            key=directory / "id_ed25519",
            known_hosts=directory / "known_hosts",
            alias="lab",
        )
        path = {"PATH": f"{programs}:{os.environ['PATH']}"}
        way = f"socket={second.socket}&proxy=netcat&netcat={netcat}"
        try:
            yield Lab(path, f"qemu+ssh://lab/session?{way}", directory / "log")
        finally:
            server.kill()
            server.wait()


def test_a_machine_lives_its_life_on_another_host(space: Workspace, second: Second) -> None:
    space.give_devices("{graphics: {type: spice}, video: {model: virtio}}")
    with another_host(space.directory / "lab", second) as lab:
        space.environment |= lab.environment
        made = space.charly("vm", "create", "check-tiny", "--wait", CHARLY_LIBVIRT_URI=lab.uri)
        assert made.status == 0, made.stderr
        assert f"uploading to {lab.uri}" in made.stderr
        assert second.domains() == ["charly-check-tiny"]
        base, seed, disk = second.volumes()
        assert base.startswith("charly-base-")
        assert {disk.split("-")[2], seed.split("-")[2]} == {"tiny"}
        assert not list(space.machines.glob("*/*.qcow2"))
        # From here on nobody says where it is: its record does.
        said = space.charly(
            "vm", "ssh", "check-tiny", "--", "hostname; echo kept >/disk/kept; sync"
        )
        assert (said.status, said.stdout) == (0, "charly-check-tiny\n"), said.stderr
        assert lab.forwards()
        shown = space.charly("vm", "list").stdout
        assert "running" in shown
        _talk(space, "check-tiny", "echo $((6 * 7))-it-is", until="42-it-is")
        _see(space, lab)
        # Its boot was listened to, for the case that it had failed.
        log = (space.machines / "charly-check-tiny" / "console.log").read_text(errors="replace")
        assert "tiny guest: ready" in log
        gone = space.charly("vm", "destroy", "check-tiny")
        assert gone.status == 0, gone.stderr
        assert second.volumes() == [base, seed, disk]
        refused = space.charly("vm", "create", "check-tiny")
        assert refused.status == 1
        assert f"was kept at {lab.uri}" in refused.stderr
        text = space.project.read_text()
        space.project.write_text(text.replace("    cpu: 1\n", "    cpu: 1\n    disk_size: 3G\n"))
        again = space.charly("vm", "create", "check-tiny", CHARLY_LIBVIRT_URI=lab.uri)
        assert again.status == 0, again.stderr
        assert "uses the disk that was kept" in again.stderr
        assert "to 3G" in again.stderr
        kept = (second.pool / disk).stat().st_size
        updated = space.charly("update", "check-tiny", CHARLY_LIBVIRT_URI=lab.uri)
        assert updated.status == 0, updated.stderr
        assert second.volumes() == [base, seed, disk]
        assert (second.pool / disk).stat().st_size < kept, "the disk of a bed is made afresh"
        deaf = space.directory / "deaf"
        deaf.mkdir()
        (deaf / "ssh").write_text(
            "#!/bin/sh\nhead -c 1 >/dev/null\necho no route to lab >&2\nexit 255\n"
        )
        (deaf / "ssh").chmod(0o755)
        unreachable = space.charly("vm", "stop", "check-tiny", PATH=f"{deaf}:{os.environ['PATH']}")
        assert unreachable.status == 1
        assert f"charly-check-tiny is on another hypervisor, {lab.uri}" in unreachable.stderr
        assert "no route to lab" in unreachable.stderr
        gone = space.charly("vm", "destroy", "check-tiny", "--disk")
        assert gone.status == 0, gone.stderr
        assert second.volumes() == [base]
        assert second.domains() == []


def _see(space: Workspace, lab: Lab) -> None:
    """Its screen by SPICE: that port is open on the other host alone, and is tunnelled to."""
    forwards = len(lab.forwards())
    picture = space.directory / "screen.png"
    seen = space.charly("check", "spice", "screenshot", "check-tiny", "-o", str(picture))
    assert seen.status == 0, seen.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(lab.forwards()) > forwards


def _talk(space: Workspace, name: str, line: str, *, until: str) -> None:
    """Type a line on the console and wait until the words appear."""
    said = space.directory / "said"
    reading, writing = os.pipe()
    with said.open("wb") as output:
        child = spawn(
            space.argv("vm", "console", name),
            output=output,
            stdin=reading,
            env={**space.environment},
        )
    os.close(reading)
    try:
        os.write(writing, f"\n{line}\n".encode())
        space.wait_for("the words", lambda: until in said.read_text(errors="replace"), 30)
    finally:
        child.terminate()
        child.wait()
        os.close(writing)


def test_firmware_is_chosen_there_and_its_variables_go_with_the_disk(
    space: Workspace, second: Second
) -> None:
    text = space.project.read_text()
    space.project.write_text(text.replace("cpu: 1\n", "cpu: 1\n    firmware: uefi-insecure\n"))
    made = space.charly("vm", "create", "tiny")
    assert made.status == 0, made.stderr

    def describe(connection: Any) -> str:
        text: str = connection.lookupByName("charly-tiny").XMLDesc(0)
        return text

    assert "_VARS" in with_connection(describe, second.uri)
    assert [name for name in second.volumes() if name.endswith("-nvram.fd")]
    space.charly("vm", "destroy", "tiny")
    assert [name for name in second.volumes() if name.endswith("-nvram.fd")]
    space.charly("vm", "destroy", "tiny", "--disk")
    assert [name for name in second.volumes() if "tiny" in name] == []


def test_an_upload_that_is_cut_off_is_never_taken_for_good(
    space: Workspace, second: Second
) -> None:
    """A network that goes away in the middle, and then the process that waits for it."""
    for name in second.volumes():
        remove_volumes(second.there, [name])
    way = space.directory / "way"
    proxy = Proxy(way, second.socket)
    space.environment["CHARLY_LIBVIRT_URI"] = f"qemu+unix:///session?socket={way}"
    proxy.limit = 4 * 1024**2
    running = space.start("vm", "create", "tiny")
    space.wait_for("the upload to be cut off", lambda: proxy.is_blocked)
    running.kill()
    proxy.close()
    assert space.record("charly-tiny").count('"creating"') == 1
    (half,) = second.volumes()
    found = find_volume(second.there, half)
    assert found is not None
    assert found.format == "raw", "its header comes last"
    way.unlink()
    proxy = Proxy(way, second.socket)
    # Nobody says where to look but the record that goes.
    pruned = space.charly("vm", "prune", CHARLY_LIBVIRT_URI="")
    assert f"removed volume {half}" in pruned.stdout, pruned
    assert "machine charly-tiny" in pruned.stdout
    assert second.volumes() == []
    made = space.charly("vm", "create", "tiny")
    assert made.status == 0, made.stderr
    space.charly("vm", "destroy", "tiny", "--disk")
    (base,) = second.volumes()
    image = next((space.directory / "cache" / "charly" / "images").rglob("*.qcow2"))
    if os.getuid() == 0:
        assert (second.pool / base).read_bytes() == image.read_bytes()
    proxy.close()


def test_an_upload_is_done_once_and_a_changed_one_again(tiny_image: Path, second: Second) -> None:
    size = inspect_image(tiny_image).virtual_size

    def upload() -> tuple[int, int]:
        upload_image(second.there, tiny_image, "charly-x.qcow2", size=size)
        status = (second.pool / "charly-x.qcow2").stat()
        return status.st_size, status.st_mtime_ns

    first = upload()
    assert upload() == first
    create_overlay_volume(second.there, "charly-x.qcow2", "charly-y.qcow2", 2 * size)
    overlay = find_volume(second.there, "charly-y.qcow2")
    assert overlay is not None
    assert (overlay.capacity, overlay.below) == (2 * size, f"{second.pool}/charly-x.qcow2")
    with (second.pool / "charly-x.qcow2").open("r+b") as volume:
        volume.truncate(10 * 1024**2)
    assert upload() > first
    remove_volumes(second.there, ["charly-x.qcow2", "charly-y.qcow2", "nobody.qcow2"])
    assert find_volume(second.there, "charly-x.qcow2") is None


def test_a_hypervisor_that_falls_silent_is_given_up(
    second: Second, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvirt_session, "KEEPALIVE_SECONDS", 1)
    monkeypatch.setattr(libvirt_session, "KEEPALIVE_COUNT", 1)
    monkeypatch.setattr(libvirt_session, "OPEN_SECONDS", 1.0)
    way = second.base / "way"
    proxy = Proxy(way, second.socket)
    uri = f"qemu+unix:///session?socket={way}"
    assert with_connection(lambda connection: connection.getType(), uri) == "QEMU"
    proxy.block()
    with pytest.raises(HostError, match=r"no answer within 1 s"):
        with_connection(lambda connection: connection.listAllDomains(), uri)
    with pytest.raises(HostError, match="it gave no answer a moment ago"):
        with_connection(lambda connection: connection.listAllDomains(), uri)
    proxy.close()
