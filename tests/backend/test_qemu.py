"""The qemu backend with a real QEMU and no guest: what goes wrong, and what is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from machines_off import domain_of, make_machine

from charly_vm.backend import qemu
from charly_vm.backend.emulator_process import find_emulator
from charly_vm.backend.qemu import QemuBackend
from charly_vm.errors import HostError, LaunchError, StateError
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import DomainState
from charly_vm.model.resolved import ResolvedMachine

BACKEND = QemuBackend()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[ResolvedMachine]:
    """Defined and off."""
    machine = make_machine(tmp_path)
    BACKEND.define(machine)
    yield machine
    BACKEND.undefine(domain_of(machine))


def test_an_emulator_that_gives_up_shows_its_words_and_its_command(
    machine: ResolvedMachine, tmp_path: Path
) -> None:
    emulator = tmp_path / "qemu-system-x86_64"
    emulator.write_text("#!/bin/sh\necho 'I do not like this machine' >&2\nexit 3\n")
    emulator.chmod(0o755)
    BACKEND.define(replace(machine, emulator=str(emulator)))
    with pytest.raises(LaunchError) as caught:
        BACKEND.start(domain_of(machine))
    assert caught.value.status == 3
    assert caught.value.argv[0] == str(emulator)
    assert "exit status 3" in str(caught.value)
    assert "I do not like this machine" in str(caught.value)
    assert BACKEND.state(domain_of(machine)) is DomainState.SHUT_OFF


def test_an_emulator_that_hangs_before_it_answers_is_ended(
    machine: ResolvedMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu, "START_SECONDS", 0.5)
    emulator = tmp_path / "qemu-system-x86_64"
    emulator.write_text("#!/bin/sh\necho $$ >&2\nexec sleep 60\n")
    emulator.chmod(0o755)
    BACKEND.define(replace(machine, emulator=str(emulator)))
    with pytest.raises(LaunchError, match="did not answer within"):
        BACKEND.start(domain_of(machine))
    pid = int(BACKEND.log(domain_of(machine)))
    assert not Path(f"/proc/{pid}").exists()


def test_an_emulator_that_is_not_installed_is_named(machine: ResolvedMachine) -> None:
    BACKEND.define(replace(machine, emulator="/usr/bin/qemu-system-none"))
    with pytest.raises(HostError, match="qemu-system-none is not installed"):
        BACKEND.start(domain_of(machine))


def test_a_runtime_directory_with_too_long_a_path_is_an_error(
    machine: ResolvedMachine, tmp_path: Path
) -> None:
    paths = replace(machine.paths, runtime=tmp_path / ("long" * 30))
    domain = replace(domain_of(machine), paths=paths)
    BACKEND.define(replace(machine, paths=paths))
    with pytest.raises(HostError, match="cannot listen on"):
        BACKEND.start(domain)


def test_a_damaged_definition_is_an_error_that_names_the_file(machine: ResolvedMachine) -> None:
    file = machine.paths.directory / "qemu-argv.json"
    file.write_text("[")
    with pytest.raises(HostError, match=r"qemu-argv\.json"):
        BACKEND.start(domain_of(machine))
    file.write_text("[]")
    BACKEND.define(machine)
    BACKEND.start(domain_of(machine))


def test_of_two_who_start_at_the_same_time_one_is_told_that_it_runs(
    machine: ResolvedMachine,
) -> None:
    errors: list[Exception | None] = []

    def start() -> None:
        try:
            BACKEND.start(domain_of(machine))
        except StateError as error:
            errors.append(error)
        else:
            errors.append(None)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        sorted(str(error) for error in errors if error)
        == [f"{machine.domain} is running already"] * 2
    )
    assert BACKEND.state(domain_of(machine)) is DomainState.RUNNING


def test_an_emulator_that_answers_nobody_counts_as_running_and_can_be_powered_off(
    machine: ResolvedMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu, "STATE_SECONDS", 0.2)
    monkeypatch.setattr("charly_vm.backend.emulator_process.TERM_SECONDS", 0.2)
    domain = domain_of(machine)
    BACKEND.start(domain)
    emulator = find_emulator(machine.uuid)
    assert emulator is not None
    with emulator:
        os.kill(emulator.pid, signal.SIGSTOP)
        assert BACKEND.state(domain) is DomainState.RUNNING
        BACKEND.power_off(domain)
        assert BACKEND.state(domain) is DomainState.SHUT_OFF


def test_an_ended_emulator_leaves_no_zombie(machine: ResolvedMachine) -> None:
    BACKEND.start(domain_of(machine))
    emulator = find_emulator(machine.uuid)
    assert emulator is not None
    with emulator:
        BACKEND.power_off(domain_of(machine))
        entry = Path(f"/proc/{emulator.pid}")
        wait_for("its end", lambda: NotYet() if entry.exists() else True, Deadline(5), every=0.01)


def test_the_emulator_is_no_part_of_the_callers_session(machine: ResolvedMachine) -> None:
    BACKEND.start(domain_of(machine))
    emulator = find_emulator(machine.uuid)
    assert emulator is not None
    with emulator:
        assert os.getsid(emulator.pid) == emulator.pid


def test_a_screenshot_leaves_no_file(machine: ResolvedMachine) -> None:
    BACKEND.start(domain_of(machine))
    assert BACKEND.screenshot(domain_of(machine)).startswith(b"\x89PNG")
    assert list(machine.paths.directory.glob("*.ppm")) == []
    assert list(machine.paths.directory.glob(".*")) == []
