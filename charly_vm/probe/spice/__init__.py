"""A client of the SPICE protocol, to look at a machine's screen and to use its keyboard and mouse.

    with open_spice(SpiceAddress(port=5900), deadline=Deadline(10)) as spice:
        spice.screenshot().to_png()
        spice.key("ctrl-alt-f2")

session       the public face: open_spice and SpiceSession
hands         keys and mouse, in messages and pauses; keyboard has the scancodes
channels      opens channels and waits for them; pump is the thread that serves them
channel       what all channels do; main_, display_, cursor_ and inputs_channel are the kinds
handshake     opens one: transport, link (its messages), ticket (the password)
framing       messages on a channel; reader takes them apart, within limits
drawing       surfaces and the messages that draw; decoding, draw_messages, composing, streams
canvas/       the drawing itself; codecs/ the encodings of images
protocol/     the numbers of the protocol
failures      what goes wrong
"""

from __future__ import annotations

from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.cursor_channel import Cursor
from charly_vm.probe.spice.failures import (
    SpiceMissing,
    SpiceProtocolError,
    SpiceRefused,
    SpiceUnreachable,
)
from charly_vm.probe.spice.picture import Picture
from charly_vm.probe.spice.session import SpiceSession, open_spice
from charly_vm.probe.spice.status import SpiceStatus

__all__ = [
    "Cursor",
    "Picture",
    "SpiceAddress",
    "SpiceMissing",
    "SpiceProtocolError",
    "SpiceRefused",
    "SpiceSession",
    "SpiceStatus",
    "SpiceUnreachable",
    "open_spice",
]
