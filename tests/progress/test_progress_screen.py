"""The terminal that is shared with pytest: no line of either is torn."""

from __future__ import annotations

import io

import pytest
from tiny_terminal import TinyTerminal

from pytest_charly.progress.screen import Screen


class Fed(io.StringIO):
    """A stream that leads to a terminal."""

    def __init__(self, terminal: TinyTerminal) -> None:
        super().__init__()
        self._terminal = terminal

    def write(self, text: str) -> int:
        self._terminal.feed(text)
        return len(text)


class Sized(Screen):
    """A screen on a terminal whose size the test gives."""

    def __init__(self, terminal: TinyTerminal) -> None:
        self.terminal = terminal
        super().__init__(Fed(terminal), live=True)

    @property
    def size(self) -> tuple[int, int]:
        return self.terminal.columns, self.terminal.rows

    @property
    def shown(self) -> list[str]:
        return self.terminal.lines


class Cooked(TinyTerminal):
    """As the kernel's line discipline has it: a line feed begins the next line."""

    def feed(self, text: str) -> None:
        super().feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))


@pytest.fixture
def screen() -> Sized:
    return Sized(Cooked(40, 8))


def test_ours_come_above_pytests_unfinished_line_and_the_area_below(screen: Sized) -> None:
    screen.write("one.py ")
    screen.show(["* check-one"])
    screen.put(["a line of ours"])
    screen.write(".")
    assert screen.shown == ["a line of ours", "one.py .", "* check-one"]
    screen.write(".\ntwo.py ")
    assert screen.shown == ["a line of ours", "one.py ..", "two.py", "* check-one"]
    screen.show([])
    screen.write("F\n")
    assert screen.shown == ["a line of ours", "one.py ..", "two.py F"]


def test_the_area_stands_in_the_place_of_an_empty_line(screen: Sized) -> None:
    screen.write("one.py .\n")
    screen.show(["* check-one", "* check-two"])
    assert screen.shown == ["one.py .", "* check-one", "* check-two"]
    screen.put(["ours"])
    screen.write("two.py .\n")
    assert screen.shown == ["one.py .", "ours", "two.py .", "* check-one", "* check-two"]


def test_nothing_is_lost_where_the_terminal_scrolls(screen: Sized) -> None:
    screen.show(["* a", "* b", "* c"])
    for number in range(20):
        screen.write(f"test {number} ")
        screen.put([f"ours {number}"])
        screen.write("PASSED\n")
    expected = [
        line for number in range(20) for line in (f"ours {number}", f"test {number} PASSED")
    ]
    assert screen.shown == [*expected, "* a", "* b", "* c"]


@pytest.mark.parametrize("width", [39, 41, 79, 81, 100])
def test_an_unfinished_line_may_take_several_rows(screen: Sized, width: int) -> None:
    screen.write("before\n" + "x" * (width - 1))
    screen.show(["* a"])
    screen.put(["ours"])
    # There is no area while the cursor hangs at the end of a row.
    assert screen.shown[-1] == ("* a" if width % 40 != 1 else "x" * 40)
    screen.write("y\n")
    text = "x" * (width - 1) + "y"
    rows = [text[start : start + 40] for start in range(0, width, 40)]
    assert screen.shown == ["before", "ours", *rows, "* a"]


def test_colours_and_returns_have_no_width(screen: Sized) -> None:
    screen.write("\x1b[1m2 workers\x1b[0m\r\x1b[32mready: 2/2\x1b[0m")
    screen.show(["* a"])
    screen.put(["ours"])
    screen.write("!\n")
    assert screen.shown == ["ours", "ready: 2/2!", "* a"]


def test_somebody_who_works_at_the_terminal_is_left_alone(screen: Sized) -> None:
    screen.show(["* a"])
    screen.pause()
    screen.put(["ours"])
    screen.show(["* b"])
    screen.write("(Pdb) ")
    assert screen.shown == ["(Pdb)"]
    screen.write("c\n")
    screen.resume()
    screen.show(["* c"])
    assert screen.shown == ["(Pdb) c", "ours", "* c"]


def piped() -> tuple[Screen, io.StringIO]:
    stream = io.StringIO()
    shared = Screen(stream, live=False, end_pytests_line=lambda: shared.write("\n"))
    return shared, stream


def test_in_a_pipe_pytests_line_is_ended_first() -> None:
    screen, stream = piped()
    screen.write("one.py .")
    screen.put(["ours"])
    screen.put(["more"])
    # pytest ends the line that it thinks is there, before it begins another.
    screen.write("\n")
    screen.write("two.py .\n")
    screen.write("\n")
    screen.show(["never in a pipe"])
    assert stream.getvalue() == "one.py .\nours\nmore\ntwo.py .\n\n"


def test_in_a_pipe_too_lines_wait_for_the_end_of_a_pause() -> None:
    screen, stream = piped()
    screen.pause()
    screen.put(["ours"])
    assert stream.getvalue() == ""
    screen.clear()
    assert stream.getvalue() == "ours\n"
