"""The emulated GPU host: booted once, and then set back to how it was in two seconds.

It is a bed of charly's on the qemu backend, so that what it needs of a virtual machine is tested
with it. What the reset loads is a snapshot with the memory, whatever state the guest is in.
"""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab_cards import CARDS, Card, State, find_state
from lab_code import LABEL, MOUNT_POINT, PATHS
from lab_modules import build_modules
from lab_project import host_python, name_bed, write_project
from lab_shell import ATTEMPT_SECONDS, RUN_SECONDS, Background, Ended, Shell

from charly_vm.guest.command import CommandResult
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.bed import BedRun
from charly_vm.machine.machine import Machine
from charly_vm.model.project import load_project
from charly_vm.model.protocols import DomainState

READY = "ready"
"""The snapshot."""

_SET_UP = f"""\
mkdir -p {MOUNT_POINT}
echo 'LABEL={LABEL} {MOUNT_POINT} ext4 ro,nofail 0 0' >>/etc/fstab
mount {MOUNT_POINT}
ln -s {MOUNT_POINT}/bin/* /usr/local/bin/
packages=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p "$packages"
printf '%s\\n' {shlex.join(PATHS)} >"$packages/charly.pth"
tar --extract --directory "/lib/modules/$(uname -r)" --no-same-owner
depmod
modprobe nvidia
# Once, so that what the tests import is in memory: the snapshot has that too.
charly --version >/dev/null
pytest --version >/dev/null
sync
"""


@dataclass
class Lab:
    """The emulated host. Commands are root's where nothing else is said."""

    machine: Machine
    root: Shell
    user: Shell
    """An ordinary account that may `sudo` without a password."""

    def run(
        self,
        command: str,
        *,
        timeout: float = RUN_SECONDS,
        check: bool = True,
        stdin: bytes | None = None,
    ) -> CommandResult:
        """`Shell.run`, as root."""
        return self.root.run(command, timeout=timeout, check=check, stdin=stdin)

    def charly(
        self, *words: str, timeout: float = RUN_SECONDS, check: bool = False
    ) -> CommandResult:
        """`Shell.charly`, as root."""
        return self.root.charly(*words, timeout=timeout, check=check)

    def python(self, code: str, *words: str, timeout: float = RUN_SECONDS) -> Any:
        """`Shell.python`, as root."""
        return self.root.python(code, *words, timeout=timeout)

    def start(self, command: str) -> Background:
        """`Shell.start`, as root."""
        return self.root.start(command)

    def attempt(self, command: str, seconds: float = ATTEMPT_SECONDS) -> Ended | None:
        """`Shell.attempt`, as root."""
        return self.root.attempt(command, seconds)

    def hold(self, path: str) -> Background:
        """`Shell.hold`, as root."""
        return self.root.hold(path)

    def read(self, path: str) -> str:
        """A file's text, stripped. It fails where the read hangs, and where there is no file."""
        ended = self.attempt(f"cat {shlex.quote(path)}")
        assert ended is not None, f"reading {path} hangs"
        assert ended.status == 0, ended.stderr
        return ended.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write an ordinary file, with its directory. For files of the kernel's use `attempt`."""
        place = shlex.quote(path)
        command = f"mkdir -p $(dirname {place}) && cat >{place}"
        self.run(command, stdin=text.encode())

    def state(self) -> State:
        """How the cards are, and what hangs."""
        return find_state(self.root)

    @property
    def console(self) -> str:
        """The end of what the kernel has said."""
        return self.machine.console_tail(60)

    @property
    def runs(self) -> bool:
        """Whether it does: a host that resets itself stops instead."""
        return self.machine.state() is DomainState.RUNNING

    def wait_for_reset(self, seconds: float = 10) -> None:
        """Wait until the host has reset itself; only `reset` brings it back."""

        def probe() -> bool | NotYet:
            return NotYet("the host runs") if self.runs else True

        wait_for("the host to reset itself", probe, Deadline(seconds))

    def reset(self) -> None:
        """Bring the host back to where it was when it was ready: cards, modules, files, processes,
        and the clock."""
        self.machine.guest.close()
        self.machine.backend.load_snapshot(self.machine.record.domain, READY, memory=True)
        self.run("true", timeout=30)

    def require_cards(self) -> None:
        """Have the cards in the state that `reset` gives, by that where they are not."""
        if not (self.runs and self.state() == READY_STATE):
            self.reset()


READY_STATE = State(
    drivers={
        one: driver
        for card in CARDS
        for one, driver in ((card.display, "nvidia"), (card.audio, "snd_hda_intel"))
    },
    overrides={one: "(null)" for card in CARDS for one in card.functions},
    modules=frozenset({"nvidia"}),
    hanging=(),
)


@contextmanager
def running_lab(directory: Path, modules: Path) -> Iterator[Lab]:
    """The lab, up for the length of the block.

    All of it is below `directory`, whose path is short; the modules are kept in `modules`.
    """
    project = load_project(write_project(directory))
    variables = {f"XDG_{one}_HOME": str(directory / one.lower()) for one in ("DATA", "STATE")}
    run = BedRun(project, project.deploys[name_bed()], evidence=directory / "evidence")
    try:
        with _environment(variables):
            machine = run.bring_up()
        lab = Lab(machine, Shell(machine.guest, is_root=True), Shell(machine.guest, is_root=False))
        _set_up(lab, modules)
        yield lab
    finally:
        with _environment(variables):
            run.tear_down()


def _set_up(lab: Lab, modules: Path) -> None:
    release = lab.run("uname -r").stdout_text.strip()
    assert "cloud" not in release, f"{release} is the kernel without VFIO"
    python = lab.python("import sys; print(list(sys.version_info[:2]))")
    assert ".".join(map(str, python)) == host_python(), "the lab has another Python than the host"
    archive = _pack(build_modules(modules, release))
    lab.run(f"sh -euc {shlex.quote(_SET_UP)}", stdin=archive, timeout=180)
    state = lab.state()
    assert state == READY_STATE, f"{state}\n{lab.console}"
    lab.machine.backend.save_snapshot(lab.machine.record.domain, READY)


def _pack(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"updates/{name}")
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Only while the engine looks for its directories: other tests run between the lab's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


__all__ = ["READY_STATE", "Card", "Lab", "running_lab"]
