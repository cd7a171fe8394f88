"""What a user does with keyboard and mouse, in messages and pauses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from charly_vm.errors import GuestTimeout
from charly_vm.host.waiting import Deadline
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.keys import SHIFT, parse_chord
from charly_vm.probe.spice.channels import Channels
from charly_vm.probe.spice.inputs_channel import InputsChannel
from charly_vm.probe.spice.keyboard import find_character, find_scancode
from charly_vm.probe.spice.protocol.devices import (
    SpiceKeyboardModifierFlags,
    SpiceMouseButton,
    SpiceMouseMode,
)
from charly_vm.probe.spice.protocol.linking import SpiceChannel

_STEP = 100
"""Steps of one movement: a PS/2 mouse reports at most 127 at once."""
_REPORT_SECONDS = 0.01
"""A PS/2 mouse reports 100 times a second. QEMU's keeps four reports for a guest that has not read
them, adds up what does not fit, and tells it with the next movement, be it one by nothing."""
_READ_SECONDS = 0.1
"""For which a busy guest may be about to read reports."""
_CORNER_STEPS = 8192
"""Enough to be in the corner, wherever the cursor was."""
_MAX_COORDINATE = 32_767
_LIGHT_SECONDS = 3.0
"""For a guest to change a light, and a server to say so: it waits for 2 s after a change."""
_LIGHTS = {
    "scroll_lock": SpiceKeyboardModifierFlags.SCROLL_LOCK,
    "num_lock": SpiceKeyboardModifierFlags.NUM_LOCK,
    "caps_lock": SpiceKeyboardModifierFlags.CAPS_LOCK,
}


class Hands:
    """Works the inputs channel of a session."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def type(self, text: str, hold: float, deadline: Deadline) -> None:
        channel = self._inputs(deadline)
        caps = bool(channel.modifiers & SpiceKeyboardModifierFlags.CAPS_LOCK)
        keys = [find_character(character, caps_lock=caps) for character in text]
        for key, shift in keys:
            self._press([SHIFT, key] if shift else [key], channel, hold, deadline)
            # The next key has to be another one's beginning also for those who look seldom.
            self._channels.pause(channel, hold / 2, deadline)

    def key(self, chord: str, hold: float, deadline: Deadline) -> None:
        keys = parse_chord(chord)
        self._press(keys, self._inputs(deadline), hold, deadline)

    def set_lights(self, names: Iterable[str], deadline: Deadline) -> tuple[str, ...]:
        wanted = SpiceKeyboardModifierFlags(0)
        for name in names:
            if name not in _LIGHTS:
                raise wrong_argument(
                    "lights", f"the keyboard has no light {name!r}, only {', '.join(_LIGHTS)}"
                )
            wanted |= _LIGHTS[name]
        channel = self._inputs(deadline)
        channel.set_modifiers(wanted)
        self._channels.sent(channel, deadline)
        until = Deadline(deadline.remaining(at_most=_LIGHT_SECONDS))
        with (
            suppress(GuestTimeout),
            self._channels.when(channel, "the lights", lambda: channel.modifiers == wanted, until),
        ):
            pass
        return tuple(name for name, light in _LIGHTS.items() if light in channel.modifiers)

    def click(
        self,
        x: int,
        y: int,
        button: str,
        times: int,
        display: int,
        hold: float,
        deadline: Deadline,
    ) -> None:
        which = _button(button)
        self.move_to(x, y, display, deadline)
        channel = self._inputs(deadline)
        for _ in range(times):
            channel.button_down(which)
            try:
                self._channels.sent(channel, deadline)
                self._channels.pause(channel, hold, deadline)
            finally:
                channel.button_up(which)
            self._channels.sent(channel, deadline)
            self._channels.pause(channel, hold, deadline)

    def move_to(self, x: int, y: int, display: int, deadline: Deadline) -> None:
        if not (0 <= x <= _MAX_COORDINATE and 0 <= y <= _MAX_COORDINATE):
            raise wrong_argument("mouse", f"({x}, {y}) is on no display")
        if self._absolute(deadline):
            channel = self._free(deadline)
            channel.move_to(x, y, display)
            self._channels.sent(channel, deadline)
        else:
            self.move_by(-_CORNER_STEPS, -_CORNER_STEPS, deadline)
            self.move_by(x, y, deadline)

    def move_by(self, dx: int, dy: int, deadline: Deadline) -> None:
        # In the other mode a server drops movements, and says nothing.
        self._require_mode(SpiceMouseMode.SERVER, "movements", deadline)
        for x, y in _steps(dx, dy):
            channel = self._free(deadline)
            channel.move(x, y)
            self._channels.sent(channel, deadline)
            self._channels.pause(channel, _REPORT_SECONDS, deadline)
        if max(abs(dx), abs(dy)) > _STEP:
            channel = self._free(deadline)
            self._channels.pause(channel, _READ_SECONDS, deadline)
            channel.move(0, 0)
            self._channels.sent(channel, deadline)

    def _absolute(self, deadline: Deadline) -> bool:
        """Whether places can be said; asks for the mode in which they can."""
        main = self._channels.main
        offered = main.mouse_mode | main.mouse_modes
        if not offered & SpiceMouseMode.CLIENT:
            return False
        self._require_mode(SpiceMouseMode.CLIENT, "absolute positions", deadline)
        return True

    def _require_mode(self, mode: SpiceMouseMode, what: str, deadline: Deadline) -> None:
        """Have the server be in a mode: it stays in the one that the last client asked for."""
        main = self._channels.main
        if main.mouse_mode == mode:
            return
        main.request_mouse_mode(mode)
        self._channels.sent(main, deadline)
        awaited = f"the SPICE server to take {what} of the mouse"
        with self._channels.when(main, awaited, lambda: main.mouse_mode == mode, deadline):
            pass

    def _free(self, deadline: Deadline) -> InputsChannel:
        """The channel, once the server has acknowledged enough movements."""
        channel = self._inputs(deadline)
        awaited = "the SPICE server to acknowledge movements of the mouse"
        with self._channels.when(channel, awaited, lambda: channel.may_move, deadline):
            return channel

    def _inputs(self, deadline: Deadline) -> InputsChannel:
        channel = self._channels.require(SpiceChannel.INPUTS, 0, InputsChannel, deadline)
        awaited = "the SPICE server to take inputs"
        with self._channels.when(channel, awaited, lambda: channel.ready, deadline):
            return channel

    def _press(
        self, keys: Sequence[int], channel: InputsChannel, hold: float, deadline: Deadline
    ) -> None:
        scancodes = [find_scancode(key) for key in keys]
        pressed: list[int] = []
        try:
            for key in scancodes:
                channel.key_down(key)
                pressed.append(key)
            self._channels.sent(channel, deadline)
            self._channels.pause(channel, hold, deadline)
        finally:
            # Also after Ctrl-C: a guest whose shift key is held for ever is of no use.
            for key in reversed(pressed):
                channel.key_up(key)
            self._channels.wake()
        self._channels.sent(channel, deadline)


def _steps(dx: int, dy: int) -> Iterator[tuple[int, int]]:
    """A movement in parts that a mouse can report."""
    while dx or dy:
        step_x = max(-_STEP, min(dx, _STEP))
        step_y = max(-_STEP, min(dy, _STEP))
        yield step_x, step_y
        dx -= step_x
        dy -= step_y


def _button(name: str) -> SpiceMouseButton:
    try:
        found = SpiceMouseButton[name.upper()]
    except KeyError:
        found = SpiceMouseButton.INVALID
    if found == SpiceMouseButton.INVALID:
        known = ", ".join(one.name.lower() for one in SpiceMouseButton if one)
        raise wrong_argument("button", f"the mouse has no button {name!r}, only {known}")
    return found
