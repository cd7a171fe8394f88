"""What a guest says on its console, read from the log while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.guest.console_log import LONGEST, ConsoleLog, plain_line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"[    0.1] Linux\r", "[    0.1] Linux"),
        (b"\x1b[0;32m  OK  \x1b[0m Started \x1b[0;1;39mssh\x1b[0m", "  OK   Started ssh"),
        (b"\x1b[2J\x1b[01;01H\x1b[=3h\x1b[2J\x1b[01;01HSeaBIOS", "SeaBIOS"),
        (b"\x1b]0;root@guest\x07# \x1b(B\x1b7", "#"),
        (b" 10%\r 20%\r100%\r", "100%"),
        (b"a\x08\x00\x07b\x9b", "ab\N{REPLACEMENT CHARACTER}"),
        ("größe".encode(), "größe"),
        (b"a\tb", "a       b"),
        (b"\r\x1b[K", ""),
        (b"cut off \x1b[3", "cut off 3"),
        (b"cut off \x1b]0;title", "cut off"),
        (b"\x1b", ""),
    ],
)
def test_a_line_is_plain_text(line: bytes, text: str) -> None:
    assert plain_line(line) == text


@given(st.binary())
def test_nothing_that_a_guest_can_say_controls_a_terminal(line: bytes) -> None:
    text = plain_line(line.replace(b"\n", b""))
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text)
    # And it can be sent.
    text.encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console.log"


def test_lines_come_once_they_have_an_end(path: Path) -> None:
    log = ConsoleLog(path)
    assert log.read() == []
    with path.open("ab", buffering=0) as console:
        console.write(b"one\r\n\r\ntw")
        assert log.read() == ["one"]
        assert log.is_unfinished
        assert log.read() == []
        console.write(b"o\r\nlogin: ")
        assert log.read() == ["two"]
        assert log.read(unfinished=True) == ["login:"]
        assert log.read(unfinished=True) == []
    log.close()


def test_what_an_earlier_machine_said_is_left_out(path: Path) -> None:
    path.write_bytes(b"earlier\n")
    log = ConsoleLog(path)
    log.skip()
    with path.open("ab") as console:
        console.write(b"later\n")
    assert log.read() == ["later"]
    log.close()


def test_a_rebuild_that_replaces_the_log_is_read_from_its_beginning(path: Path) -> None:
    log = ConsoleLog(path)
    old = path.open("ab", buffering=0)
    old.write(b"first\n")
    assert log.read() == ["first"]
    old.write(b"going down\nhalf a li")
    path.unlink()
    old.close()
    path.write_bytes(b"first\nagain\n")
    assert log.read() == ["going down", "half a li", "first", "again"]
    log.close()


def test_a_log_that_is_cut_is_read_from_its_beginning(path: Path) -> None:
    log = ConsoleLog(path)
    path.write_bytes(b"first\nsecond\n")
    assert log.read() == ["first", "second"]
    path.write_bytes(b"new\n")
    assert log.read() == ["new"]
    log.close()


def test_the_end_is_read_though_the_machine_is_removed(path: Path) -> None:
    log = ConsoleLog(path)
    path.write_bytes(b"first\n")
    assert log.read() == ["first"]
    with path.open("ab") as console:
        console.write(b"last\nwords")
    path.unlink()
    assert log.read(unfinished=True) == ["last", "words"]
    log.close()


def test_a_screen_that_is_painted_without_an_end_of_line_is_not_kept_in_memory(path: Path) -> None:
    path.write_bytes(b"x" * (LONGEST + 1))
    log = ConsoleLog(path)
    assert log.read() == ["x" * (LONGEST + 1)]
    assert not log.is_unfinished
    log.close()
