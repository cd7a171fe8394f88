"""The libvirt probe of a real machine, on each backend, with a real agent in its guest.

The tests of one backend share a machine, and the last ones end it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest_agent_delivery import start_agent
from PIL import Image
from platformdirs import user_cache_path
from second_hypervisor import POOL, second_hypervisor
from vnc_viewer import may_log_in
from workspace import Workspace, workspace

from charly_vm.backend.libvirt_session import probe_libvirt
from charly_vm.errors import GuestError, HostError, StateError
from charly_vm.machine.libvirt_probe import probe_of
from charly_vm.machine.machine import Machine, require_machine
from charly_vm.machine.ownership import own_machine
from charly_vm.probe.libvirt import LibvirtProbe
from charly_vm.probe.libvirt.guest_exec import MOST_INPUT

pytestmark = pytest.mark.live

KEYBOARD = """
device=$(sed -n '/[Kk]eyboard/,/^H:/s/^H:.*\\(event[0-9]*\\).*/\\1/p' /proc/bus/input/devices)
dd if=/dev/input/${device%% *} bs=24 count=COUNT 2>/dev/null | od -An -v -tu2 -w24
"""


@dataclass(frozen=True)
class Probed:
    machine: Machine
    probe: LibvirtProbe


def add_server(made: Workspace, kind: str) -> None:
    """Write a graphics server with a password into the project."""
    made.give_devices(f"{{graphics: {{type: {kind}, passwd: before}}}}")


@pytest.fixture(scope="module", params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def probed(request: pytest.FixtureRequest, tiny_image: Path) -> Iterator[Probed]:
    """A machine of the tiny guest with a VNC server, whose agent is there and was seen to come."""
    if request.param == "libvirt":
        # Where the daemon starts now, it keeps its files at the user's own place, and not in the
        # workspace, which it outlives.
        probe_libvirt()
    with workspace(tiny_image, request.param) as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        add_server(made, "vnc")
        created = made.charly("vm", "create", "tiny", "--wait")
        assert created.status == 0, created.stderr
        machine = require_machine("charly-tiny")
        probe = probe_of(machine, held=False)
        with probe.watching() as events:
            start_agent(machine.guest, user_cache_path("charly-tests"))
            assert events.wait_for("agent-lifecycle", 30).detail == "connected channel"
        yield Probed(machine, probe)
        machine.close()


def test_info_is_what_runs(probed: Probed) -> None:
    info = probed.probe.info()
    assert (info.name, info.state) == ("charly-tiny", "running")
    assert info.backend == probed.machine.backend.name.value
    assert (info.vcpus, info.memory) == (1, 256 * 1024**2)
    [vnc] = info.graphics
    assert (vnc.type, vnc.address, vnc.has_password) == ("vnc", "127.0.0.1", True)
    assert vnc.port > 1024
    assert info.uptime is not None
    assert 1 < info.uptime < 600
    assert info.guest_agent
    assert json.dumps(dataclasses.asdict(info))
    listed = {one.name: one for one in probed.probe.list()}
    assert (listed[info.name].uuid, listed[info.name].state.value) == (info.uuid, "running")


def test_the_screen_the_console_and_the_description_are_shown(probed: Probed) -> None:
    picture = Image.open(io.BytesIO(probed.probe.screenshot()))
    assert (picture.format, picture.width >= 640) == ("PNG", True)
    with pytest.raises((StateError, HostError)):
        probed.probe.screenshot(7)
    assert "tiny guest: ready" in probed.probe.console()
    assert len(probed.probe.console(2).splitlines()) == 2
    text = probed.probe.domain_xml()
    assert "before" not in text
    if probed.probe.info().backend == "libvirt":
        live = ET.fromstring(text)
        assert live.get("id"), "it is not the live one"
        assert live.findtext("name") == "charly-tiny"


def test_qemu_answers_over_its_monitor(probed: Probed) -> None:
    assert probed.probe.qmp("query-name") == {"name": "charly-tiny"}
    assert probed.probe.qmp("query-status")["running"] is True
    with pytest.raises(HostError, match="QEMU refused make-coffee"):
        probed.probe.qmp("make-coffee")


def test_keys_arrive_in_the_guest(probed: Probed) -> None:
    # Three for each press and release: scan code, key, end. Types are 4, 1 and 0.
    guest = probed.probe.guest
    pressed = [29, 56, 60, 30]
    script = KEYBOARD.replace("COUNT", str(3 * 2 * len(pressed)))
    guest.exec(f"({script}) >/tmp/keys 2>&1 & sleep 0.5")
    probed.probe.send_key(["ctrl-alt-f2", "a"], hold=50)
    deadline = time.monotonic() + 20
    events: list[list[int]] = []
    while len(events) < 6 * len(pressed) and time.monotonic() < deadline:
        events = [
            [int(word) for word in line.split()] for line in guest.read("/tmp/keys").splitlines()
        ]
    downs = [one[9] for one in events if one[8] == 1 and one[10] == 1]
    assert downs == pressed


def test_a_viewer_needs_the_new_password(probed: Probed, caplog: pytest.LogCaptureFixture) -> None:
    [vnc] = probed.probe.info().graphics
    assert may_log_in(vnc.address, vnc.port, "before")
    with caplog.at_level(logging.DEBUG):
        assert probed.probe.passwd("n3wpass") == "vnc"
        with pytest.raises(StateError, match="no spice server"):
            probed.probe.passwd("n3wpass", "spice")
    assert "n3wpass" not in caplog.text
    assert not may_log_in(vnc.address, vnc.port, "before")
    assert may_log_in(vnc.address, vnc.port, "n3wpass")
    assert probed.probe.info().graphics == (vnc,)


def test_the_agent_tells_about_its_guest(probed: Probed) -> None:
    guest = probed.probe.guest
    assert guest.ping().seconds < 20
    assert "guest-exec" in [one.name for one in guest.info().commands if one.enabled]
    assert guest.os_info().machine == "x86_64"
    assert abs(guest.time().ahead) < 24 * 3600
    assert guest.hostname() == "charly-tiny"
    assert guest.users() == ()
    cards = {one.name: one for one in guest.interfaces()}
    assert [one.prefix for one in cards["lo"].addresses if one.type == "ipv4"] == [8]
    assert cards["eth0"].mac == probed.machine.record.machine.network.mac
    assert [(one.id, one.online) for one in guest.vcpus()] == [(0, True)]
    assert "/dev/vda" in [one.name for one in guest.disks()]
    assert "/disk" in [one.mountpoint for one in guest.fsinfo()]
    assert isinstance(guest.fstrim(), tuple)


def test_the_agent_runs_commands_and_carries_files(probed: Probed) -> None:
    guest = probed.probe.guest
    ran = guest.exec("cat; echo two >&2; exit 3", stdin="öne\n")
    assert (ran.status, ran.stdout, ran.stderr) == (3, "öne\n", "two\n")
    # As long as can be passed on.
    assert guest.exec("wc -c", stdin="x" * MOST_INPUT).stdout.strip() == str(MOST_INPUT)
    assert guest.exec(["/bin/busybox", "echo", "a  b"]).stdout == "a  b\n"
    assert guest.exec("kill -9 $$").status == 137
    text = "Zeile ü\n" * 40_000
    assert guest.write("/tmp/file", text).size == len(text.encode())
    assert guest.read("/tmp/file") == text
    with pytest.raises(GuestError, match="larger than 1000 bytes"):
        guest.read("/dev/zero", limit=1000)
    with pytest.raises(GuestError, match="No such file"):
        guest.read("/tmp/none")


def test_file_systems_are_brought_to_rest_and_back(probed: Probed) -> None:
    guest = probed.probe.guest
    assert guest.fsfreeze("status").status == "thawed"
    with guest.frozen() as state:
        assert state.file_systems >= 1
        assert guest.fsfreeze().status == "frozen"
        with pytest.raises(GuestError, match="frozen already"):
            guest.fsfreeze("freeze")
        assert guest.fsfreeze().status == "frozen"
    assert guest.fsfreeze().status == "thawed"
    assert guest.exec("echo x >/disk/x && sync").status == 0


def test_snapshots_are_those_of_charly_vm_snapshot(probed: Probed) -> None:
    guest, snapshot = probed.probe.guest, probed.probe.snapshot
    guest.write("/tmp/when", "before")
    made = snapshot.create("clean", mode="internal", description="as it began")
    assert (made.memory, made.current, made.description) == (True, True, "as it began")
    assert snapshot.list() == (made,)
    guest.write("/tmp/when", "after")
    assert snapshot.revert("clean").name == "clean"
    # The agent is in the memory as well, and goes on.
    assert guest.read("/tmp/when") == "before"
    assert snapshot.info("clean") == made
    with own_machine(probed.machine.name):
        probe_of(probed.machine, held=True).snapshot.delete("clean")
    assert snapshot.list() == ()


def test_a_reboot_is_seen_as_it_happens(probed: Probed) -> None:
    with probed.probe.watching() as events:
        probed.probe.guest.exec("(sleep 0.2; reboot -f) >/dev/null 2>&1 &")
        reboot = events.wait_for("reboot", 60)
        assert abs(reboot.time - time.time()) < 30
        assert probed.probe.info().state == "running"


def test_the_end_is_seen_as_it_happens(probed: Probed) -> None:
    with probed.probe.watching() as events:
        probed.machine.backend.power_off(probed.machine.record.domain)
        events.wait_for("lifecycle stopped", 30)
    info = probed.probe.info()
    assert (info.state, info.vcpus, info.graphics) == ("shut off", 1, ())
    assert (info.uptime, info.guest_agent) == (None, False)
    with pytest.raises(StateError, match="not running"):
        probed.probe.events(1)
    with pytest.raises(GuestError):
        probed.probe.guest.ping()


def test_a_machine_on_another_hypervisor_is_asked_where_it_is(tiny_image: Path) -> None:
    """And a session of an ordinary user's is not needed for that."""
    pytest.importorskip("libvirt")
    with (
        second_hypervisor() as second,
        workspace(tiny_image, "auto") as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        made.environment |= {"CHARLY_LIBVIRT_URI": second.uri, "CHARLY_LIBVIRT_POOL": POOL}
        for name, value in made.environment.items():
            patch.setenv(name, value)
        add_server(made, "spice")
        created = made.charly("vm", "create", "tiny")
        assert created.status == 0, created.stderr
        machine = require_machine("charly-tiny")
        probe = probe_of(machine)
        info = probe.info()
        assert (info.state, info.backend, info.guest_agent) == ("running", "libvirt", False)
        assert info.uptime is not None, "it is another user's, and on this host"
        assert [one.name for one in probe.list()] == ["charly-tiny"]
        assert probe.screenshot().startswith(b"\x89PNG")
        probe.send_key("ctrl-c")
        [spice] = info.graphics
        assert (spice.type, spice.has_password) == ("spice", True)
        assert probe.passwd("n3wpass") == "spice"
        assert "n3wpass" not in probe.domain_xml()
        assert probe.info().graphics == (spice,)
        with probe.watching() as events:
            probe.qmp("system_reset")
            events.wait_for("reboot", 20)
            machine.backend.power_off(machine.record.domain)
            events.wait_for("lifecycle stopped", 20)
