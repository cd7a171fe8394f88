"""A session with a SPICE server: look at the screen, press keys, move the mouse."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.channels import Channels
from charly_vm.probe.spice.cursor_channel import Cursor, CursorChannel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.failures import SpiceMissing
from charly_vm.probe.spice.hands import Hands
from charly_vm.probe.spice.handshake import channel_name
from charly_vm.probe.spice.picture import Picture, picture_of
from charly_vm.probe.spice.protocol.devices import SpiceMouseMode
from charly_vm.probe.spice.protocol.drawing import SpiceImageCompression
from charly_vm.probe.spice.protocol.linking import SpiceChannel
from charly_vm.probe.spice.status import (
    ChannelStatus,
    MonitorStatus,
    SpiceStatus,
    channel_names,
    common_names,
)
from charly_vm.probe.spice.ticket import require_password

ANSWER_SECONDS = 30.0
"""For one call that is given no deadline."""

SETTLE_SECONDS = 0.05
"""More than the time from one refresh of QEMU's to the next, which is 30 ms."""
_FIRST_SETTLE_SECONDS = 0.01
"""The first frame comes as one picture, and no refresh is needed for it."""
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
            opened = {(one.link.channel, one.link.channel_id): one for one in self._channels.opened}
            offered = sorted({*(main.channels or []), (SpiceChannel.MAIN, 0)})
            listed = []
            for kind, number in offered:
                channel = opened.get((kind, number))
                if channel is None:
                    listed.append(ChannelStatus(channel_name(kind), number, open=False))
                    continue
                caps = channel_names(kind, channel.link.channel_caps)
                listed.append(
                    ChannelStatus(channel_name(kind), number, True, channel.link.secured, caps)
                )
            monitors = tuple(
                MonitorStatus(
                    one.link.channel_id,
                    head.number,
                    head.surface,
                    head.x,
                    head.y,
                    head.width,
                    head.height,
                )
                for one in opened.values()
                if isinstance(one, DisplayChannel)
                for head in one.heads
            )
            modes = [mode for mode in SpiceMouseMode if mode in main.mouse_modes]
            return SpiceStatus(
                address=str(self._address),
                version=".".join(map(str, main.link.version)),
                session_id=main.session_id or 0,
                channels=tuple(listed),
                monitors=monitors,
                mouse_mode=_mode_name(main.mouse_mode),
                mouse_modes=tuple(map(_mode_name, modes)),
                agent=main.agent,
                auth=self._auth,
                secured=main.link.secured,
                mini_header=main.link.mini_header,
                capabilities=common_names(main.link.common_caps),
                name=main.server_name,
                uuid=main.server_uuid,
                ram_hint=main.ram_hint,
                multi_media_time=main.multi_media_time,
                notes=tuple(note for one in opened.values() for note in one.notes),
            )

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
        server sends what changes bit by bit, some 30 times a second. The default is 0.05, and
        0.01 for the first look at a display, since a new client gets all of it at once.
        """
        within = deadline or Deadline(ANSWER_SECONDS)
        if settle is None:
            first = self._channels.find(SpiceChannel.DISPLAY, display) is None
            settle = _FIRST_SETTLE_SECONDS if first else SETTLE_SECONDS
        quiet_seconds = settle
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
            return quiet >= quiet_seconds and not channel.under_way

        awaited = f"a frame of SPICE display {display}"
        if surface:
            awaited += f" on surface {surface}"
        with self._channels.when(channel, awaited, ready, within):
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
                raise SpiceMissing("a place for the mouse needs both x and y")
            self._hands.move_by(dx, dy, within)
        else:
            self._hands.move_to(x, y, display, within)

    def type(self, text: str, *, hold: int = 20, deadline: Deadline | None = None) -> None:
        """Type text on a US keyboard, each key held for `hold` milliseconds.

        Known are printable ASCII, newline and tab; the whole text is looked at before anything is
        typed. A keyboard's buffer is small: a guest that does not read its keys loses some.
        """
        within = deadline or Deadline(ANSWER_SECONDS + len(text) * 2 * hold / 1000)
        self._hands.type(text, hold / 1000, within)

    def key(self, chord: str, *, hold: int = 20, deadline: Deadline | None = None) -> None:
        """Press keys together, such as `ctrl-alt-f2`, for `hold` milliseconds."""
        within = deadline or Deadline(ANSWER_SECONDS)
        self._hands.key(chord, hold / 1000, within)


def _mode_name(mode: SpiceMouseMode) -> str:
    return (mode.name or "unknown").lower()
