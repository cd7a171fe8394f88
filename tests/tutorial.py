"""The tutorial as a program: its commands run in order in an empty directory, its files written.

What the Markdown of docs/tutorial.md means to it:

```sh      commands, one in a line; one that has to fail ends in `# status 2`
```text    what the terminal shows of the commands before it, in this order; `…` is any text, and
           durations and moments are those of another run
```yaml    a file, named in the sentence before: "At the end of `x`:" adds to it, "`x` is now:"
```python  replaces it, and "`x` says:" is what has to be in it already

A block ```console is for people alone: it is neither run nor compared.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neighbours import WITHOUT
from platformdirs import user_cache_path
from tiny_terminal import OnTerminal, TinyTerminal

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"

_BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_STATUS = re.compile(r"\s+# status (\d+)$")
_FILE = re.compile(r"`([\w./-]+)`( says| is now)?:$")
_VARIES = re.compile(r"(?:\d+ h )?(?:\d+ m )?\d+(?:\.\d+)? s\b|\d{4}-\d\d-\d\dT[\d:]+Z")

_NOT_THEIRS = ("CI", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
"""Variables of ours that change what a terminal shows."""


@dataclass(frozen=True)
class Command:
    line: str
    status: int


@dataclass(frozen=True)
class Shown:
    """Lines that the commands before have shown."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A file of the reader's."""

    name: str
    text: str
    how: str
    """`says`, `is now`, or nothing where it is added at the end."""


Step = Command | Shown | Written


def read_tutorial(text: str) -> Iterator[Step]:
    """The steps of the Markdown, in order."""
    for block in _BLOCK.finditer(text):
        kind = block["kind"]
        if kind == "sh":
            for line in block["text"].splitlines():
                status = _STATUS.search(line)
                yield Command(_STATUS.sub("", line), int(status[1]) if status else 0)
        elif kind == "text":
            yield Shown(tuple(block["text"].splitlines()))
        elif kind in ("yaml", "python"):
            named = _FILE.search(block["before"])
            assert named, f"the sentence before a block names no file: {block['before']!r}"
            yield Written(named[1], block["text"], (named[2] or "").strip())
        else:
            assert kind == "console", f"a block of an unknown kind: {kind}"


def missing_line(quoted: tuple[str, ...], shown: list[str]) -> str | None:
    """The first quoted line that is not on the terminal, below those before it."""
    place = 0
    for line in quoted:
        if not line.strip(" …"):
            continue
        pattern = _pattern(line)
        while place < len(shown) and not pattern.fullmatch(shown[place].strip()):
            place += 1
        if place == len(shown):
            return line
        place += 1
    return None


def _pattern(line: str) -> re.Pattern[str]:
    """A quoted line as what may stand there in another run."""
    # A private character stands for what varies, since the words around it are split and escaped.
    words = _VARIES.sub("\ue000", line.strip()).replace("…", "\ue001").split()
    escaped = r"\s+".join(re.escape(word) for word in words)
    return re.compile(escaped.replace("\ue000", f"(?:{_VARIES.pattern})").replace("\ue001", ".*"))


class Reader:
    """Somebody who does what the tutorial says, with directories of his own for everything.

    Only the disk of the guest comes from the user's own cache, where it is there.
    """

    def __init__(self, directory: Path, terminal: Callable[[], TinyTerminal]) -> None:
        self.home = directory / "home"
        self.work = self.home / "hello"
        self.work.mkdir(parents=True)
        self._terminal = terminal
        self.terminal = terminal()
        """That of the latest command."""
        self._lines: list[str] = []
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _NOT_THEIRS and not name.startswith("XDG_")
        } | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(user_cache_path()),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            # Stands in for the browser of `--open`: it prints the page's address.
            "BROWSER": "echo",
            "CHARLY_VM_BACKEND": "qemu",
            # Somebody who has only charly has none of these.
            "PYTEST_ADDOPTS": " ".join((*WITHOUT, "-p no:hypothesispytest -p no:timeout")),
        }

    def follow(self, step: Step) -> None:
        """Do it, or see that it is so."""
        match step:
            case Command():
                self._run(step)
            case Shown():
                line = missing_line(step.lines, self._lines)
                shown = "\n".join(self._lines)
                assert line is None, f"{line!r} is not shown (there):\n{shown}"
                self._lines = []
            case Written():
                self._write(step)

    def _run(self, command: Command) -> None:
        self.terminal = self._terminal()
        program = OnTerminal(
            ["/bin/sh", "-c", command.line],
            directory=self.work,
            environment=self.environment,
            terminal=self.terminal,
        )
        status = program.finish(600)
        shown = "\n".join(self.terminal.lines)
        assert status == command.status, f"{command.line} ended with {status}:\n{shown}"
        self._lines += self.terminal.lines

    def _write(self, file: Written) -> None:
        path = self.work / file.name
        if file.how == "says":
            assert path.read_text() == file.text
        elif file.how == "is now":
            path.write_text(file.text)
        else:
            # Blank lines between functions are the editor's affair.
            between = "\n\n" if path.suffix == ".py" else ""
            path.write_text(path.read_text() + between + file.text)

    def leave(self) -> None:
        """Remove the machine that is kept, where a step has failed."""
        self._run(Command("charly vm destroy check-hello --disk || true", 0))
