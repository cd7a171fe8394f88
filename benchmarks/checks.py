"""200 declarative checks of a guest, against the same commands sent bare over one connection.

What the checks sent is in the transcript; those commands are sent again by asyncssh alone, one
after the other. Rounds alternate. The figure: at most 1.3 times as long. An emulated guest takes
several minutes for it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from charly_vm.guest.address import SshAddress
from charly_vm.host.process import run

ROUNDS = 3
STEPS = 200
LIMIT = 1.3

KINDS = (
    "{{check: a, command: 'echo {number}', stdout: '{number}'}}",
    "{{check: b, file: /etc/hosts, filetype: file}}",
    "{{check: c, process: sshd}}",
    "{{check: d, port: 22}}",
)


PROJECT = """\
debian:
  vm:
    source: {kind: bootstrap, distro: debian-12}
    backend: qemu
    ram: 1G
    ssh: {port_auto: true, key_source: generate}
check-debian:
  vm: {from: debian, disposable: true}
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="charly-") as name:
        # The disk is the one that the user's cache has, or gets.
        environment = {f"XDG_{kind}_HOME": f"{name}/{kind.lower()}" for kind in ("DATA", "STATE")}
        os.environ.update(environment)
        project = Path(name) / "charly.yml"
        steps = (
            f"  step-{number}: {KINDS[number % len(KINDS)].format(number=number)}\n"
            for number in range(STEPS)
        )
        project.write_text(PROJECT + "".join(steps))
        charly: list[str | Path] = [
            Path(sys.executable).with_name("charly"),
            "--project",
            project,
            "vm",
        ]
        run([*charly, "create", "check-debian", "--wait"], timeout=1800)
        try:
            ours, bare, count = _measure(project)
        finally:
            run([*charly, "destroy", "check-debian", "--disk"], timeout=60)
    ratio = statistics.median(ours) / statistics.median(bare)
    verdict = "good" if ratio <= LIMIT else "TOO SLOW"
    print(
        f"{STEPS} checks {statistics.median(ours):.2f} s, their {count} commands bare "
        f"{statistics.median(bare):.2f} s: {ratio:.2f} times (limit {LIMIT}: {verdict})"
    )


def _measure(file: Path) -> tuple[list[float], list[float], int]:
    """Seconds of the checks and of their commands, round by round, and how many commands."""
    # After the environment says where state is.
    from charly_vm.check.guest_view import GuestView
    from charly_vm.check.steps import run_step
    from charly_vm.guest.transcript import Transcript
    from charly_vm.machine.machine import require_machine
    from charly_vm.machine.surroundings import view_guest
    from charly_vm.model.project import load_project
    from charly_vm.model.step import Step

    project = load_project(file)
    machine = require_machine("charly-check-debian")
    machine.transcript = Transcript()

    def check(view: GuestView, steps: Sequence[Step]) -> float:
        started = time.perf_counter()
        for step in steps:
            result = run_step(step, view)
            assert result.passed, result.explain()
        return time.perf_counter() - started

    steps = project.deploys["check-debian"].steps[-STEPS:]
    view = view_guest(machine, project)
    print("two rounds to warm up ...", flush=True)
    check(view, steps)
    machine.transcript.forget()
    check(view, steps)
    commands = [entry.command.text for entry in machine.transcript.entries]
    ours, bare = [], []
    address = machine.guest.address
    try:
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS} ...", flush=True)
            bare.append(asyncio.run(_send(address, commands)))
            ours.append(check(view, steps))
    finally:
        machine.close()
    return ours, bare, len(commands)


async def _send(address: SshAddress, commands: Sequence[str]) -> float:
    async with asyncssh.connect(
        address.host,
        address.port,
        username=address.user,
        client_keys=[str(address.key)],
        known_hosts=str(address.known_hosts),
        host_key_alias=address.name,
        config=None,
    ) as connection:
        started = time.perf_counter()
        for command in commands:
            await connection.run(command, encoding=None)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
