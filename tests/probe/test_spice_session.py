"""A session with a stand-in: what is asked, what is answered, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import signal
import struct
import sys
import threading
import time
from pathlib import Path

import pytest
from spice_stand_in import (
    EVERY_CAP,
    fill_body,
    screen_script,
    standing_in,
)

from charly_vm.errors import GuestTimeout, SpecError
from charly_vm.host.process import spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import (
    SpiceMissing,
    SpiceProtocolError,
    SpiceUnreachable,
    open_spice,
)
from charly_vm.probe.spice.channel import MigrationSeen
from charly_vm.probe.spice.display_channel import ShownByGl
from charly_vm.probe.spice.protocol.linking import SpiceChannel, SpiceCommonCap, SpiceDisplayCap
from charly_vm.probe.spice.protocol.messages import (
    SpiceMsg,
    SpiceMsgc,
    SpiceMsgcDisplay,
    SpiceMsgcInputs,
    SpiceMsgcMain,
    SpiceMsgDisplay,
    SpiceMsgInputs,
    SpiceMsgMain,
)

MAIN, DISPLAY, INPUTS, CURSOR = (
    SpiceChannel.MAIN,
    SpiceChannel.DISPLAY,
    SpiceChannel.INPUTS,
    SpiceChannel.CURSOR,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def within(seconds: float = 20) -> Deadline:
    return Deadline(seconds)


def test_a_screenshot_has_the_colours_that_were_drawn(path: Path) -> None:
    with (
        standing_in(path, script={2: screen_script(8, 4, 0x102030)}) as (
            _,
            at,
        ),
        open_spice(at, deadline=within()) as spice,
    ):
        picture = spice.screenshot()
    assert (picture.width, picture.height, picture.alpha) == (8, 4, False)
    assert picture.pixels == bytes((0x10, 0x20, 0x30)) * 32
    assert picture.to_png().startswith(b"\x89PNG")


def test_a_picture_tells_its_pixels(path: Path) -> None:
    with (
        standing_in(path, script={2: screen_script()}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        picture = spice.screenshot()
    assert picture.pixel(7, 3) == (0x10, 0x20, 0x30)
    with pytest.raises(IndexError, match="outside"):
        picture.pixel(8, 0)


def test_the_status_is_plain_data(path: Path) -> None:
    name = b"a machine\0"
    script = {
        1: [
            (SpiceMsgMain.NAME, struct.pack("<I", len(name)) + name),
            (SpiceMsgMain.UUID, bytes(range(16))),
        ]
    }
    with (
        standing_in(path, script=script, agent=1) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        status = spice.status()
    assert json.loads(json.dumps(dataclasses.asdict(status)))["session_id"] == 4711
    assert (status.version, status.auth, status.secured, status.agent) == (
        "2.2",
        "none",
        False,
        True,
    )
    assert [(one.type, one.id, one.open) for one in status.channels] == [
        ("main", 0, True),
        ("display", 0, False),
        ("inputs", 0, False),
        ("cursor", 0, False),
    ]
    assert status.name == "a machine"
    assert status.uuid == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert status.mouse_modes == ("server", "client")
    assert status.capabilities == ("protocol_auth_selection", "auth_spice", "mini_header")


def test_other_channels_belong_to_the_session(path: Path) -> None:
    with (
        standing_in(path, script={2: screen_script()}) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.screenshot()
        assert server.links == [(0, 1, 0), (4711, 2, 0)]


@pytest.mark.parametrize("secret", ["", "a password"])
def test_a_password_is_taken(path: Path, secret: str) -> None:
    with (
        standing_in(path, password=secret) as (_, at),
        open_spice(at, password=secret, deadline=within()) as spice,
    ):
        assert spice.status().auth == ("ticket" if secret else "none")


def test_full_headers_are_spoken_with_who_has_no_mini_header(path: Path) -> None:
    caps = EVERY_CAP - {SpiceCommonCap.MINI_HEADER}
    with (
        standing_in(path, caps=caps, script={2: screen_script()}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        assert spice.screenshot().width == 8
        assert not spice.status().mini_header
        spice.key("a")


def test_who_cannot_choose_gets_the_ticket_alone(path: Path) -> None:
    caps = frozenset({SpiceCommonCap.MINI_HEADER})
    with (
        standing_in(path, caps=caps, password="x") as (_, at),
        open_spice(at, password="x", deadline=within()) as spice,
    ):
        assert spice.status().capabilities == ("mini_header",)


def test_a_server_is_asked_not_to_compress(path: Path) -> None:
    caps = {2: 1 << SpiceDisplayCap.PREF_COMPRESSION}
    with (
        standing_in(path, channel_caps=_caps(caps), script={2: screen_script()}) as (
            server,
            at,
        ),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.screenshot()
        assert server.wait_for(DISPLAY, SpiceMsgcDisplay.PREFERRED_COMPRESSION) == [b"\1"]


def test_pings_are_answered_and_windows_acknowledged(path: Path) -> None:
    ping = struct.pack("<IQ", 7, 123456789) + bytes(250_000)
    script = {1: [(SpiceMsg.SET_ACK, struct.pack("<II", 5, 2)), *[(SpiceMsg.PING, ping)] * 4]}
    with (
        standing_in(path, script=script) as (server, at),
        open_spice(at, deadline=within()),
    ):
        assert server.wait_for(MAIN, SpiceMsgc.PONG, 4) == [struct.pack("<IQ", 7, 123456789)] * 4
        assert server.wait_for(MAIN, SpiceMsgc.ACK_SYNC) == [struct.pack("<I", 5)]
        # Four pings and the list of channels came since then.
        assert len(server.wait_for(MAIN, SpiceMsgc.ACK, 2)) == 2


def test_a_message_may_carry_others(path: Path) -> None:
    ping = struct.pack("<IQ", 1, 2)
    inner = struct.pack("<HI", SpiceMsg.PING, len(ping)) + ping
    body = struct.pack("<HI", 1, 6) + inner
    with (
        standing_in(path, script={1: [(SpiceMsg.LIST, body)]}) as (server, at),
        open_spice(at, deadline=within()),
    ):
        assert server.wait_for(MAIN, SpiceMsgc.PONG) == [ping]


def test_what_the_server_notes_is_in_the_status(path: Path) -> None:
    text = b"the tea is ready\0"
    notice = struct.pack("<QIIII", 0, 1, 2, 0, len(text)) + text
    with (
        standing_in(path, script={1: [(SpiceMsg.NOTIFY, notice), (199, b"")]}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        assert spice.status().notes == (
            "the server notes on the main channel (warning): the tea is ready",
            "the main channel sent message 199, which is not known",
        )


def test_a_screen_that_was_never_drawn_is_black(path: Path) -> None:
    script = [screen_script()[0], screen_script()[2]]
    with (
        standing_in(path, script={2: script}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        assert set(spice.screenshot().pixels) == {0}


def test_another_surface_can_be_looked_at(path: Path) -> None:
    extra = (SpiceMsgDisplay.SURFACE_CREATE, struct.pack("<5I", 3, 2, 2, 32, 0))
    body = fill_body(2, 2, 0xFFFFFF)
    filled = (SpiceMsgDisplay.DRAW_FILL, struct.pack("<I", 3) + body[4:])
    with (
        standing_in(path, script={2: [*screen_script(), extra, filled]}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        assert spice.screenshot(surface=3).pixels == b"\xff" * 12


def test_monitors_are_in_the_status(path: Path) -> None:
    head = struct.pack("<7I", 0, 0, 8, 4, 0, 0, 0)
    config = (SpiceMsgDisplay.MONITORS_CONFIG, struct.pack("<HH", 1, 1) + head)
    with (
        standing_in(path, script={2: [*screen_script(), config]}) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.screenshot()
        (monitor,) = spice.status().monitors
    assert (monitor.display, monitor.width, monitor.height) == (0, 8, 4)


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (SpiceMsg.MIGRATE, struct.pack("<I", 0)),
        (SpiceMsgMain.MIGRATE_BEGIN, b""),
        (SpiceMsgMain.MIGRATE_BEGIN_SEAMLESS, b""),
        (SpiceMsgMain.MIGRATE_SWITCH_HOST, b""),
    ],
)
def test_a_migration_ends_the_session_with_the_reason(path: Path, number: int, body: bytes) -> None:
    with (
        standing_in(path, script={1: [(number, body)]}) as (_, at),
        pytest.raises(MigrationSeen, match="migrating to another host"),
        open_spice(at, deadline=within()) as spice,
    ):
        _until_it_ends(spice.status)


def test_a_server_that_ends_the_session_says_why(path: Path) -> None:
    with (
        standing_in(path, script={1: [(SpiceMsg.DISCONNECTING, struct.pack("<QI", 0, 7))]}) as (
            _,
            at,
        ),
        pytest.raises(SpiceUnreachable, match="ends the main channel: permission denied"),
        open_spice(at, deadline=within()) as spice,
    ):
        _until_it_ends(spice.status)


def test_a_display_by_gl_leaves_the_keyboard_usable(path: Path) -> None:
    script = {2: [(SpiceMsgDisplay.GL_SCANOUT_UNIX, bytes(20))]}
    with (
        standing_in(path, script=script) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        with pytest.raises(ShownByGl, match="shows this display by GL"):
            spice.screenshot()
        spice.key("enter")
        assert server.wait_for(INPUTS, SpiceMsgcInputs.KEY_DOWN) == [b"\x1c\0\0\0"]


@pytest.mark.parametrize(
    ("display", "words"), [(1, "no display 1, only 0"), (300, "no display 300, only 0")]
)
def test_a_display_that_is_not_there_is_named(path: Path, display: int, words: str) -> None:
    with (
        standing_in(path) as (_, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(SpiceMissing, match=words),
    ):
        spice.screenshot(display)


def test_a_server_without_displays_says_so(path: Path) -> None:
    with (
        standing_in(path, channels=[(3, 0)]) as (_, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(SpiceMissing, match="no display channel"),
    ):
        spice.screenshot()


def test_a_frame_that_does_not_come_is_a_timeout(path: Path) -> None:
    with (
        standing_in(path) as (_, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(GuestTimeout, match="a frame of SPICE display 0"),
    ):
        spice.screenshot(deadline=Deadline(0.2))


def test_a_connection_that_ends_in_a_message_is_told_from_one_between_them(path: Path) -> None:
    cut = struct.pack("<HI", SpiceMsgDisplay.DRAW_COPY, 1000) + bytes(10)
    with (
        standing_in(path, script={2: screen_script()}, raw={2: cut}, close_after={2}) as (
            _,
            at,
        ),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(SpiceUnreachable, match="in the middle of a message: 10 of 1000 bytes came"),
    ):
        spice.screenshot()


def test_a_message_too_large_takes_no_memory(path: Path) -> None:
    huge = struct.pack("<HI", SpiceMsgDisplay.DRAW_COPY, 0xFFFFFFF0)
    with (
        standing_in(path, script={2: []}, raw={2: huge}) as (_, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(SpiceProtocolError, match="4294967280 bytes"),
    ):
        spice.screenshot()


def test_text_is_typed_as_a_person_would(path: Path) -> None:
    with (
        standing_in(path) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.type("aB\n", hold=1)
        down = server.wait_for(INPUTS, SpiceMsgcInputs.KEY_DOWN, 4)
        assert [body[0] for body in down] == [0x1E, 0x2A, 0x30, 0x1C]
        up = [body[0] for body in server.wait_for(INPUTS, SpiceMsgcInputs.KEY_UP, 4)]
        assert up == [0x9E, 0xB0, 0xAA, 0x9C]


def test_nothing_is_typed_of_a_text_with_an_unknown_character(path: Path) -> None:
    with (
        standing_in(path) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        with pytest.raises(SpecError, match="no key for 'ä'"):
            spice.type("aä")
        assert not server.received[INPUTS]


def test_caps_lock_turns_shift_around(path: Path) -> None:
    with (
        standing_in(path, script={3: [(SpiceMsgInputs.KEY_MODIFIERS, b"\4\0")]}) as (
            server,
            at,
        ),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.key("ctrl", hold=50)
        spice.type("a", hold=1)
        down = server.wait_for(INPUTS, SpiceMsgcInputs.KEY_DOWN, 3)
        assert [body[0] for body in down] == [0x1D, 0x2A, 0x1E]


def test_a_chord_is_pressed_in_order_and_let_go_in_the_other(path: Path) -> None:
    with (
        standing_in(path) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.key("ctrl-alt-delete", hold=1)
        down = [int.from_bytes(body, "little") for body in server.wait_for(INPUTS, 101, 3)]
        up = [int.from_bytes(body, "little") for body in server.wait_for(INPUTS, 102, 3)]
    assert down == [0x1D, 0x38, 0x53E0]
    assert up == [0xD3E0, 0xB8, 0x9D]


def test_a_click_asks_for_absolute_positions_first(path: Path) -> None:
    with (
        standing_in(path) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.click(300, 200, "right", hold=1)
        released = server.wait_for(INPUTS, SpiceMsgcInputs.MOUSE_RELEASE)
        assert server.sent(MAIN, SpiceMsgcMain.MOUSE_MODE_REQUEST) == [b"\2\0"]
        assert server.sent(INPUTS, SpiceMsgcInputs.MOUSE_POSITION) == [
            struct.pack("<IIHB", 300, 200, 0, 0)
        ]
        assert server.sent(INPUTS, SpiceMsgcInputs.MOUSE_PRESS) == [struct.pack("<BH", 3, 4)]
        assert released == [struct.pack("<BH", 3, 0)]
        assert spice.status().mouse_mode == "client"


def test_a_double_click_is_two(path: Path) -> None:
    with (
        standing_in(path, mouse_modes=(3, 2)) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.click(1, 1, double=True, hold=1)
        assert len(server.wait_for(INPUTS, SpiceMsgcInputs.MOUSE_PRESS, 2)) == 2
        assert not server.sent(MAIN, SpiceMsgcMain.MOUSE_MODE_REQUEST)


def test_a_movement_asks_for_movements_first(path: Path) -> None:
    """The mode is the one that the last client asked for, and in the other they are dropped."""
    with (
        standing_in(path, mouse_modes=(3, 2)) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.mouse(dx=3)
        assert server.sent(MAIN, SpiceMsgcMain.MOUSE_MODE_REQUEST) == [b"\1\0"]
        moved = server.wait_for(INPUTS, SpiceMsgcInputs.MOUSE_MOTION)
    assert moved == [struct.pack("<iiH", 3, 0, 0)]


def test_without_absolute_positions_the_mouse_moves_from_the_corner(path: Path) -> None:
    with (
        standing_in(path, mouse_modes=(1, 1)) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.mouse(130, 20)
        moved = [struct.unpack("<iiH", body)[:2] for body in server.wait_for(INPUTS, 111, 86)]
    corner, rest = moved[:-3], moved[-3:]
    assert sum(x for x, _ in corner) == sum(y for _, y in corner) == -8192
    # QEMU tells the rest of a movement with the next one.
    assert (corner[-1], rest) == ((0, 0), [(100, 20), (30, 0), (0, 0)])


def test_movements_wait_for_the_server(path: Path) -> None:
    with (
        standing_in(path, mouse_modes=(1, 1), acknowledges=False) as (server, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(GuestTimeout, match="acknowledge movements"),
    ):
        spice.mouse(dx=10_000, deadline=Deadline(0.3))
    assert len(server.wait_for(INPUTS, SpiceMsgcInputs.MOUSE_MOTION, 8)) == 8


def test_lights_are_asked_for_by_name(path: Path) -> None:
    told = [(SpiceMsgInputs.KEY_MODIFIERS, b"\6\0")]
    with (
        standing_in(path, script={3: told}) as (server, at),
        open_spice(at, deadline=within()) as spice,
    ):
        assert spice.lights("num_lock", "caps_lock") == ("num_lock", "caps_lock")
        assert server.wait_for(INPUTS, SpiceMsgcInputs.KEY_MODIFIERS) == [b"\6\0"]
        with pytest.raises(SpecError, match="no light 'red'"):
            spice.lights("red")


def test_an_unknown_button_is_named(path: Path) -> None:
    with (
        standing_in(path) as (_, at),
        open_spice(at, deadline=within()) as spice,
        pytest.raises(SpecError, match="no button 'belly'"),
    ):
        spice.click(1, 1, "belly")


def test_a_channel_waits_for_another(path: Path) -> None:
    """The display has to wait for a message on the inputs channel, which is opened later."""
    wait = struct.pack("<BBBQ", 1, 3, 0, 1)
    first, fill, mark = screen_script()
    script = {2: [first, mark, fill, (SpiceMsg.WAIT_FOR_CHANNELS, wait)]}
    script[2].append((SpiceMsgDisplay.DRAW_FILL, fill_body(8, 4, 0xFF0000)))
    with (
        standing_in(path, script=script) as (_, at),
        open_spice(at, deadline=within()) as spice,
    ):
        spice.key("a", hold=1)
        assert spice.screenshot().pixel(0, 0) == (255, 0, 0)


def test_nothing_is_left_behind(path: Path) -> None:
    with standing_in(path, script={2: screen_script()}) as (_, at):
        with open_spice(at, deadline=within()):
            pass
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with open_spice(at, deadline=within()) as spice:
                spice.screenshot()

        def probe() -> bool | NotYet:
            after = len(list(Path("/proc/self/fd").iterdir()))
            # The stand-in's ends close on threads of their own.
            return after <= before or NotYet(f"{after} instead of {before}")

        wait_for("descriptors to be closed", probe, within())
    assert not [one for one in threading.enumerate() if one.name == "charly-spice"]


def test_a_session_that_has_been_closed_says_so(path: Path) -> None:
    with standing_in(path, script={2: screen_script()}) as (_, at):
        with open_spice(at, deadline=within()) as spice:
            spice.screenshot()
        with pytest.raises(SpiceUnreachable, match="has been closed"):
            spice.screenshot()


WAITING = """
import sys
from pathlib import Path
from charly_vm.host.process import spawn
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import SpiceAddress, open_spice

with open_spice(SpiceAddress(socket=Path(sys.argv[1])), deadline=Deadline(20)) as spice:
    print("waits", flush=True)
    spice.screenshot(deadline=Deadline(60))
"""


def test_ctrl_c_ends_a_wait_at_once(path: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with standing_in(path) as (_, at), said.open("wb") as output:
        assert at.socket is not None
        child = spawn([sys.executable, "-c", WAITING, at.socket], output=output)
        try:
            wait_for("a wait", lambda: b"waits" in said.read_bytes() or NotYet(), within())
            child.send_signal(signal.SIGINT)
            assert child.wait(20) != 0
        finally:
            child.kill()
            child.wait()
    assert said.read_text().rstrip().endswith("KeyboardInterrupt")


def test_a_key_is_let_go_also_where_its_time_is_cut_short(path: Path) -> None:
    with standing_in(path) as (server, at):
        with (
            pytest.raises(GuestTimeout),
            open_spice(at, deadline=within()) as spice,
        ):
            spice.key("shift", hold=60_000, deadline=Deadline(0.2))
        assert server.wait_for(INPUTS, SpiceMsgcInputs.KEY_UP) == [b"\xaa\0\0\0"]


def test_an_interruption_leaves_nothing_behind(path: Path) -> None:
    with (
        standing_in(path) as (_, at),
        pytest.raises(KeyboardInterrupt),
        open_spice(at, deadline=within()),
    ):
        raise KeyboardInterrupt
    assert not [one for one in threading.enumerate() if one.name == "charly-spice"]


def _until_it_ends(call: object) -> None:
    assert callable(call)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        call()
        time.sleep(0.01)


def _caps(words: dict[int, int]) -> dict[int, int]:
    return {channel: words.get(channel, 0) for channel in range(1, 12)}
