"""A directory of the host in the guest, by virtiofs and by 9p, which QEMU serves itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from charly_vm.machine.survey import survey
from charly_vm.model.resolve.sharing import FIRST_UNPRIVILEGED

pytestmark = pytest.mark.live

BLOCK = """\
  tiny-libvirt:
    libvirt:
      devices:
        filesystems:
          - {{driver: {driver}, accessmode: {mode}, source: {directory}, target: shared}}
"""


@pytest.fixture
def session(tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, "libvirt") as made:
        yield made


def share(there: Workspace, driver: str, mode: str) -> Path:
    """Have `tiny` share a directory in which a file lies."""
    shared = there.directory / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "from-the-host").write_text("hello\n")
    block = BLOCK.format(driver=driver, mode=mode, directory=shared)
    text = there.project.read_text()
    there.project.write_text(text.replace("check-tiny:", f"{block}check-tiny:"))
    return shared


def enter(there: Workspace, command: str) -> str:
    done = there.charly("vm", "ssh", "tiny", "--", command)
    assert done.status == 0, done.stderr
    return done.stdout


def test_9p_is_a_device_of_the_guest(there: Workspace) -> None:
    """And no more: Debian's cloud kernel, the tiny guest's, has no 9p to mount it with."""
    share(there, "9p", "mapped")
    made = there.charly("vm", "create", "tiny", "--wait")
    assert made.status == 0, made.stderr
    # 9P transport, in the list of virtio's device types.
    assert "0x0009" in enter(there, "cat /sys/bus/virtio/devices/*/device").split()


@pytest.mark.session
def test_a_directory_is_shared_by_virtiofs_or_the_message_says_what_it_takes(
    session: Workspace,
) -> None:
    shared = share(session, "virtiofs", "passthrough")
    libvirt = survey().libvirt
    assert libvirt is not None
    made = session.charly("vm", "create", "tiny", "--wait")
    if libvirt.version < FIRST_UNPRIVILEGED:
        assert made.status == 1
        assert "driver virtiofs need libvirt 10 in a user's session; this is" in made.stderr
        assert "driver: 9p" in made.stderr
        assert session.is_clean()
        return
    assert made.status == 0, made.stderr
    enter(session, "load-sharing; mkdir -p /shared; mount -t virtiofs shared /shared")
    assert enter(session, "cat /shared/from-the-host") == "hello\n"
    # The guest's first account is the host's user, so that what either writes is the other's too.
    enter(session, "echo 'person:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd")
    enter(session, "su person -c 'echo hi >/shared/from-the-guest'")
    written = shared / "from-the-guest"
    assert written.read_text() == "hi\n"
    assert written.stat().st_uid == os.getuid()
