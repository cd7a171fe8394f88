"""When a guest is ready: SSH answers, and cloud-init has finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from charly_vm.errors import GuestError
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.cloud_init import State
from charly_vm.guest.cloud_init_wait import EVERY_SECONDS, wait_for_cloud_init
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.progress import SILENT, Progress, Seen, not_told
from charly_vm.host.waiting import Deadline, NotYet, wait_for

LOGIN_AGAIN_SECONDS = (1.0, 2.0, 5.0)
"""After the first login that failed, the second, and each further one. sshd shuts out who fails
more often: each failure counts 5 s and 15 s are too much (PerSourcePenalties, sshd_config(5))."""

Alive = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Readiness:
    """A guest that is ready. `warnings` is what cloud-init could go on without.

    `cloud_init` is None where nobody could say how far it is.
    """

    cloud_init: State | None
    warnings: tuple[str, ...] = ()


def wait_until_ready(
    guest: SshGuest, deadline: Deadline, *, alive: Alive, progress: Progress = SILENT
) -> Readiness:
    """Return once SSH answers and cloud-init has finished, is switched off or is not there.

    `alive` says why the machine cannot answer any more, or None while it may. Raises `GuestError`
    at once when it does say so, when another host key answers, and when cloud-init fails (with its
    errors and logs); `GuestTimeout` when the deadline passes.
    """
    with progress.phase(f"waiting for SSH of {guest.name}") as seen:
        wait_for_ssh(guest, deadline, alive=alive, seen=seen)
    with progress.phase(f"waiting for cloud-init in {guest.name}") as seen:
        ssh = _SshProbe(guest, deadline, alive, seen="an SSH login")
        report = wait_for_cloud_init(guest, deadline, ssh, seen=seen)
    return Readiness(report.state, report.warnings)


def wait_for_ssh(
    guest: SshGuest, deadline: Deadline, *, alive: Alive, seen: Seen = not_told
) -> None:
    """Return once the guest's SSH server has let us in; raises as `wait_until_ready` does."""
    probe = _SshProbe(guest, deadline, alive, seen="nothing yet")
    wait_for(f"SSH of {guest.name}", probe, deadline, every=EVERY_SECONDS, seen=seen)


def require_alive(name: str, alive: Alive, seen: NotYet) -> None:
    """Raise `GuestError` where `alive` says why the guest will not be ready any more."""
    if reason := alive():
        text = f"{name} was not ready yet, and will not be: {reason}; last seen: {seen.seen}"
        raise GuestError(text)


class _SshProbe:
    """Asks for a connection, no more often than is good for the guest."""

    def __init__(self, guest: SshGuest, deadline: Deadline, alive: Alive, *, seen: str) -> None:
        self.guest = guest
        self.deadline = deadline
        self.alive = alive
        self.seen = NotYet(seen)
        self.started = time.monotonic()
        self.rejections = 0
        self.not_before = self.started

    def __call__(self) -> bool | NotYet:
        require_alive(self.guest.name, self.alive, self.seen)
        now = time.monotonic()
        if self.deadline.passed or now < self.not_before:
            return self.seen
        try:
            self.guest.connect(self.deadline, patience=patience_after(now - self.started))
        except GuestUnreachable as error:
            if error.rejected:
                pause = LOGIN_AGAIN_SECONDS[min(self.rejections, len(LOGIN_AGAIN_SECONDS) - 1)]
                self.rejections += 1
                self.not_before = time.monotonic() + pause
            self.seen = NotYet(error.seen)
            return self.seen
        return True


def patience_after(waited: float) -> float:
    """Seconds that one attempt has for a banner, the more the longer (seconds) SSH is waited for.

    QEMU's user network delivers each attempt once the guest is on the network, also those that
    were given up: sshd sees so many clients that never log in, and some shut out who does that.
    A guest that takes minutes to boot may take longer than 5 s for a banner as well, and with
    another client every 5 s ever longer.
    """
    return min(max(1.0, waited / 5), max(5.0, waited / 12))
