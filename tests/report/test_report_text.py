"""What guests and tracebacks say, made fit for a page."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.report.text import first_line, last_lines, readable, shortened


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bPsixels\x1b\\after", "after"),
        ("\x1b(Bplain\x1b7\x1bM", "plain"),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("a\r\r\nb", "a\nb"),
        ("\ttabs stay", "\ttabs stay"),
        ("bell\x07 zero\x00 del\x7f", "bell\ufffd zero\ufffd del\ufffd"),
        ("half a pair \ud800", "half a pair \ufffd"),
        ("moc.\u202eexe", "moc.\ufffdexe"),
        ("an end in the middle \x1b[3", "an end in the middle 3"),
        ("größer 🙂", "größer 🙂"),
    ],
)
def test_what_a_terminal_would_obey_is_gone_and_the_rest_can_be_shown(
    said: str, shown: str
) -> None:
    assert readable(said) == shown


def test_a_console_that_only_begins_what_a_terminal_takes_costs_no_time() -> None:
    started = time.process_time()
    for beginning in ("\x1bP", "\x1b]", "\x1b[1", "\r"):
        readable(beginning * 200_000)
    assert time.process_time() - started < 5


@given(st.text(st.characters()))
def test_whatever_is_said_becomes_text_that_a_page_can_hold(said: str) -> None:
    shown = readable(said)
    assert shown.encode().decode() == shown
    assert all(sign in "\n\t" or sign >= " " for sign in shown)


def test_the_first_line_is_the_first_that_says_something() -> None:
    assert first_line("\n \x1b[0m\n  why \nmore") == "why"
    assert first_line("") == ""


def test_what_is_too_long_keeps_its_beginning_and_its_end() -> None:
    text = shortened("a" * 600 + "b" * 600, 200)
    assert text.startswith("a" * 100 + "\n")
    assert text.endswith("\n" + "b" * 100)
    assert "1000 characters left out" in text
    assert shortened("short", 5) == "short"


@given(st.text(), st.integers(4, 50))
def test_the_last_lines_are_an_end_of_the_text_and_fit(text: str, limit: int) -> None:
    text = readable(text)
    end = last_lines(text, limit)
    assert text.endswith(end)
    assert len(end.encode()) <= limit


def test_the_last_lines_begin_at_the_beginning_of_one() -> None:
    assert last_lines("first\nsecond\nthird\n", 12) == "third\n"
    assert last_lines("one long line", 4) == "line"
