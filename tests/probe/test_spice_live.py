"""Against a real SPICE server: keys, mouse, TLS, passwords, and what it costs."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boot_sectors import READY, VesaMode, echo_sector, pattern_sector
from spice_authority import SUBJECT, Authority
from spice_machine import SpiceMachine, free_port, spice_machine

from charly_vm.backend.qmp import execute
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import (
    SpiceAddress,
    SpiceRefused,
    SpiceSession,
    SpiceUnreachable,
    open_spice,
)

pytestmark = pytest.mark.live

FRAME = 1024 * 768 * 4


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpiceMachine]:
    """A machine that says what is typed, with a tablet, and that traces its inputs."""
    directory = tmp_path_factory.mktemp("e")
    options = ["-device", "virtio-tablet-pci", "-trace", "input_event_*"]
    with spice_machine(directory, echo_sector(), *options) as machine:
        yield machine


@pytest.fixture
def spice(echoing: SpiceMachine) -> Iterator[SpiceSession]:
    with open_spice(echoing.address, deadline=Deadline(10)) as session:
        yield session


def traced(machine: SpiceMachine, event: str, pattern: str, count: int) -> list[Any]:
    """What matches in the traces of an event, once there are so many."""

    def probe() -> list[Any] | NotYet:
        lines = "\n".join(machine.traced(event))
        found = re.findall(pattern, lines)
        return found if len(found) >= count else NotYet(lines[-200:])

    return wait_for(f"{count} times {pattern}", probe, Deadline(5), every=0.02)


def test_all_that_can_be_typed_arrives(echoing: SpiceMachine, spice: SpiceSession) -> None:
    echoing.wait_for_words(b"")
    wait_for_prompt(spice, echoing)
    printable = "".join(map(chr, range(0x20, 0x7F)))
    before = len(echoing.said())
    spice.type(printable + "\n\t", hold=4)
    wait_for(
        "all of it",
        lambda: len(echoing.said()) >= before + 97 or NotYet(repr(echoing.said()[before:])),
        Deadline(5),
    )
    assert echoing.said()[before:] == printable.encode() + b"\r\t"


def wait_for_prompt(spice: SpiceSession, machine: SpiceMachine) -> None:
    """Type until the guest hears it: its firmware takes a moment before it does."""

    def probe() -> bool | NotYet:
        spice.type("x", hold=4)
        return b"x" in machine.said() or NotYet("nothing")

    wait_for("an echo", probe, Deadline(30), every=0.1)


def test_chords_are_the_keys_that_they_name(echoing: SpiceMachine, spice: SpiceSession) -> None:
    spice.key("ctrl-alt-f2", hold=5)
    pressed = traced(echoing, "input_event_key_qcode", r"key qcode (f2|ctrl|alt), down", 6)
    assert pressed[-6:] == ["ctrl", "alt", "f2", "f2", "alt", "ctrl"]


def test_a_click_is_where_it_should_be(echoing: SpiceMachine, spice: SpiceSession) -> None:
    # What a guest's driver of the tablet does at its start, which firmware has none of.
    mice = execute(echoing.directory / "qmp", "query-mice")
    tablet = next(mouse["index"] for mouse in mice if mouse["absolute"])
    command: dict[str, object] = {"command-line": f"mouse_set {tablet}"}
    execute(echoing.directory / "qmp", "human-monitor-command", command)
    wait_for(
        "absolute positions",
        lambda: "client" in spice.status().mouse_modes or NotYet("no"),
        Deadline(5),
    )
    screen = spice.screenshot()
    spice.click(screen.width // 2, screen.height // 4, hold=5)
    (x, y) = traced(echoing, "input_event_abs", r"value 0x(\w+)", 2)[-2:]
    assert int(x, 16) == pytest.approx(0x7FFF / 2, abs=64)
    assert int(y, 16) == pytest.approx(0x7FFF / 4, abs=64)
    assert traced(echoing, "input_event_btn", r"button (\w+), down (\w+)", 2)[-2:] == [
        ("left", "1"),
        ("left", "0"),
    ]
    assert spice.status().mouse_mode == "client"


def test_the_text_screen_is_what_qemu_shows(echoing: SpiceMachine, spice: SpiceSession) -> None:
    spice.type("hello, screen", hold=4)
    echoing.wait_for_words(b"hello, screen")

    def probe() -> bool | NotYet:
        same = spice.screenshot().pixels == echoing.screendump().tobytes()
        # The text cursor blinks.
        return same or NotYet("another picture")

    wait_for("the same picture", probe, Deadline(5), every=0.05)


def test_without_a_tablet_the_mouse_moves_by_steps(tmp_path: Path) -> None:
    options = ["-trace", "input_event_*"]
    with (
        spice_machine(tmp_path, echo_sector(), *options) as machine,
        open_spice(machine.address, deadline=Deadline(10)) as spice,
    ):
        assert spice.status().mouse_modes == ("server",)
        spice.mouse(dx=30, dy=-7)
        found = traced(machine, "input_event_rel", r"axis (\w), value (-?\d+)", 2)
    assert found[-2:] == [("x", "30"), ("y", "-7")]


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[SpiceMachine, SpiceAddress]]:
    """A server with a password, that wants TLS for everything but has a plain port, too."""
    directory = tmp_path_factory.mktemp("g")
    authority = Authority(directory / "tls")
    plain, secure = free_port(), free_port()
    (directory / "secret").write_text("open sesame")
    options = [
        f"tls-port={secure}",
        f"x509-dir={directory / 'tls'}",
        "password-secret=sec0",
        "tls-channel=default",
    ]
    secret = f"secret,id=sec0,file={directory / 'secret'}"
    with spice_machine(
        directory, pattern_sector(VesaMode.SMALL), "-object", secret, spice=options, port=plain
    ) as machine:
        machine.wait_for_words(READY)
        yield (
            machine,
            SpiceAddress("127.0.0.1", tls_port=secure, ca_file=authority.ca_file),
        )


def test_tls_and_a_password(guarded: tuple[SpiceMachine, SpiceAddress]) -> None:
    machine, address = guarded
    with open_spice(address, password="open sesame", deadline=Deadline(10)) as spice:
        picture = spice.screenshot()
        status = spice.status()
    assert picture.pixels == machine.screendump().tobytes()
    assert (status.secured, status.auth) == (True, "ticket")


@pytest.mark.parametrize("password", ["", "open barley"])
def test_a_wrong_password(guarded: tuple[SpiceMachine, SpiceAddress], password: str) -> None:
    with (
        pytest.raises(SpiceRefused, match="the password is not right"),
        open_spice(guarded[1], password=password, deadline=Deadline(10)),
    ):
        pass


def test_a_plain_port_that_wants_tls(guarded: tuple[SpiceMachine, SpiceAddress]) -> None:
    machine, _ = guarded
    with (
        pytest.raises(SpiceRefused, match="wants TLS for that channel"),
        open_spice(machine.address, password="open sesame", deadline=Deadline(10)),
    ):
        pass


def test_a_certificate_of_another_authority(
    guarded: tuple[SpiceMachine, SpiceAddress], tmp_path: Path
) -> None:
    other = Authority(tmp_path / "tls")
    address = SpiceAddress("127.0.0.1", tls_port=guarded[1].tls_port, ca_file=other.ca_file)
    with (
        pytest.raises(SpiceUnreachable, match=r"certificate of .* is not the expected one"),
        open_spice(address, password="open sesame", deadline=Deadline(10)),
    ):
        pass


def test_the_host_subject_is_compared(guarded: tuple[SpiceMachine, SpiceAddress]) -> None:
    _, address = guarded
    right = SpiceAddress(
        "127.0.0.1",
        tls_port=address.tls_port,
        ca_file=address.ca_file,
        host_subject=SUBJECT,
    )
    with open_spice(right, password="open sesame", deadline=Deadline(10)) as spice:
        assert spice.status().secured


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpiceMachine]:
    directory = tmp_path_factory.mktemp("p")
    with spice_machine(directory, pattern_sector(VesaMode.LARGE)) as machine:
        machine.wait_for_words(READY)
        yield machine


def test_the_first_frame_takes_less_than_four_frames_of_memory(painted: SpiceMachine) -> None:
    with open_spice(painted.address, deadline=Deadline(10)) as spice:
        # What Python imports for the first time is not of the frame.
        spice.screenshot()
    tracemalloc.start()
    try:
        with open_spice(painted.address, deadline=Deadline(10)) as spice:
            picture = spice.screenshot()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(picture.pixels) == FRAME * 3 // 4
    assert peak < 4 * FRAME
