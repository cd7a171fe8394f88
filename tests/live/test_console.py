"""`charly vm console` on a real pseudo-terminal, as a person uses it."""

from __future__ import annotations

import os
import select
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from charly_vm.host.waiting import Deadline, NotYet, wait_for

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def created(tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, "qemu") as made:
        assert made.charly("vm", "create", "tiny", "--wait").status == 0
        yield made


@pytest.fixture
def place(created: Workspace) -> Workspace:
    """With the machine running: a test may have stopped it."""
    assert created.charly("vm", "start", "tiny", "--wait").status == 0
    return created


class Person:
    """Sits at a terminal in which `charly vm console` runs."""

    def __init__(self, place: Workspace) -> None:
        self.terminal, self.other_end = os.openpty()
        self.before = termios.tcgetattr(self.other_end)
        self.child = subprocess.Popen(
            place.argv("vm", "console", "tiny"),
            stdin=self.other_end,
            stdout=self.other_end,
            stderr=self.other_end,
            env={**os.environ, **place.environment},
            start_new_session=True,
        )
        self.seen = ""

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def wait_for(self, text: str) -> None:
        def probe() -> bool | NotYet:
            ready, _, _ = select.select([self.terminal], [], [], 0)
            if ready:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
            return True if text in self.seen else NotYet(self.seen[-300:])

        wait_for(repr(text), probe, Deadline(30), every=0.05)


def test_the_console_is_a_shell_and_ctrl_bracket_leaves_the_terminal_as_it_was(
    place: Workspace,
) -> None:
    person = Person(place)
    person.wait_for("Ctrl-] detaches")
    person.type(b"\r")
    person.wait_for("# ")
    # The answer is not in what was typed, so it cannot be an echo.
    person.type(b"echo $((6 * 7))-is-the-answer\r")
    person.wait_for("42-is-the-answer")
    # Ctrl-C is the guest's, and does not end us.
    person.type(b"\x03")
    person.type(b"echo $((6 * 8))-still-here\r")
    person.wait_for("48-still-here")
    person.type(b"\x1d")
    assert person.child.wait(10) == 0
    assert termios.tcgetattr(person.other_end) == person.before
    os.close(person.other_end)
    os.close(person.terminal)


def test_the_console_in_a_pipe_ends_with_the_machine(place: Workspace) -> None:
    attached = place.start("vm", "console", "tiny")
    place.wait_for("the console", lambda: "attached; until the machine ends" in attached.output)
    assert place.charly("vm", "ssh", "tiny", "--", "echo on-the-console >/dev/console").status == 0
    place.wait_for("the guest's words", lambda: "on-the-console" in attached.output)
    assert place.charly("vm", "stop", "tiny", "--force").status == 0
    assert attached.wait(10) == 0
