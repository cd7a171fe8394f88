"""`charly check live`: what becomes of each step, and the status that follows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from charly_vm.check.guest_view import GuestView
from charly_vm.cli.root import charly

PROJECT = """\
e: {vm: {source: {kind: bootstrap}}}
d:
  vm: e
  good: {check: it is good, command: good}
  foreign: {check: nodes are ready, kube: nodes}
"""


@dataclass(frozen=True)
class Result:
    status: int
    stdout: bytes = b""
    stderr: bytes = b""


class StandIn:
    """Stands in for a machine; in its guest the command `good` succeeds, and no other."""

    def __init__(self) -> None:
        self.guest = self

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        return Result(0 if command == "good" else 1)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("step", "said", "summary", "status"),
    [
        ("command: good", "pass  more: it holds", "2 passed, 0 failed, 1 skipped", 0),
        ("command: bad", "FAIL  more: it holds", "1 passed, 1 failed, 1 skipped", 2),
        ("spice: passwd", "ERROR more: it holds", "1 passed, 0 failed, 1 skipped, 1 not run", 1),
    ],
)
def test_each_step_says_what_became_of_it(
    step: str,
    said: str,
    summary: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(f"{PROJECT}  more: {{check: it holds, {step}}}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    stand_in = StandIn()
    monkeypatch.setattr("charly_vm.machine.machine.require_machine", lambda domain: stand_in)
    monkeypatch.setattr(
        "charly_vm.machine.surroundings.view_guest",
        lambda machine, project, held: GuestView(machine),
    )
    done = CliRunner().invoke(
        charly, ["--project", str(file), "check", "live", "d"], standalone_mode=False
    )
    lines = done.output.splitlines()
    assert lines[0] == "pass  good: it is good"
    assert lines[1] == "skip  foreign: nodes are ready (the verb kube is not one of ours)"
    assert lines[2] == said
    assert lines[-1] == summary
    assert (done.return_value or 0) == status


@pytest.mark.parametrize(
    ("verbs", "said"),
    [
        (["file"], "pass  g: x, pass  f: x, 2 passed, 0 failed"),
        (["file", "command"], "pass  c: x, pass  g: x, pass  f: x, 3 passed, 0 failed"),
        (["dns"], "Error: d has no step with the verb dns"),
    ],
)
def test_steps_are_chosen_by_their_verb_and_bring_along_what_they_need(
    verbs: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(
        "e: {vm: {source: {kind: bootstrap}}}\nd:\n  vm: e\n  c: {check: x, command: good}\n"
        "  g: {check: x, matching: a}\n  f: {check: x, file: /, depends_on: [g], exists: false}\n"
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    class Empty(StandIn):
        def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
            return Result(0 if command == "good" else 1, b"", b"No such file or directory")

    empty = Empty()
    monkeypatch.setattr("charly_vm.machine.machine.require_machine", lambda domain: empty)
    monkeypatch.setattr(
        "charly_vm.machine.surroundings.view_guest",
        lambda machine, project, held: GuestView(machine),
    )
    options = [f"--filter={verb}" for verb in verbs]
    done = CliRunner().invoke(charly, ["--project", str(file), "check", "live", "d", *options])
    assert ", ".join(done.output.splitlines()) == said
