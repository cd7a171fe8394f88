"""Opening a channel: the link messages, the ticket, and the server's verdict."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from charly_vm.errors import ProbeError
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice.address import SpiceAddress
from charly_vm.probe.spice.failures import (
    SpiceRefused,
    SpiceUnreachable,
    refusal,
)
from charly_vm.probe.spice.foreign import not_spice
from charly_vm.probe.spice.link import (
    HEADER,
    OUR_CHANNEL_CAPS,
    SPICE_MAGIC,
    LinkReply,
    read_header,
    read_reply,
    render_link,
)
from charly_vm.probe.spice.protocol.linking import SpiceChannel, SpiceCommonCap, SpiceLinkErr
from charly_vm.probe.spice.ticket import NO_PASSWORD, encrypt_ticket
from charly_vm.probe.spice.transport import Connection, connect_plain, connect_tls


@dataclass(frozen=True, slots=True)
class Link:
    """An open channel: what was agreed on, and the connection, on which messages follow."""

    connection: Connection
    channel: int
    channel_id: int
    version: tuple[int, int]
    common_caps: frozenset[int]
    channel_caps: frozenset[int]
    secured: bool

    @property
    def mini_header(self) -> bool:
        """Whether messages have the short header; both sides have to be able to."""
        return SpiceCommonCap.MINI_HEADER in self.common_caps


def channel_name(channel: int) -> str:
    """A channel's type in words."""
    try:
        return SpiceChannel(channel).name.lower()
    except ValueError:
        return f"unknown ({channel})"


def open_link(
    address: SpiceAddress,
    secret: bytes,
    channel: int,
    channel_id: int,
    session_id: int,
    deadline: Deadline,
) -> Link:
    """A connection for one channel, taken from greeting to the server's consent.

    `secret` is the password as the ticket has it; `session_id` is 0 for a new session. Raises
    `SpiceUnreachable`, `SpiceRefused`, `SpiceProtocolError` or `GuestTimeout`.
    """
    ways = _ways(address)
    for secured, other in ways:
        connection = (connect_tls if secured else connect_plain)(address, deadline)
        try:
            return link_on(connection, secret, channel, channel_id, session_id, secured, deadline)
        except SpiceRefused as error:
            connection.close()
            # A server may want TLS for some channels and not for others.
            wants = SpiceLinkErr.NEED_UNSECURED if secured else SpiceLinkErr.NEED_SECURED
            if error.reason is not wants or not other:
                raise
        except BaseException:
            connection.close()
            raise
    raise AssertionError("the last way returns or raises")


def _ways(address: SpiceAddress) -> list[tuple[bool, bool]]:
    """By TLS or not, and whether there is another way after it."""
    if address.socket is not None:
        return [(False, False)]
    kinds = [True] if address.tls_port is not None else []
    if address.port is not None:
        kinds.append(False)
    if not kinds:
        raise ProbeError(
            f"the SPICE address {address} cannot be connected to",
            hint="give a port, a TLS port or a UNIX socket",
        )
    return [(kind, index + 1 < len(kinds)) for index, kind in enumerate(kinds)]


def link_on(
    connection: Connection,
    secret: bytes,
    channel: int,
    channel_id: int,
    session_id: int,
    secured: bool,
    deadline: Deadline,
) -> Link:
    """The handshake on a connection that is there, and stays open; raises what `open_link` does."""
    name = channel_name(channel)
    where = connection.where
    awaited = f"the SPICE server at {where} to answer for the {name} channel"
    caps = OUR_CHANNEL_CAPS.get(channel, ())
    connection.send(render_link(session_id, channel, channel_id, caps), awaited, deadline)

    # The magic alone first: what speaks something else may never send a whole header.
    beginning = connection.receive(len(SPICE_MAGIC), awaited, deadline)
    if not beginning:
        raise SpiceUnreachable(
            f"{where} closed the connection without an answer",
            hint="is that a SPICE port, and not its TLS port?",
        )
    if beginning != SPICE_MAGIC:
        connection.sock.settimeout(0)
        with contextlib.suppress(OSError):
            beginning += connection.sock.recv(256)
        raise not_spice(bytes(beginning), where)
    header = beginning + _whole(connection, HEADER.size - len(beginning), awaited, deadline)
    major, minor, size = read_header(header)
    reply = read_reply(_whole(connection, size, awaited, deadline))
    if reply.error:
        raise refusal(reply.error, name)
    _authenticate(connection, reply, secret, name, deadline)
    common = reply.common_caps
    return Link(
        connection, channel, channel_id, (major, minor), common, reply.channel_caps, secured
    )


def _authenticate(
    connection: Connection, reply: LinkReply, secret: bytes, name: str, deadline: Deadline
) -> None:
    awaited = f"the SPICE server at {connection.where} to check the password"
    ticket = encrypt_ticket(secret, reply.public_key)
    if SpiceCommonCap.PROTOCOL_AUTH_SELECTION in reply.common_caps:
        if SpiceCommonCap.AUTH_SPICE not in reply.common_caps:
            raise ProbeError(
                f"the SPICE server at {connection.where} takes no password of its own, only SASL",
                hint="start it without sasl=on",
            )
        mechanism = SpiceCommonCap.AUTH_SPICE.to_bytes(4, "little")
        ticket = mechanism + ticket
    connection.send(ticket, awaited, deadline)
    verdict = int.from_bytes(_whole(connection, 4, awaited, deadline), "little")
    if verdict == SpiceLinkErr.PERMISSION_DENIED and secret == NO_PASSWORD:
        raise SpiceRefused(
            f"the SPICE server refuses the {name} channel: it wants a password, and none was given",
            reason=SpiceLinkErr.PERMISSION_DENIED,
            hint="the password is the one of the machine's graphics",
        )
    if verdict:
        raise refusal(verdict, name)


def _whole(connection: Connection, size: int, awaited: str, deadline: Deadline) -> bytearray:
    data = connection.receive(size, awaited, deadline)
    if len(data) < size:
        raise SpiceUnreachable(
            f"{connection.where} closed the connection in the middle of the handshake:"
            f" {len(data)} of {size} bytes came"
        )
    return data
