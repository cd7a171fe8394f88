"""200 declarative checks of a guest, against the same commands sent bare over one connection.

What the checks sent is in the transcript; those commands are sent again by asyncssh alone, one
after the other. Rounds alternate. The figure: at most 1.3 times as long.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import asyncssh
from platformdirs import user_cache_path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/live"))
from tiny_guest import build_tiny_image
from workspace import Workspace, workspace

ROUNDS = 7
STEPS = 200
LIMIT = 1.3

KINDS = (
    "{{check: a, command: 'echo {number}', stdout: '{number}'}}",
    "{{check: b, file: /disk, filetype: directory}}",
    "{{check: c, process: dropbear}}",
    "{{check: d, port: 22}}",
)


def main() -> None:
    with workspace(build_tiny_image(user_cache_path("charly-tests")), "qemu") as place:
        steps = "".join(
            f"  step-{number}: {KINDS[number % len(KINDS)].format(number=number)}\n"
            for number in range(STEPS)
        )
        with place.project.open("a") as project:
            project.write(steps)
        os.environ.update(place.environment)
        created = place.charly("vm", "create", "check-tiny", "--wait")
        assert created.status == 0, created.stderr
        ours, bare, count = _measure(place)
    ratio = statistics.median(ours) / statistics.median(bare)
    verdict = "good" if ratio <= LIMIT else "TOO SLOW"
    print(
        f"{STEPS} checks {statistics.median(ours):.2f} s, their {count} commands bare "
        f"{statistics.median(bare):.2f} s: {ratio:.2f} times (limit {LIMIT}: {verdict})"
    )


def _measure(place: Workspace) -> tuple[list[float], list[float], int]:
    """Seconds of the checks and of their commands, round by round, and how many commands."""
    # After the environment says where state is.
    from charly_vm.check.guest_view import GuestView
    from charly_vm.check.steps import run_step
    from charly_vm.guest.transcript import Transcript
    from charly_vm.machine.machine import require_machine
    from charly_vm.machine.surroundings import view_guest
    from charly_vm.model.project import load_project
    from charly_vm.model.step import Step

    project = load_project(place.project)
    machine = require_machine("charly-check-tiny")
    machine.transcript = Transcript()

    def check(view: GuestView, steps: Sequence[Step]) -> float:
        started = time.perf_counter()
        for step in steps:
            result = run_step(step, view)
            assert result.passed, result.explain()
        return time.perf_counter() - started

    steps = project.deploys["check-tiny"].steps[-STEPS:]
    view = view_guest(machine, project)
    check(view, steps)
    machine.transcript.forget()
    check(view, steps)
    commands = [entry.command.text for entry in machine.transcript.entries]
    ours, bare = [], []
    address = machine.guest.address
    try:
        for _ in range(ROUNDS):
            bare.append(asyncio.run(_send(address.port, address.user, address.key, commands)))
            ours.append(check(view, steps))
    finally:
        machine.close()
    return ours, bare, len(commands)


async def _send(port: int, user: str, key: Path, commands: Sequence[str]) -> float:
    async with asyncssh.connect(
        "127.0.0.1", port, username=user, client_keys=[str(key)], known_hosts=None, config=None
    ) as connection:
        started = time.perf_counter()
        for command in commands:
            await connection.run(command, encoding=None)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
