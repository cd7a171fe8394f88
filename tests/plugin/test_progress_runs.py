"""What people see of a run, in a pipe and on a terminal: the stand-in beds wait for what is said
here, and boot nothing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from stand_in_project import STAND_IN, log_of, write_project
from tiny_terminal import OnTerminal

pytestmark = pytest.mark.slow

PYTEST = Path(sys.executable).with_name("pytest")

PHASES = '''
import time

class WaitingRun(StandInRun):
    """Goes through phases as the engine's run does, and waits while there is a file `hold`."""

    @property
    def console_log(self):
        return LOG.with_name(f"console-{self.node.name}")

    def say(self, text):
        with self.console_log.open("a") as console:
            console.write(text)

    def bring_up(self):
        with self.progress.phase("disk of shape"):
            with self.progress.transfer("fetching disk.qcow2", 2048) as update:
                update(2048)
        self.say("\\x1b[0;32mbooting\\x1b[0m\\r\\n")
        with self.progress.phase(f"waiting for SSH of {self.target.domain}") as seen:
            seen("no banner yet")
            while pathlib.Path("hold").exists():
                time.sleep(0.01)
        self.progress.note(f"{self.target.domain}: tcg")
        super().bring_up()

    def rebuild(self):
        super().rebuild()
        # Whoever looks ten times a second has seen it.
        time.sleep(0.3)
        self.console_log.unlink()
        self.say("booting again\\nlogin: ")

    def tear_down(self, *, keep=False, success=True):
        with self.progress.phase(f"removing {self.target.domain}"):
            super().tear_down(keep=keep)


StandInRun = WaitingRun
'''


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    (pytester.path / "conftest.py").write_text(STAND_IN + PHASES)
    return pytester


@pytest.fixture
def held(project: pytest.Pytester) -> Path:
    """Beds wait for SSH as long as this file is there."""
    file = project.path / "hold"
    file.touch()
    return file


def run(project: pytest.Pytester, *words: str) -> list[str]:
    result = project.runpytest_subprocess("--charly-bed=check-one", *words)
    assert not result.stderr.lines
    return result.stdout.lines


class Start(Protocol):
    def __call__(self, *words: str | Path, **environment: str) -> OnTerminal: ...


@pytest.fixture
def start(project: pytest.Pytester) -> Iterator[Start]:
    """Starts pytest, or another program that is named by its path, on a terminal."""
    started: list[OnTerminal] = []

    def start(*words: str | Path, **environment: str) -> OnTerminal:
        inherited = {name: value for name, value in os.environ.items() if name != "CI"}
        program: list[str | Path] = []
        if not isinstance(words[0], Path):
            program = [PYTEST, "-p", "no:hypothesispytest"]
        one = OnTerminal(
            [*program, *words],
            directory=project.path,
            environment={**inherited, "TERM": "xterm", **environment},
        )
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()


def told(lines: list[str]) -> list[str]:
    """Those of ours, without the times."""
    ours = [line for line in lines if re.match(r"(charly-)?check-(one|two)\b", line)]
    return [re.sub(r"\d+\.\d s( \(last time .*\))?", "N s", line) for line in ours]


def test_in_a_pipe_each_phase_has_one_line(project: pytest.Pytester) -> None:
    lines = run(project, "test_one.py")
    assert told(lines) == [
        "check-one [deployed]: disk of shape: N s",
        "check-one [deployed]: waiting for SSH: N s",
        "check-one [deployed]: tcg",
        "check-one [deployed]: 2 checks: N s",
        "check-one [rebuilt]: 2 checks: N s",
        "check-one: removing: N s",
    ]
    assert not [line for line in lines if "\x1b" in line]


def test_checks_of_which_one_fails_are_not_called_good(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_a(): assert 0\ndef test_b(): pass\n"
    )
    assert "check-one [deployed]: 2 checks: failed after N s" in told(run(project, "test_one.py"))


def test_what_is_cut_short_is_not_remembered_as_what_it_takes(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "import time, pathlib\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_a():\n    time.sleep(1)\n    if pathlib.Path('cut').exists():\n"
        "        raise KeyboardInterrupt\ndef test_b(): pass\n"
    )
    (project.path / "cut").touch()
    words = ("test_one.py", "--charly-no-rebuild")
    assert "check-one [deployed]: 2 checks: failed after N s" in told(run(project, *words))
    (project.path / "cut").unlink()
    assert not [line for line in run(project, *words) if "last time" in line]


def test_verbose_is_everything(project: pytest.Pytester) -> None:
    assert told(run(project, "-v", "test_one.py", "--charly-no-rebuild")) == [
        "check-one [deployed]: disk of shape ...",
        "check-one [deployed]: fetching disk.qcow2 (2.0 KiB) ...",
        "check-one [deployed]: fetching disk.qcow2: N s, 2.0 KiB",
        "check-one [deployed]: disk of shape: N s",
        "check-one [deployed]: waiting for SSH ...",
        "check-one [deployed]: waiting for SSH: N s",
        "check-one [deployed]: tcg",
        "check-one [deployed]: 2 checks ...",
        "check-one [deployed]: 2 checks: N s",
        "check-one: removing ...",
        "check-one: removing: N s",
    ]


def test_quiet_is_pytests_own_alone(project: pytest.Pytester) -> None:
    lines = run(project, "-q", "test_one.py")
    assert not told(lines)
    assert "4 passed" in lines[-1]


def test_the_next_run_says_how_long_it_took_last_time(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_one.py").write_text(
        "import time\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_long(): time.sleep(1)\n"
    )
    words = ("--charly-no-rebuild", "test_one.py")
    assert not [line for line in run(project, "-q", *words) if "last time" in line]
    [line] = [line for line in run(project, *words) if "last time" in line]
    assert re.fullmatch(r"check-one \[deployed\]: 1 check: \d\.\d s \(last time 1\.\d s\)", line)


@pytest.mark.parametrize("words", [("-q",), ("-q", "-n2"), ("-s",)])
def test_the_console_is_shown_line_by_line_through_the_rebuild(
    project: pytest.Pytester, words: tuple[str, ...]
) -> None:
    lines = run(project, "--charly-console", *words, "test_one.py")
    assert bool([line for line in told(lines) if "removing" in line]) == ("-q" not in words)
    assert [line for line in lines if "|" in line] == [
        "check-one | booting",
        "check-one | booting again",
        "check-one | login:",
    ]


def test_without_being_asked_for_no_console_is_shown(project: pytest.Pytester) -> None:
    assert not [line for line in run(project, "-v", "test_one.py") if "|" in line]


def test_a_terminal_shows_every_running_bed_of_all_workers(
    project: pytest.Pytester, start: Start, held: Path
) -> None:
    pytest_run = start("--charly-bed=*", "-n2")
    waits = "waiting for SSH: no banner yet"
    pytest_run.wait_until(
        lambda lines: (
            {line[2:11] for line in lines[-2:] if waits in line} == {"check-one", "check-two"}
        )
    )
    held.unlink()
    assert pytest_run.finish() == 0
    lines = pytest_run.terminal.lines
    # The live area has gone, and what stays is whole.
    assert not [line for line in lines if waits in line]
    ticked = [re.sub(r"\d+\.\d s.*", "N s", line) for line in lines if line.startswith("✓")]
    assert sorted(line for line in ticked if "check-two" in line) == [
        "✓ check-two [deployed] 1 check  N s",
        "✓ check-two [deployed] disk of shape  N s",
        "✓ check-two [deployed] waiting for SSH  N s",
        "✓ check-two [rebuilt] 1 check  N s",
        "✓ check-two removing  N s",
    ]
    assert [line for line in lines if re.match(r"\.+ +\[100%\]", line)]


def test_pytests_own_lines_stay_whole_on_a_terminal(project: pytest.Pytester, start: Start) -> None:
    (project.path / "test_one.py").write_text(
        "import time\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_slow():\n    print('captured')\n    time.sleep(0.5)\n"
    )
    pytest_run = start("--charly-bed=check-one", "-v", "test_one.py")
    assert pytest_run.finish() == 0
    lines = pytest_run.terminal.lines
    for phase in ("deployed", "rebuilt"):
        [line] = [line for line in lines if line.startswith(f"test_one.py::test_slow[{phase}]")]
        assert " PASSED " in line
    assert "captured" not in "\n".join(lines)
    # While it ran its unfinished line was followed by the bed's.
    assert [
        1
        for lines in pytest_run.seen
        if len(lines) > 1
        and lines[-2] == "test_one.py::test_slow[rebuilt]"
        and re.match(r". check-one  rebuilt  1 check", lines[-1])
    ]


def test_a_worker_that_is_killed_takes_its_lines_with_it(
    project: pytest.Pytester, start: Start, held: Path
) -> None:
    (project.path / "test_two.py").write_text(
        "import os\nfrom pytest_charly import Bed\nbed = Bed('check-two')\n"
        "def test_crash(bed): os.kill(os.getpid(), 9)\n"
    )
    (project.path / "conftest.py").write_text(
        STAND_IN
        + PHASES.replace(
            'Path("hold").exists()', 'Path("hold").exists() and "one" in self.node.name'
        )
    )
    pytest_run = start("--charly-bed=*", "-n2", "--charly-no-rebuild")
    crashed = "worker 'gw"
    pytest_run.wait_until(lambda lines: [line for line in lines if "replacing" in line.lower()])
    pytest_run.wait_until(lambda lines: "check-two" not in lines[-1] and "check-one" in lines[-1])
    held.unlink()
    assert pytest_run.finish() == 1
    assert crashed in "\n".join(pytest_run.terminal.lines)


@pytest.mark.parametrize("words", [("-s",), ("--capture=tee-sys",)])
def test_where_a_tests_own_output_comes_between_there_is_nothing_live(
    project: pytest.Pytester, start: Start, words: tuple[str, ...]
) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_says(): print('said by the test')\n"
    )
    pytest_run = start("--charly-bed=check-one", "--charly-no-rebuild", "test_one.py", *words)
    assert pytest_run.finish() == 0
    lines = pytest_run.terminal.lines
    assert "said by the test" in "\n".join(lines)
    assert told(lines)[0] == "check-one [deployed]: disk of shape: N s"
    assert not [line for line in lines if line.startswith("✓")]


def test_ci_gets_lines_alone_though_it_has_a_terminal(
    project: pytest.Pytester, start: Start
) -> None:
    pytest_run = start("--charly-bed=check-one", "test_one.py", CI="true")
    assert pytest_run.finish() == 0
    assert len(told(pytest_run.terminal.lines)) == 6


def test_a_debugger_has_the_terminal_to_itself(project: pytest.Pytester, start: Start) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_looks():\n    breakpoint()\n    pass\n"
    )
    pytest_run = start(
        "--charly-bed=check-one", "--charly-no-rebuild", "--charly-console", "test_one.py"
    )
    pytest_run.wait_until(lambda lines: lines and lines[-1] == "(Pdb)")
    with (project.path / "console-check-one").open("a") as console:
        console.write("said meanwhile\n")
    pytest_run.type("1 + 41\n")
    pytest_run.wait_until(lambda lines: lines[-2:] == ["42", "(Pdb)"])
    pytest_run.type("c\n")
    assert pytest_run.finish() == 0
    lines = pytest_run.terminal.lines
    assert lines.index("check-one | said meanwhile") > lines.index("(Pdb) c")


def test_a_pipe_that_nobody_reads_any_more_leaves_no_bed_behind(
    project: pytest.Pytester, start: Start, held: Path
) -> None:
    shell = start(Path("/bin/sh"), "-c", f"{PYTEST} --charly-bed=check-one test_one.py | head -n 1")
    held.unlink()
    shell.finish()
    assert log_of(project)[-1] == "down check-one"
