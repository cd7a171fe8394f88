"""What can go wrong between us and a SPICE server; all of it is a `ProbeError`.

ProbeError
├── SpiceUnreachable    no connection, or one that ended
├── SpiceRefused        the server answered, and the answer was no
├── SpiceProtocolError  what it sent is no SPICE, or breaks its rules
└── SpiceMissing        what was asked for is not there: a channel, a display, a surface
"""

from __future__ import annotations

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.protocol.linking import SpiceLinkErr


class SpiceUnreachable(ProbeError):
    """Nobody listens, the certificate is not the expected one, or the connection has ended."""


class SpiceRefused(ProbeError):
    """The server refused a channel; `reason` is the protocol's number for why."""

    def __init__(self, message: str, *, reason: SpiceLinkErr, hint: str = "") -> None:
        self.reason = reason
        super().__init__(message, hint=hint)


class SpiceProtocolError(ProbeError):
    """The server sent what cannot be: a length beyond its message, an unknown format, no SPICE."""


class SpiceMissing(ProbeError):
    """This server has no such thing."""


_REFUSALS = {
    SpiceLinkErr.ERROR: ("it says no more than that", ""),
    SpiceLinkErr.INVALID_MAGIC: ("it does not take our greeting for SPICE", ""),
    SpiceLinkErr.INVALID_DATA: ("it cannot read our greeting", ""),
    SpiceLinkErr.VERSION_MISMATCH: (
        "it does not speak version 2 of the protocol",
        "connect with a client as old or as new as the server",
    ),
    SpiceLinkErr.NEED_SECURED: (
        "it wants TLS for that channel",
        "give the server's TLS port, and the CA's certificate",
    ),
    SpiceLinkErr.NEED_UNSECURED: (
        "it wants no TLS for that channel",
        "give the server's plain port",
    ),
    SpiceLinkErr.PERMISSION_DENIED: (
        "the password is not right, or has expired",
        "the password is the one of the machine's graphics, at most 60 characters long",
    ),
    SpiceLinkErr.BAD_CONNECTION_ID: (
        "it does not know our session any more",
        "another client may have taken over: a server serves one at a time",
    ),
    SpiceLinkErr.CHANNEL_NOT_AVAILABLE: ("it has no such channel now", ""),
}


def refusal(code: int, channel: str) -> SpiceRefused:
    """The error for a link error's number, with what helps against it."""
    try:
        reason = SpiceLinkErr(code)
    except ValueError:
        reason = SpiceLinkErr.ERROR
        return SpiceRefused(
            f"the SPICE server refuses the {channel} channel with the unknown error {code}",
            reason=reason,
        )
    why, hint = _REFUSALS.get(reason, ("it gives no reason", ""))
    return SpiceRefused(
        f"the SPICE server refuses the {channel} channel: {why}", reason=reason, hint=hint
    )
