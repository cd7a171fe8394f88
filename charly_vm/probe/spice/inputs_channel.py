"""The inputs channel: keys and the mouse, as a user's hands would move them."""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping

from charly_vm.probe.spice.channel import Channel, Handler
from charly_vm.probe.spice.handshake import Link
from charly_vm.probe.spice.keyboard import press, release
from charly_vm.probe.spice.protocol.devices import (
    SpiceKeyboardModifierFlags,
    SpiceMouseButton,
    SpiceMouseButtonMask,
)
from charly_vm.probe.spice.protocol.messages import SpiceMsgcInputs, SpiceMsgInputs
from charly_vm.probe.spice.reader import Reader

SPICE_INPUT_MOTION_ACK_BUNCH = 4
"""How many movements a server acknowledges at once."""

_MOTION = struct.Struct("<iiH")
_POSITION = struct.Struct("<IIHB")
_BUTTON = struct.Struct("<BH")


class InputsChannel(Channel):
    def __init__(self, link: Link, changed: threading.Condition) -> None:
        self.ready = False
        self.modifiers = SpiceKeyboardModifierFlags(0)
        """Which of the keyboard's lights are on."""
        self._held = SpiceMouseButtonMask(0)
        self._unacknowledged = 0
        super().__init__(link, changed)

    @property
    def may_move(self) -> bool:
        """Whether the server takes another movement: two bunches may be on their way."""
        return self._unacknowledged < 2 * SPICE_INPUT_MOTION_ACK_BUNCH

    def handlers(self) -> Mapping[int, Handler]:
        return {
            SpiceMsgInputs.INIT: self._on_init,
            SpiceMsgInputs.KEY_MODIFIERS: self._on_modifiers,
            SpiceMsgInputs.MOUSE_MOTION_ACK: self._on_motion_ack,
        }

    def key_down(self, key: int) -> None:
        self.send(SpiceMsgcInputs.KEY_DOWN, press(key).to_bytes(4, "little"))

    def key_up(self, key: int) -> None:
        self.send(SpiceMsgcInputs.KEY_UP, release(key).to_bytes(4, "little"))

    def set_modifiers(self, modifiers: SpiceKeyboardModifierFlags) -> None:
        """Have the lights on that `modifiers` says: the server presses the keys it takes."""
        self.send(SpiceMsgcInputs.KEY_MODIFIERS, modifiers.to_bytes(2, "little"))

    def move(self, dx: int, dy: int) -> None:
        """By so many steps; only while `may_move`."""
        self._unacknowledged += 1
        self.send(SpiceMsgcInputs.MOUSE_MOTION, _MOTION.pack(dx, dy, self._held))

    def move_to(self, x: int, y: int, display: int) -> None:
        """To a place on a display; only while `may_move`."""
        self._unacknowledged += 1
        self.send(SpiceMsgcInputs.MOUSE_POSITION, _POSITION.pack(x, y, self._held, display))

    def button_down(self, button: SpiceMouseButton) -> None:
        self._held |= _mask(button)
        self.send(SpiceMsgcInputs.MOUSE_PRESS, _BUTTON.pack(button, self._held))

    def button_up(self, button: SpiceMouseButton) -> None:
        self._held &= ~_mask(button)
        self.send(SpiceMsgcInputs.MOUSE_RELEASE, _BUTTON.pack(button, self._held))

    def _on_init(self, reader: Reader) -> None:
        self._on_modifiers(reader)
        self.ready = True

    def _on_modifiers(self, reader: Reader) -> None:
        self.modifiers = SpiceKeyboardModifierFlags(reader.u16() & 7)

    def _on_motion_ack(self, reader: Reader) -> None:
        self._unacknowledged = max(0, self._unacknowledged - SPICE_INPUT_MOTION_ACK_BUNCH)


def _mask(button: SpiceMouseButton) -> SpiceMouseButtonMask:
    return SpiceMouseButtonMask(1 << button - 1)
