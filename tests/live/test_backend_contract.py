"""The contract of a backend, held against each of them with a real guest.

The libvirt half needs an ordinary user's session (marker `session`); root runs the qemu half.
"""

from __future__ import annotations

import io
import os
import pickle
import shlex
import signal
import socket
import sys
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from contract_subject import READY, Subject, emulator_of, free_port, say

from charly_vm.backend.libvirt_session import libvirt_uri
from charly_vm.errors import GuestError, HostError, StateError
from charly_vm.host.process import run
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import DomainState, StopOutcome
from charly_vm.model.resolved import BackendName, Paths
from charly_vm.probe.libvirt.recording import Recording

pytestmark = pytest.mark.live

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
    assert "42-it-is" in say(booted, "echo $((6 * 7))-it-is", until="42-it-is")


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


def test_a_running_machine_is_looked_at_and_found_among_its_neighbours(booted: Subject) -> None:
    seen = booted.backend.running(booted.domain).inspect()
    assert (seen.vcpus, seen.memory) == (booted.machine.cpus, booted.machine.ram)
    assert seen.uptime is not None
    assert 0 < seen.uptime < 3600
    listed = {one.uuid: one for one in booted.backend.neighbours(booted.domain)}
    ours = listed[booted.machine.uuid]
    assert (ours.name, ours.state) == (booted.machine.domain, DomainState.RUNNING)


def test_its_monitor_answers_and_refuses_and_its_keyboard_takes_keys(booted: Subject) -> None:
    running = booted.backend.running(booted.domain)
    assert running.monitor("query-name", {}) == {"name": booted.machine.domain}
    with pytest.raises(HostError, match="QEMU refused make-coffee"):
        running.monitor("make-coffee", {})
    running.send_keys([29, 46], 1)


def test_a_machine_without_a_server_has_no_password_to_change(booted: Subject) -> None:
    with pytest.raises(StateError, match="there is no password to change"):
        booted.backend.running(booted.domain).set_password("s3cret", "")


def test_what_happens_is_told_as_it_happens_in_the_same_words(booted: Subject) -> None:
    events = Recording()
    running = booted.backend.running(booted.domain)
    with running.watch(events.add):
        running.monitor("stop", {})
        events.wait_for("lifecycle suspended paused", 20)
        running.monitor("cont", {})
        events.wait_for("lifecycle resumed unpaused", 20)
    assert booted.state() is DomainState.RUNNING


def test_a_guest_without_an_agent_answers_nothing(booted: Subject) -> None:
    with pytest.raises(GuestError, match="guest agent does not answer guest-info"):
        booted.backend.ask_agent(booted.domain, "guest-info", {})


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


# How machines end.


def test_a_guest_that_obeys_shuts_down(subject: Subject) -> None:
    subject.boot()
    assert subject.backend.stop(subject.domain, Deadline(30)) is StopOutcome.SHUT_DOWN
    assert subject.state() is DomainState.SHUT_OFF
    assert "Power down" in subject.machine.paths.console_log.read_text(errors="replace")
    assert subject.backend.stop(subject.domain, Deadline(1)) is StopOutcome.ALREADY_OFF
    assert subject.backend.power_off(subject.domain) is StopOutcome.ALREADY_OFF


def test_a_guest_that_ignores_the_button_is_powered_off_at_the_deadline(booted: Subject) -> None:
    say(booted, "touch /run/ignore-power-button; echo $((1 + 1))-done", until="2-done")
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
    os.kill(emulator_of(subject), signal.SIGKILL)

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
        emulator_of(subject)
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
        ssh_port=free_port(),
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
