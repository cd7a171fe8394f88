"""The emulated GPU host, which can be set back to how it was in half a second.

What a reset loads is a snapshot with the memory, so it works whatever state the guest is in.
"""

from __future__ import annotations

import functools
import io
import shlex
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_cards import CARDS, State, find_state
from lab_code import FORKING, FORKS, LABEL, MOUNT_POINT, PATHS
from lab_machine import load, running_machine
from lab_modules import build_expected_modules, build_modules, digest_sources
from lab_shell import ATTEMPT_SECONDS, RUN_SECONDS, Background, Ended, Shell

from charly_vm.backend import qmp
from charly_vm.backend.guest_agent import ask_agent
from charly_vm.errors import CharlyError, GuestError
from charly_vm.guest.agent import AgentShell
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.machine import Machine
from charly_vm.model.protocols import DomainState

READY = "ready"
"""The snapshot that a run goes back to."""

AGENT_SECONDS = 120.0
"""For the agent's first word, while a guest of the lab's has its processors."""
BRING_SECONDS = 300.0
"""For the code to be imported, ten times what it takes where nothing else runs."""
USER = "charly"
"""An ordinary account."""

# To list what four thousand modules depend on takes the emulated host ten seconds, so those that no
# test needs are left out of the list.
_NOT_LISTED = (
    "fs", "gpu", "hwmon", "i2c", "iio", "infiniband", "input", "media", "mtd", "net", "regulator",
    "scsi", "soc", "staging", "usb",
)  # fmt: skip
"""Directories of modules."""
_INSTALL = f"""\
useradd --create-home --shell /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}
mkdir -p {MOUNT_POINT}
for name in charly charly-python pytest; do ln -s {MOUNT_POINT}/bin/$name /usr/local/bin/; done
packages=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p "$packages"
printf '%s\\n' {shlex.join(PATHS)} >"$packages/charly.pth"
tar --extract --directory "/lib/modules/$(uname -r)" --no-same-owner
mkdir -p /etc/depmod.d
printf 'exclude %s\\n' {shlex.join(_NOT_LISTED)} >/etc/depmod.d/lab.conf
depmod
modprobe nvidia
"""
_BRING_CODE = f"""\
date --set "@$1" >/dev/null
udevadm settle
# The kernel may remember the disk of an earlier run.
blockdev --flushbufs /dev/disk/by-label/{LABEL}
mount -o ro /dev/disk/by-label/{LABEL} {MOUNT_POINT}
setsid {FORKING} </dev/null >/var/log/forking 2>&1 &
forking=$!
until [ -S {FORKS} ]; do
    kill -0 "$forking" 2>/dev/null || {{ cat /var/log/forking >&2; exit 1; }}
    sleep 0.2
done
charly --version >/dev/null
sync
"""


@dataclass
class Lab:
    """The emulated host. Commands are root's where nothing else is said."""

    machine: Machine
    root: Shell
    user: Shell
    """An ordinary account that may `sudo` without a password."""
    spoilt: bool = False
    """Whether a test has done what only `reset` takes back: to ask such a host how it is may take a
    minute."""

    def run(
        self,
        command: str,
        *,
        timeout: float = RUN_SECONDS,
        check: bool = True,
        stdin: bytes | None = None,
    ) -> Ended:
        """`Shell.run`, as root."""
        return self.root.run(command, timeout=timeout, check=check, stdin=stdin)

    def charly(self, *words: str, timeout: float = RUN_SECONDS, check: bool = False) -> Ended:
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

    def leak(self, path: str) -> None:
        """Have the stand-in for nvidia count a use of a card's node that nobody has open, and that
        never ends."""
        self.run("echo 1 >/sys/module/nvidia/parameters/leak")
        held = self.hold(path)
        held.kill()
        self.wait_until_gone(held)

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

    def wait_until_gone(self, process: Background, seconds: float = 10) -> None:
        """Wait for the end of one that `kill` was tried on, which leaves no status."""

        def probe() -> bool | NotYet:
            seen = process.look()
            return NotYet(str(seen)) if seen.state else True

        wait_for(f"the end of {process.command!r}", probe, Deadline(seconds))

    @property
    def console(self) -> str:
        """The end of what the kernel has said."""
        return self.machine.console_tail(60)

    def describe(self) -> str:
        """The console, and where each processor is: also of one that answers nothing."""
        monitor = self.machine.record.domain.paths.monitor_socket
        words: dict[str, object] = {"command-line": "info registers -a"}
        try:
            registers = str(qmp.execute(monitor, "human-monitor-command", words))
        except CharlyError as error:
            registers = str(error)
        shown = [line for line in registers.splitlines() if line.startswith(("CPU#", "RIP="))]
        return "\n".join([self.console, *(shown or [registers])])

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
        load(self.machine, READY)
        self.spoilt = False

    def require_cards(self) -> None:
        """Have the cards in the state that `reset` gives, by that where they are not."""
        if self.spoilt or not (self.runs and self._is_ready()):
            self.reset()

    def _is_ready(self) -> bool:
        try:
            return self.state() == READY_STATE
        except GuestError:
            # A test that failed may have left a host that answers nothing.
            return False


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
def running_lab(cache: Path) -> Iterator[Lab]:
    """The lab, up for the length of the block. What can be kept for the next run is, in `cache`."""

    def install(machine: Machine) -> None:
        _install(_enter(machine), cache)

    def bring_code(machine: Machine) -> None:
        _bring_code(_enter(machine))

    def foresee() -> None:
        build_expected_modules(cache)

    made_of = _INSTALL.encode() + digest_sources()
    with running_machine(cache / "lab", made_of, foresee, install, bring_code) as machine:
        yield _enter(machine)


def _enter(machine: Machine) -> Lab:
    ask = functools.partial(
        ask_agent, machine.record.domain.paths.agent_socket, patience=AGENT_SECONDS
    )
    agent = AgentShell("the lab", ask)
    return Lab(machine, Shell(agent), Shell(agent, USER))


def _install(lab: Lab, cache: Path) -> None:
    release = lab.run("uname -r").stdout.strip()
    assert "cloud" not in release, f"{release} is the kernel without VFIO"
    python = lab.run("python3 -c 'import sys; print(sys.version_info[:2])'").stdout.strip()
    assert python == str(sys.version_info[:2]), "the host and its Debian differ in Python"
    lab.run(f"set -eu\n{_INSTALL}", stdin=_pack(build_modules(cache, release)))


def _bring_code(lab: Lab) -> None:
    domain, backend = lab.machine.record.domain, lab.machine.backend
    lab.root.script(_BRING_CODE, str(int(time.time())), timeout=BRING_SECONDS)
    state = lab.state()
    if state != READY_STATE:
        raise GuestError(f"the lab is not as it has to be: {state}")
    backend.drop_snapshot(domain, READY)
    backend.save_snapshot(domain, READY)


def _pack(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"updates/{name}")
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
