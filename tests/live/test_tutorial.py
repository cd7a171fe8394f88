"""The tutorial, done by somebody who does exactly what it says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tiny_terminal import TinyTerminal
from tutorial import TUTORIAL, Reader, read_tutorial

pytestmark = [pytest.mark.live, pytest.mark.timeout(1500)]


def test_every_command_of_the_tutorial_ends_and_shows_what_it_says() -> None:
    # Below /tmp and short: sockets live in it.
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        reader = Reader(Path(directory), lambda: TinyTerminal(100, 30))
        try:
            for step in read_tutorial(TUTORIAL.read_text()):
                reader.follow(step)
            assert list((reader.home / ".local/share/charly/vm").glob("*/machine.json")) == []
        finally:
            reader.leave()
