"""A guest behind another host, which the system's own ssh goes to."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest_stand_in import GuestStandIn
from ssh_client_stand_in import install_ssh

from charly_vm.errors import HostError
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.hop import Hop
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.process import run
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import AddressSearch

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuestStandIn]:
    """The host in between, running."""
    (tmp_path / "lab").mkdir()
    with GuestStandIn(tmp_path / "lab") as one:
        one.start()
        programs = install_ssh(
            tmp_path,
            port=one.port,
            key=one.directory / "id_ed25519",
            known_hosts=one.directory / "known_hosts",
            alias="charly-x",
        )
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        yield one


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[GuestStandIn]:
    (tmp_path / "guest").mkdir()
    with GuestStandIn(tmp_path / "guest") as one:
        yield one


@pytest.fixture
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")


def guest_of(behind: GuestStandIn, sockets: Path, *found: str) -> SshGuest:
    guest = SshGuest(
        name="charly-x",
        port=behind.port,
        user="somebody",
        key=behind.directory / "id_ed25519",
        known_hosts=behind.directory / "known_hosts",
        locate=(lambda: AddressSearch(found, "nobody knows it")) if found else None,
        hop=Hop("ssh://lab", sockets),
    )
    behind.guests.append(guest)
    return guest


def forwards(lab: GuestStandIn) -> list[str]:
    lines = (lab.directory / "server.log").read_text().splitlines()
    return [line.removeprefix("forward ") for line in lines if line.startswith("forward ")]


def children(parent: int) -> list[str]:
    """The command lines of all processes below one."""
    shown = run(["ps", "-eo", "pid=,ppid=,args="], timeout=10).stdout.splitlines()
    rows = [line.split(None, 2) for line in shown]
    found: list[str] = []
    below = {str(parent)}
    for pid, ppid, words in rows:
        if ppid in below:
            below.add(pid)
            found.append(words)
    return found


def test_commands_run_in_a_guest_behind_another_host(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    behind.start()
    guest = guest_of(behind, sockets)
    assert guest.run("echo behind").stdout_text == "behind\n"
    assert guest.run("echo again").stdout_text == "again\n"
    assert forwards(lab) == [f"127.0.0.1:{behind.port}"]
    assert len(list(sockets.glob("hop-*.sock"))) == 1
    guest.close()
    assert list(sockets.iterdir()) == []
    assert not [words for words in children(os.getpid()) if "ssh -N" in words]


def test_a_guest_that_is_not_up_yet_is_not_reached_and_then_is(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    guest = guest_of(behind, sockets)
    with pytest.raises(GuestUnreachable, match="no SSH banner"):
        guest.connect(Deadline(5), patience=0.3)
    behind.start()
    guest.connect(Deadline(20))
    # One login to the host in between for all of it.
    assert lab.connections == 1


def test_a_host_that_lets_nobody_in_is_named_with_ssh_s_words(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    lab.kill()
    others = (behind.directory / "authorized_keys").read_text()
    (lab.directory / "authorized_keys").write_text(others)
    lab.start()
    with pytest.raises(HostError, match=r"no way through ssh://lab: .*Permission denied") as found:
        guest_of(behind, sockets).run("true", timeout=20)
    assert "`ssh ssh://lab` has to log in without a question" in found.value.hint
    assert list(sockets.iterdir()) == []


def test_a_connection_that_the_host_in_between_has_lost_is_made_anew(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    behind.start()
    guest = guest_of(behind, sockets)
    guest.run("true")
    lab.kill()
    with pytest.raises((GuestUnreachable, HostError)):
        guest.run("true", timeout=20)
    lab.start()

    def probe() -> str | NotYet:
        try:
            return guest.run("echo back", timeout=20).stdout_text
        except (GuestUnreachable, HostError) as error:
            return NotYet(error.message)

    assert wait_for("the guest", probe, Deadline(20)) == "back\n"


def test_each_address_that_was_found_gets_its_turn(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    behind.start()
    # Nobody listens on the first, as after another lease.
    guest = guest_of(behind, sockets, "127.0.0.9", "127.0.0.1")
    assert guest.host == ""
    with pytest.raises(GuestUnreachable):
        guest.run("true", timeout=20)
    assert guest.run("echo found", timeout=20).stdout_text == "found\n"
    assert guest.host == "127.0.0.1"


def test_ssh_ends_with_the_process_that_needs_it(
    lab: GuestStandIn, behind: GuestStandIn, sockets: Path
) -> None:
    program = f"""
import os, signal
from pathlib import Path
from charly_vm.guest.hop import Hop
from charly_vm.host.waiting import Deadline
Hop("ssh://lab", Path({str(sockets)!r})).open("127.0.0.1", {behind.port}, Deadline(20))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = run([sys.executable, "-c", program], timeout=40, check=False)
    assert done.status == -signal.SIGKILL, done.stderr
    (socket,) = sockets.iterdir()

    def probe() -> bool | NotYet:
        shown = run(["ps", "-eo", "args="], timeout=10).stdout
        return str(socket) not in shown or NotYet("it is still there")

    assert wait_for("ssh to end", probe, Deadline(10))
