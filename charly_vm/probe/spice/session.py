"""A session with a SPICE server: look at the screen, press keys, move the mouse."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from charly_vm.host.waiting import Deadline
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.channels import OFTEN_SECONDS, Channels
from charly_vm.probe.spice.cursor_channel import Cursor, CursorChannel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.hands import Hands
from charly_vm.probe.spice.picture import Picture, picture_of
from charly_vm.probe.spice.protocol.drawing import SpiceImageCompression
from charly_vm.probe.spice.protocol.linking import SpiceChannel
from charly_vm.probe.spice.status import SpiceStatus, read_status
from charly_vm.probe.spice.ticket import require_password

ANSWER_SECONDS = 30.0
"""For one call that is given no deadline."""

SETTLE_SECONDS = 0.05
"""More than the time from one refresh of QEMU's to the next, which is 30 ms."""
_FIRST_SETTLE_SECONDS = 0.01
"""Where the first frame does not come as one picture, after which nothing need be waited for."""
_SETTLE_AT_MOST = 0.5
"""A screen on which something always moves is looked at all the same."""
_BLANK_SECONDS = 1.0
"""After which a new screen on which nothing was drawn is taken to be black."""


@contextmanager
def open_spice(
    address: SpiceAddress,
    *,
    password: str = "",
    deadline: Deadline,
    compression: SpiceImageCompression | None = SpiceImageCompression.OFF,
) -> Iterator[SpiceSession]:
    """A session for the length of the block. Nothing of it is left behind.

    A server has one client at a time: whoever looks at the machine already is disconnected. The
    server is asked to compress pictures as `compression` says, and not asked at all with None;
    all that it may send is understood. Raises `ProbeError` and, where the deadline passes,
    `GuestTimeout`.
    """
    channels = Channels(address, require_password(password))
    try:
        channels.begin(deadline)
        yield SpiceSession(address, channels, with_password=bool(password), compression=compression)
    finally:
        channels.close()


class SpiceSession:
    """What `open_spice` gives. Channels are opened when they are first needed.

    Every call raises `ProbeError`, and `GuestTimeout` where its deadline passes (30 s unless one
    is given). All coordinates are pixels from the top left.
    """

    def __init__(
        self,
        address: SpiceAddress,
        channels: Channels,
        *,
        with_password: bool,
        compression: SpiceImageCompression | None,
    ) -> None:
        self._address = address
        self._channels = channels
        self._auth = "ticket" if with_password else "none"
        self._compression = compression
        self._hands = Hands(channels)

    def status(self) -> SpiceStatus:
        """What the server says of itself, and what was agreed on."""
        main = self._channels.main
        self._channels.check(main)
        with self._channels.changed:
            return read_status(str(self._address), self._auth, main, self._channels.opened)

    def screenshot(
        self,
        display: int = 0,
        surface: int = 0,
        *,
        deadline: Deadline | None = None,
        settle: float | None = None,
    ) -> Picture:
        """What a display shows; surface 0 is the screen.

        Waits until the first frame is there and nothing more has come for `settle` seconds: a
        server sends what changes bit by bit, some 30 times a second. The default is 0.05, and of
        the first look at a display nothing, since a new client gets all of it as one picture.
        """
        within = deadline or Deadline(ANSWER_SECONDS)
        first = settle is None and self._channels.find(SpiceChannel.DISPLAY, display) is None
        quiet_seconds = settle
        if quiet_seconds is None:
            quiet_seconds = _FIRST_SETTLE_SECONDS if first else SETTLE_SECONDS
        make = partial(DisplayChannel, compression=self._compression)
        channel = self._channels.require(SpiceChannel.DISPLAY, display, make, within)
        drawing = channel.drawing
        asked = time.monotonic()

        def ready() -> bool:
            now = time.monotonic()
            found = drawing.surfaces.get(surface)
            if found is None or not channel.marked:
                return False
            quiet = now - max(channel.latest, asked)
            if not found.drawn and quiet < _BLANK_SECONDS:
                return False
            if now - asked > _SETTLE_AT_MOST and now - channel.began > _SETTLE_AT_MOST:
                return True
            if first and found.covered:
                return True
            return quiet >= quiet_seconds and not channel.under_way

        awaited = f"a frame of SPICE display {display}"
        if surface:
            awaited += f" on surface {surface}"
        with self._channels.when(channel, awaited, ready, within, every=OFTEN_SECONDS):
            raster = drawing.surfaces[surface].raster()
            return picture_of(raster, raster.bounds)

    def cursor(self, *, deadline: Deadline | None = None) -> Cursor:
        """The guest's cursor, as far as the guest leaves it to the display to draw one."""
        within = deadline or Deadline(ANSWER_SECONDS)
        channel = self._channels.require(SpiceChannel.CURSOR, 0, CursorChannel, within)
        with self._channels.when(channel, "the cursor", lambda: channel.ready, within):
            return channel.cursor

    def click(
        self,
        x: int,
        y: int,
        button: str = "left",
        double: bool = False,
        *,
        display: int = 0,
        hold: int = 20,
        deadline: Deadline | None = None,
    ) -> None:
        """Move there, press a button for `hold` milliseconds and let it go; `double` twice.

        Buttons are left, middle, right, up and down (the wheel), side and extra.
        """
        within = deadline or Deadline(ANSWER_SECONDS)
        self._hands.click(x, y, button, 2 if double else 1, display, hold / 1000, within)

    def mouse(
        self,
        x: int | None = None,
        y: int | None = None,
        *,
        dx: int = 0,
        dy: int = 0,
        display: int = 0,
        deadline: Deadline | None = None,
    ) -> None:
        """Move the mouse to a place, or by `dx` and `dy` where no place is given.

        Places need the mouse mode "client", and movements "server"; each is asked for. A server
        that has only "server" (a machine without a tablet and without an agent) gets movements from
        the top left corner, and where those lead is the guest's affair: it may accelerate them.
        """
        within = deadline or Deadline(ANSWER_SECONDS)
        if x is None or y is None:
            if x is not y:
                raise wrong_argument("mouse", "a place needs both x and y")
            self._hands.move_by(dx, dy, within)
        else:
            self._hands.move_to(x, y, display, within)

    def type(self, text: str, *, hold: int = 20, deadline: Deadline | None = None) -> None:
        """Type text on a US keyboard, each key held for `hold` milliseconds.

        Known are printable ASCII, newline and tab. Raises `SpecError` for any other character,
        before anything is typed. A keyboard's buffer is small: a guest that does not read its keys
        loses some.
        """
        within = deadline or Deadline(ANSWER_SECONDS + len(text) * 2 * hold / 1000)
        self._hands.type(text, hold / 1000, within)

    def lights(self, *names: str, deadline: Deadline | None = None) -> tuple[str, ...]:
        """Have these lights of the keyboard on and the others off, and say which are on by then.

        They are scroll_lock, num_lock and caps_lock. The server presses the keys that it takes; a
        guest that minds no such key leaves the lights as they are.
        """
        within = deadline or Deadline(ANSWER_SECONDS)
        return self._hands.set_lights(names, within)

    def key(self, chord: str, *, hold: int = 20, deadline: Deadline | None = None) -> None:
        """Press keys together, such as `ctrl-alt-f2`, for `hold` milliseconds: the chords of
        `LibvirtProbe.send_key`. Raises `SpecError` for a key that there is not."""
        within = deadline or Deadline(ANSWER_SECONDS)
        self._hands.key(chord, hold / 1000, within)
