"""The emulated GPU host, which can be set back to how it was in two seconds.

What a reset loads is a snapshot with the memory, so it works whatever state the guest is in.
"""

from __future__ import annotations

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
from lab_code import LABEL, MOUNT_POINT, PATHS
from lab_machine import load, running_machine
from lab_modules import build_modules, digest_sources
from lab_shell import ATTEMPT_SECONDS, RUN_SECONDS, Background, Ended, Shell

from charly_vm.guest.command import CommandResult
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.machine import Machine
from charly_vm.model.protocols import DomainState

READY = "ready"
"""The snapshot that a run goes back to."""

_INSTALL = f"""\
# ssh as root takes half the time of ssh and sudo.
sudo -n install -D --mode=600 "$HOME/.ssh/authorized_keys" /root/.ssh/authorized_keys
sudo -n sh -eu <<'END'
mkdir -p {MOUNT_POINT}
for name in charly pytest; do ln -s {MOUNT_POINT}/bin/$name /usr/local/bin/; done
packages=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p "$packages"
printf '%s\\n' {shlex.join(PATHS)} >"$packages/charly.pth"
END
sudo -n tar --extract --directory "/lib/modules/$(uname -r)" --no-same-owner
sudo -n depmod
sudo -n modprobe nvidia
"""
_BRING_CODE = f"""\
date --set "@$1" >/dev/null
# The kernel may remember the disk of an earlier run.
blockdev --flushbufs /dev/disk/by-label/{LABEL}
mount -o ro /dev/disk/by-label/{LABEL} {MOUNT_POINT}
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
        for shell in (self.user, self.root):
            shell.guest.close()
        load(self.machine, READY)
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
def running_lab(cache: Path) -> Iterator[Lab]:
    """The lab, up for the length of the block. What can be kept for the next run is, in `cache`."""

    def install(machine: Machine) -> None:
        _install(machine, cache)

    made_of = _INSTALL.encode() + digest_sources()
    with running_machine(cache / "lab", made_of, install) as machine:
        guests = {user: _guest(machine, user) for user in ("root", machine.record.machine.user)}
        root, user = guests.values()
        lab = Lab(machine, Shell(root, root), Shell(user, root))
        try:
            _bring_code(lab)
            yield lab
        finally:
            for guest in guests.values():
                guest.close()


def _guest(machine: Machine, user: str) -> SshGuest:
    resolved = machine.record.machine
    return SshGuest(
        name=resolved.domain,
        port=resolved.ssh_port,
        user=user,
        key=Path(resolved.key),
        known_hosts=resolved.paths.known_hosts,
    )


def _install(machine: Machine, cache: Path) -> None:
    run = machine.guest.run
    release = run("uname -r", check=True).stdout_text.strip()
    assert "cloud" not in release, f"{release} is the kernel without VFIO"
    python = run("python3 -c 'import sys; print(sys.version_info[:2])'", check=True).stdout_text
    assert python.strip() == str(sys.version_info[:2]), "the host and its Debian differ in Python"
    archive = _pack(build_modules(cache, release))
    run(f"sh -euc {shlex.quote(_INSTALL)}", stdin=archive, timeout=60, check=True)


def _bring_code(lab: Lab) -> None:
    domain, backend = lab.machine.record.domain, lab.machine.backend
    lab.root.script(_BRING_CODE, str(int(time.time())))
    state = lab.state()
    assert state == READY_STATE, f"{state}\n{lab.console}"
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
