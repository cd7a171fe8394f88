"""A project for pytest to run in, with the engine's run of a bed replaced by a stand-in.

The stand-in boots nothing: it writes down what it is asked to do. What a bed really does is shown
by the live tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# Two of these machines fit into a host of two CPUs.
PROJECT = """\
shape:
  vm: {ram: 64M, cpu: 1,
    source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  says-hello: {check: it says hello, command: echo hello, stdout: hello}
check-two:
  vm: {from: shape, disposable: true}
precious:
  vm: {from: shape}
"""

STAND_IN = '''
"""Replaces BedRun by one that writes down what it is asked to do."""
import pathlib
import types

import pytest_charly.assembly
from charly_vm import GuestView
from charly_vm.errors import GuestTimeout, HostError
from charly_vm.guest.transcript import Transcript
from charly_vm.host.process import run

LOG = pathlib.Path(__file__).with_name("log")


class Shell:
    """This host's own, which remembers as a guest's does."""

    def __init__(self):
        self.transcript = Transcript()

    def run(self, command, *, timeout, stdin=None):
        with self.transcript.recording(command) as ended:
            done = run(["sh", "-c", command], timeout=timeout, check=False)
            ended(done.status, done.stdout.encode(), done.stderr.encode())
        return types.SimpleNamespace(
            status=done.status, stdout=done.stdout.encode(), stderr=done.stderr.encode()
        )


def stall_in(work):
    if pathlib.Path(f"{work}-stalls").exists():
        run(["sleep", "60"], timeout=90)


class StandInRun:
    def __init__(self, project, node, *, target, evidence, progress, **more):
        self.wish, self.claim_owner = more["wish"], node.name
        self.node, self.target, self.evidence, self.machine = node, target, evidence, None
        self.progress = progress
        self.directory = evidence / node.name
        self.shell = Shell()

    @property
    def commands(self):
        return self.shell.transcript.entries

    def log(self, text):
        with LOG.open("a") as stream:
            stream.write(f"{text} {self.target.domain.removeprefix('charly-')}\\n")

    def prepare(self):
        stall_in("preparation")

    def bring_up(self):
        self.log("up")
        stall_in("boot")
        if pathlib.Path("broken").exists():
            raise GuestTimeout("SSH", seconds=3, seen="no banner", hint="look at the console")
        if pathlib.Path("defect").exists():
            raise ZeroDivisionError("a defect")
        self.machine = types.SimpleNamespace(
            guest=self.shell,
            name=self.node.name,
            target=self.target,
            record=types.SimpleNamespace(label=self.node.name),
        )

    def rebuild(self):
        self.log("rebuild")
        stall_in("rebuild")
        if pathlib.Path("rebuild-broken").exists():
            raise HostError("the disk is full", hint="free some room")

    def require_machine(self):
        return self.machine

    def asking(self, item):
        self.shell.transcript.item = item
        if pathlib.Path("asking").exists():
            self.log(f"asking {item}")

    def collect(self, phase, *, failed=True):
        self.log(f"evidence-{phase}" if failed else f"good-evidence-{phase}")
        if pathlib.Path("full").exists():
            raise HostError("cannot write: No space left on device", hint="free some room")
        place = self.directory / phase
        place.mkdir(parents=True, exist_ok=True)
        for name in ("console.log", "domain.xml", "machine.json"):
            (place / name).write_text(f"what {name} <says>\\n")
        (place / "screen.png").write_bytes(b"\\x89PNG")
        return place

    def view(self, phase):
        return GuestView(self.machine.guest)

    def tear_down(self, *, keep=False, success=True):
        self.log("keep" if keep else "down")
        if keep:
            self.progress.note(f"{self.node.name} is kept")


def pytest_configure():
    pytest_charly.assembly.BedRun = StandInRun
'''

ONE = """\
from pytest_charly import Bed
bed = Bed("check-one")
def test_first(vm): assert vm.name == "check-one"
def test_second(bed): assert bed.phase in ("deployed", "rebuilt")
"""

TWO = """\
from pytest_charly import Bed
mine = Bed("check-two")
def test_other(vm): assert vm.name == "check-two"
"""

PLAIN = "def test_plain(): pass\n"


def write_project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two beds, a deploy that is none, and three test modules."""
    files = {"charly.yml": PROJECT, "conftest.py": STAND_IN}
    files |= {"test_a_plain.py": PLAIN, "test_two.py": TWO, "test_one.py": ONE}
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    return pytester


def log_of(pytester: pytest.Pytester) -> list[str]:
    """What the stand-in was asked to do."""
    file: Path = pytester.path / "log"
    return file.read_text().splitlines() if file.exists() else []
