"""An SSH server that does not take a session: whether it is worth asking again.

Nothing of the command has run then, so that to ask again is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

T = TypeVar("T")

AGAIN_SECONDS = 0.1
AT_MOST = 10
"""How often a session that the server ends before it has the command is asked for anew: dropbear
does so at times when another session has just ended."""

# How a server says that there are too many sessions: OpenSSH in the first way. One that has ended
# for us still counts for the server for a moment.
_BUSY = (asyncssh.OPEN_CONNECT_FAILED, asyncssh.OPEN_RESOURCE_SHORTAGE)


class Refusals:
    """Those of one command."""

    def __init__(self) -> None:
        self._ended = 0

    def may_pass(self, error: asyncssh.ChannelOpenError) -> bool:
        """Whether the server may take it after `AGAIN_SECONDS`; counts."""
        if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
            self._ended += 1
            return self._ended <= AT_MOST
        return error.code in _BUSY


async def until_taken(start: Callable[[], Awaitable[T]]) -> T:
    """What `start` makes of a session, once the server takes one. The caller limits the time.

    Raises `asyncssh.ChannelOpenError` where asking again does not help.
    """
    refusals = Refusals()
    while True:
        try:
            return await start()
        except asyncssh.ChannelOpenError as error:
            if not refusals.may_pass(error):
                raise
        await asyncio.sleep(AGAIN_SECONDS)
