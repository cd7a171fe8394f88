"""The libvirt probe: what can be asked of a machine from outside its guest, and done to it.

A method's name in YAML and on the command line is its Python name with hyphens, behind `guest/`
and `snapshot/` for those parts: `guest/os-info` is `probe.guest.os_info()`. What is returned is a
frozen dataclass, plain data or text, all of which JSON can show, or the bytes of a PNG.

Beside what is said at each method, all of them raise `StateError` where the machine is not in a
state for it, `HostError` with the hypervisor's words where that refuses, and `SpecError` where an
argument cannot be meant.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.model.live import DomainEvent
from charly_vm.model.protocols import ListedDomain
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.keys import parse_chord
from charly_vm.probe.libvirt.guest import GuestAgent
from charly_vm.probe.libvirt.recording import Recording
from charly_vm.probe.libvirt.snapshots import Snapshots
from charly_vm.probe.libvirt.subject import Info, Subject
from charly_vm.probe.screen.looking import Looking

HOLD = 50
"""Milliseconds: longer than a guest takes to see a key, shorter than it takes to repeat one."""
MOST_HOLD = 60_000
LISTEN_SECONDS = 10.0
MOST_KEYS = 16
"""libvirt's VIR_DOMAIN_SEND_KEY_MAX_KEYS."""
MOST_SCREENS = 255
PING_SECONDS = 2.0


class LibvirtProbe(Looking):
    """Asks one machine's hypervisor, and by it the agent in the guest.

    Nothing is connected until a method is called, and nothing is kept between two calls.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.guest = GuestAgent(subject)
        self.snapshot = Snapshots(subject)

    def list(self) -> tuple[ListedDomain, ...]:
        """All domains of the machine's hypervisor with their states, by name; on the qemu backend
        the machines of this user's."""
        subject = self._subject
        return tuple(subject.backend.neighbours(subject.domain))

    def info(self) -> Info:
        """The machine at this moment; also of one that is off or gone."""
        subject = self._subject
        state = subject.backend.state(subject.domain)
        live = subject.backend.running(subject.domain).inspect() if state.has_process else None
        return Info(
            name=subject.domain.name,
            uuid=subject.domain.uuid,
            state=state.value,
            backend=subject.backend.name.value,
            vcpus=live.vcpus if live else subject.vcpus,
            memory=live.memory if live else subject.memory,
            graphics=live.graphics if live else (),
            uptime=live.uptime if live else None,
            guest_agent=bool(live) and self._agent_answers(),
        )

    def screenshot(self, screen: int = 0) -> bytes:
        """The guest's screen as PNG, whatever the hypervisor gives; they are counted from 0."""
        if not 0 <= screen <= MOST_SCREENS:
            raise wrong_argument("screenshot", f"screens are counted from 0, and {screen} is none")
        return self._subject.backend.screenshot(self._subject.domain, screen)

    def send_key(self, keys: str | Sequence[str], hold: int = HOLD) -> None:
        """Press keys as on the machine's own keyboard.

        `keys` is one chord, whose keys are pressed together, or several, which are pressed one
        after the other: `ctrl-alt-f2`, `KEY_LEFTCTRL-KEY_C`, `[l, s, enter]`. They are those of an
        American keyboard: what a guest makes of them is its own affair. Each chord is held for
        `hold` milliseconds. Raises `SpecError` that names the nearest for a key that there is not,
        before anything is pressed.
        """
        if not 0 <= hold <= MOST_HOLD:
            raise wrong_argument(
                "send-key", f"a key can be held for 0 to {MOST_HOLD} ms, not {hold}"
            )
        chords = [parse_chord(one) for one in ([keys] if isinstance(keys, str) else keys)]
        if not chords or any(len(one) > MOST_KEYS for one in chords):
            raise wrong_argument("send-key", f"1 to {MOST_KEYS} keys can be pressed together")
        domain = self._subject.backend.running(self._subject.domain)
        for number, codes in enumerate(chords):
            if number:
                # QEMU answers before it lets go, and drops what does not fit into its queue.
                time.sleep(hold / 1000)
            domain.send_keys(codes, hold)

    def passwd(self, password: str, protocol: str = "") -> str:
        """Change the password of the machine's VNC or SPICE server until it ends; returns which.

        `protocol` is vnc or spice, and may be left out where there is one of them. The machine has
        to have been started with a password. It is in no error, log or command line.
        """
        domain = self._subject.backend.running(self._subject.domain)
        return domain.set_password(password, protocol)

    def qmp(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """What QEMU returns for a command of its machine protocol (interop/qemu-qmp-ref). It can
        do anything to the machine, and libvirt need not learn of it."""
        domain = self._subject.backend.running(self._subject.domain)
        return domain.monitor(command, arguments or {})

    def domain_xml(self) -> str:
        """libvirt's XML of the machine as it runs, without passwords; on the qemu backend the
        command that started it, as one line for a shell with the passwords left out."""
        return self._subject.backend.description(self._subject.domain, live=True)

    def console(self, lines: int = 40) -> str:
        """The last lines of the serial console, the newest at the end. Of a machine on another
        hypervisor, what was said while somebody here listened."""
        if lines < 1:
            raise wrong_argument("console", f"1 line or more can be shown, not {lines}")
        return self._subject.console(lines)

    def events(self, seconds: float = LISTEN_SECONDS, until: str = "") -> tuple[DomainEvent, ...]:
        """What happens to the machine within so many seconds, as it is told by the hypervisor.

        Returns early with an event that `until` names (`reboot`, `lifecycle stopped`), and raises
        `GuestTimeout` where it does not come. The events and their details are libvirt's
        (`virsh event --list`), on both backends.
        """
        with self.watching() as recording:
            if until:
                recording.wait_for(until, seconds)
            else:
                recording.find_within("", seconds)
        return recording.so_far()

    @contextmanager
    def watching(self) -> Iterator[Recording]:
        """Record what happens to the machine while the block does something to it::

            with probe.watching() as events:
                guest.run("reboot")
                events.wait_for("reboot", timeout=30)
            assert "watchdog" not in events.names()

        The machine has to run when the block begins. On the qemu backend one is watched by one at
        a time, and only until it ends.
        """
        recording = Recording()
        domain = self._subject.backend.running(self._subject.domain)
        with domain.watch(recording.add):
            yield recording

    def _agent_answers(self) -> bool:
        try:
            self.guest.ping(seconds=PING_SECONDS)
        except GuestError:
            return False
        return True
