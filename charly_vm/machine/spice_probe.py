"""A machine's SPICE server, and the probe that is its client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from charly_vm.errors import StateError
from charly_vm.guest.hop import Hop
from charly_vm.host.waiting import Deadline
from charly_vm.machine.machine import Machine
from charly_vm.model.live import LiveGraphics
from charly_vm.probe.screen.looking import Looking
from charly_vm.probe.spice import Cursor, SpiceAddress, SpiceSession, SpiceStatus, open_spice

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a server that listens everywhere is reached from its own host."""
HOLD = 20
"""Milliseconds for which a key or a button is held, where nobody says."""
LIBVIRT_CA = Path("/etc/pki/libvirt-spice/ca-cert.pem")
"""Where libvirt's `spice_tls_x509_cert_dir` is unless qemu.conf says otherwise."""

Reach = Callable[[Deadline], AbstractContextManager[SpiceAddress]]


class SpiceProbe(Looking):
    """Does SPICE work, pixel by pixel? Each method is a client of its own, from the handshake on.

    Raises `ProbeError` for what is wrong on the wire, and `StateError` where the machine does not
    run or has no SPICE server.
    """

    def __init__(self, reach: Reach, password: str, seconds: float) -> None:
        self._reach = reach
        self._password = password
        self._seconds = seconds

    @contextmanager
    def open(self) -> Iterator[SpiceSession]:
        """One client for several methods, for the length of a block."""
        with self._within(self._seconds) as (session, _):
            yield session

    @contextmanager
    def _within(self, seconds: float) -> Iterator[tuple[SpiceSession, Deadline]]:
        deadline = Deadline(seconds)
        with (
            self._reach(deadline) as address,
            open_spice(address, password=self._password, deadline=deadline) as session,
        ):
            yield session, deadline

    def status(self) -> SpiceStatus:
        """Whether the server takes us in, its version, and the channels that it offers."""
        with self._within(self._seconds) as (session, _):
            return session.status()

    def screenshot(self, display: int = 0) -> bytes:
        """The screen as PNG, drawn from what the server sends."""
        with self._within(self._seconds) as (session, deadline):
            return session.screenshot(display, deadline=deadline).to_png()

    def cursor(self) -> Cursor:
        """The pointer: where it is, how large, and whether it can be seen."""
        with self._within(self._seconds) as (session, deadline):
            return session.cursor(deadline=deadline)

    def click(
        self, x: int, y: int, button: str = "left", double: bool = False, hold: int = HOLD
    ) -> None:
        """Move the pointer to a place, in pixels, and press a button there for `hold` ms.

        Buttons are left, middle, right, up and down (the wheel), side and extra.
        """
        with self._within(self._seconds + 4 * hold / 1000) as (session, deadline):
            session.click(x, y, button, double, hold=hold, deadline=deadline)

    def mouse(
        self,
        x: int | None = None,
        y: int | None = None,
        *,
        dx: int | None = None,
        dy: int | None = None,
    ) -> None:
        """Move the pointer to a place, or by a distance."""
        with self._within(self._seconds) as (session, deadline):
            session.mouse(x, y, dx=dx or 0, dy=dy or 0, deadline=deadline)

    def type(self, text: str, hold: int = HOLD) -> None:
        """Type a text, on a keyboard of the United States; a line end is the Enter key. Each key
        is held for `hold` ms: a guest that reads its keys slowly loses some of what comes fast."""
        with self._within(self._seconds + len(text) * 2 * hold / 1000) as (session, deadline):
            session.type(text, hold=hold, deadline=deadline)

    def key(self, keys: str, hold: int = HOLD) -> None:
        """Press keys together, `ctrl-alt-f2`, for `hold` ms."""
        with self._within(self._seconds + 2 * hold / 1000) as (session, deadline):
            session.key(keys, hold=hold, deadline=deadline)


def probe_of(
    machine: Machine, *, password: str | None, ca_file: Path | None, seconds: float
) -> SpiceProbe:
    """See `probes.spice_probe_of`."""
    graphics = machine.record.machine.libvirt.devices.graphics
    written = next((one.passwd or "" for one in graphics if one.type == "spice"), "")
    return SpiceProbe(
        partial(_reach, machine, ca_file),
        written if password is None else password,
        seconds,
    )


@contextmanager
def _reach(machine: Machine, ca_file: Path | None, deadline: Deadline) -> Iterator[SpiceAddress]:
    """Where the SPICE server of a machine that runs is reached from here, for the length of the
    block: one that only its own host reaches is tunnelled to."""
    served = find_spice(machine)
    address = ANY_ADDRESS.get(served.address, served.address) or "127.0.0.1"
    there = machine.record.machine.hypervisor
    if there is None or not there.hop:
        yield SpiceAddress(
            host=address,
            port=served.port or None,
            tls_port=served.tls_port or None,
            socket=Path(served.socket) if served.socket else None,
            ca_file=(ca_file or _find_ca()) if served.tls_port else None,
        )
        return
    if not served.port:
        raise StateError(
            f"the SPICE server of {machine.name} is on {there.hop} and has no port in the clear, "
            "which is what can be tunnelled from there"
        )
    hop = Hop(there.hop, machine.record.machine.paths.runtime)
    try:
        yield SpiceAddress(socket=hop.open(address, served.port, deadline))
    finally:
        hop.close()


def _find_ca() -> Path | None:
    return LIBVIRT_CA if os.access(LIBVIRT_CA, os.R_OK) else None


def find_spice(machine: Machine) -> LiveGraphics:
    """The SPICE server of a machine that runs. Raises `StateError` where it has none."""
    served = machine.backend.running(machine.record.domain).inspect().graphics
    spice = [one for one in served if one.type == "spice"]
    if not spice:
        others = ", ".join(one.type for one in served) or "no graphics server at all"
        raise StateError(
            f"{machine.name} has no SPICE server, but {others}",
            hint="give it one: `graphics: [{type: spice}]` in its libvirt block",
        )
    return spice[0]
