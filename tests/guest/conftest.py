"""Guests for the tests of this room, on an event loop that checks itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest_stand_in import GuestStandIn

from charly_vm.guest.ssh import SshGuest
from charly_vm.host.loop import call


@pytest.fixture(autouse=True)
def watched_loop(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio's debug mode, and a failure where it reports an exception that nobody took."""

    async def set_debug(value: bool) -> None:
        asyncio.get_running_loop().set_debug(value)

    call(set_debug(True))
    yield
    call(set_debug(False))
    complaints = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert not complaints


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[GuestStandIn]:
    """A guest whose SSH server the test starts, stops and breaks."""
    with GuestStandIn(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGuest]:
    """A guest that one is connected to, shared by a module."""
    with GuestStandIn(tmp_path_factory.mktemp("guest")) as one:
        one.start()
        connected = one.guest()
        connected.run("true")
        yield connected
