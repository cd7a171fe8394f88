"""Tables of the command line, in a pipe and on a terminal that is too narrow for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tiny_terminal import OnTerminal, TinyTerminal

from charly_vm.cli.context import print_table

HEADER = ("WHAT", "FOUND", "TO GET IT")
ROW = ("swtpm", "not found " * 6, "apt install swtpm")


def test_in_a_pipe_each_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, [ROW])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["WHAT", "FOUND", "TO", "GET", "IT"]
    assert row == "  ".join(ROW)


def test_on_a_narrow_terminal_long_cells_go_on_in_their_column(tmp_path: Path) -> None:
    code = f"from charly_vm.cli.context import print_table; print_table({HEADER!r}, [{ROW!r}])"
    terminal = TinyTerminal(60, 24)
    # pytest-xdist says how wide the controller's terminal is.
    ours = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
    program = OnTerminal(
        [sys.executable, "-c", code],
        directory=tmp_path,
        environment={**ours, "TERM": "xterm"},
        terminal=terminal,
    )
    assert program.finish() == 0
    head, first, *others = terminal.lines
    assert first.startswith("swtpm  not found")
    assert others
    start = head.index("FOUND")
    assert all(line[:start].isspace() for line in others)
    assert " ".join(line[start : head.index("TO")] for line in [first, *others]).split() == (
        ROW[1].split()
    )
