"""Events over a channel of execnet, to a real process at the other end."""

from __future__ import annotations

import os
import signal
import types
from collections.abc import Iterator
from typing import Any

import execnet
import pytest

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from pytest_charly.progress.channel import CHANNEL, Uplink, listen
from pytest_charly.progress.events import Event, Noted

WORKER = """
import os
given = channel.receive()
from pytest_charly.progress.channel import CHANNEL, Uplink
from pytest_charly.progress.events import Noted
tell = Uplink(given[CHANNEL]).tell
tell(Noted("b", "deployed", "from the worker"))
tell(Noted("b", "deployed", "\\udcff"))
channel.send(os.getpid())
channel.receive()
"""


class Controller:
    """What xdist has of a worker, as far as `listen` wants it, with a real execnet gateway."""

    def __init__(self) -> None:
        self.gateway = execnet.makegateway("popen")
        self.workerinput: dict[str, Any] = {}
        self.received: list[tuple[str, Event | None]] = []
        listen(self, lambda source, event: self.received.append((source, event)))
        self.channel = self.gateway.remote_exec(WORKER)
        self.channel.send(self.workerinput)
        self.worker = self.channel.receive(30)

    def wait(self, count: int) -> None:
        wait_for(
            "events",
            lambda: len(self.received) >= count or NotYet(str(self.received)),
            Deadline(10),
        )


@pytest.fixture
def controller() -> Iterator[Controller]:
    made = Controller()
    yield made
    made.gateway.exit()


def test_what_a_worker_tells_arrives_and_text_that_cannot_be_sent_is_dropped(
    controller: Controller,
) -> None:
    controller.wait(1)
    assert controller.received == [
        (controller.gateway.id, Noted("b", "deployed", "from the worker"))
    ]


def test_the_end_of_a_killed_worker_is_seen(controller: Controller) -> None:
    os.kill(controller.worker, signal.SIGKILL)
    controller.wait(2)
    assert controller.received[1:] == [(controller.gateway.id, None)]


def test_a_controller_that_has_gone_is_no_trouble_of_the_workers() -> None:
    controller = Controller()
    uplink = Uplink(controller.workerinput[CHANNEL])
    os.kill(controller.worker, signal.SIGKILL)
    controller.wait(2)
    uplink.tell(Noted("b", "", "to nobody"))
    controller.gateway.exit()


def test_what_a_worker_is_given_can_be_sent() -> None:
    node = types.SimpleNamespace(workerinput={}, gateway=execnet.makegateway("popen"))
    listen(node, lambda source, event: None)
    assert list(node.workerinput) == [CHANNEL]
    node.gateway.exit()
