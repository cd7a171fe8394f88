"""Devices with a mode, such as a card that serves one machine or many containers: switched for the
claims that there are, and back once there are none.

    modes/DEVICE.json     the mode that was there before the first of them
    modes/DEVICE.lock     held while it is switched

Whoever claims a token claims the devices that it means on this host as well, so that two tokens of
one device are the same to the arbiter, and each device has a mode of its own.

Written before anything is switched, and looked at by whoever comes next: a claimant that dies
leaves no device in the mode that it wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import CharlyError, LeaseUnavailable
from charly_vm.host.boot import boot_id
from charly_vm.host.locks import hold
from charly_vm.host.progress import Progress

SWITCH_SECONDS = 600.0
"""For a switch by somebody else."""
LOOK_SECONDS = 1.0


class Switches(Protocol):
    """What can switch devices; the room `machine` knows it. Every method may raise
    `CharlyError`."""

    def devices(self, token: str) -> Collection[str]:
        """What a token means on this host; none where it means nothing that has a mode."""
        ...

    def is_device(self, name: str) -> bool:
        """Whether it is one of this host's devices."""
        ...

    def require_sound(self, device: str) -> None:
        """Raise where it is given up, so that nobody gives way for it."""
        ...

    def mode(self, device: str) -> str:
        """The mode that it is in; empty where it is in none."""
        ...

    def wanted(self, *, exclusive: bool) -> str:
        """The mode in which it is wanted."""
        ...

    def enter(self, device: str, mode: str) -> None:
        """Have it in a mode; nothing happens where it is there already."""
        ...


class NoSwitches:
    """Where no device has a mode."""

    def devices(self, token: str) -> Collection[str]:
        return ()

    def is_device(self, name: str) -> bool:
        return False

    def require_sound(self, device: str) -> None:
        pass

    def mode(self, device: str) -> str:
        return ""

    def wanted(self, *, exclusive: bool) -> str:
        return ""

    def enter(self, device: str, mode: str) -> None:
        pass


def with_devices(wish: Wish, switches: Switches) -> Wish:
    """A wish with the devices that its tokens mean, each wanted in the way of its token."""

    def meant(tokens: Iterable[str]) -> Iterator[str]:
        for token in tokens:
            yield from switches.devices(token)

    return make_wish(
        (*wish.exclusive, *meant(wish.exclusive)),
        (*wish.shared, *meant(wish.shared)),
        wish.amounts,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The mode that a device goes back to."""

    device: str
    before: str
    boot_id: str


class ModeKeeper:
    """Modes of what one ledger arbitrates. Wishes are with their devices."""

    def __init__(self, ledger: Ledger, switches: Switches, progress: Progress) -> None:
        self._ledger = ledger
        self._switches = switches
        self._progress = progress

    def require_sound(self, wish: Wish) -> None:
        """Raise where something of a wish is given up."""
        for device in self._devices(wish):
            self._switches.require_sound(device)

    def enter(self, wish: Wish, *, claimed: bool = True) -> None:
        """Have everything of a wish, which has been granted, in the mode in which it is wanted.

        Where it is not `claimed`, it stays in that mode: nobody would see when to put it back.
        """
        for device in self._devices(wish):
            wanted = self._switches.wanted(exclusive=device in wish.exclusive)
            with self._held(device, SWITCH_SECONDS):
                # Where claims have followed each other, what was there before the first is known;
                # in this boot, that is.
                kept = self._read(device)
                if claimed and (kept is None or kept.boot_id != boot_id()):
                    self._write(Kept(device, self._switches.mode(device), boot_id()))
                self._switches.enter(device, wanted)

    def forget(self, wish: Wish) -> None:
        """Have everything of a wish stay in the mode in which its claimant leaves it."""
        for device in self._devices(wish):
            with self._held(device, SWITCH_SECONDS):
                self._file(device, "json").unlink(missing_ok=True)

    def settle(self) -> None:
        """Put back what nobody claims or waits for any more. What cannot be put back is told, and
        tried again by the next one who comes."""
        for kept in self._all():
            try:
                with self._held(kept.device, LOOK_SECONDS):
                    # Somebody else may have put it back by now, and others have switched it anew.
                    if now := self._read(kept.device):
                        self._put_back(now)
            except LeaseUnavailable:
                continue
            except CharlyError as error:
                self._progress.note(
                    f"{kept.device} does not go back to {kept.before}: {error.message}"
                )

    def _put_back(self, kept: Kept) -> None:
        with self._ledger.open() as book:
            wishes = [claim.wish for claim in book.claims.values()]
            # A machine that is just coming back has its claim once it runs.
            coming = (one for one in book.stopped.values() if self._ledger.is_changing(one.key))
            wishes += [holder.wish for holder in coming]
        if any(kept.device in (*wish.exclusive, *wish.shared) for wish in wishes):
            return
        # After a reboot it is in whichever mode the host boots it in.
        if kept.boot_id == boot_id() and kept.before:
            if not self._switches.is_device(kept.device):
                # It may come back, and who switches nothing knows of no device.
                return
            try:
                self._switches.require_sound(kept.device)
            except CharlyError:
                # Whoever claims it is told, and not everybody who comes by.
                return
            self._switches.enter(kept.device, kept.before)
        self._file(kept.device, "json").unlink(missing_ok=True)

    def _devices(self, wish: Wish) -> list[str]:
        return sorted(filter(self._switches.is_device, (*wish.exclusive, *wish.shared)))

    def _all(self) -> Iterator[Kept]:
        directory = self._ledger.directory / "modes"
        for file in sorted(directory.glob("*.json")) if directory.is_dir() else ():
            if kept := _read_kept(file):
                yield kept

    def _held(self, device: str, timeout: float) -> AbstractContextManager[None]:
        return hold(self._file(device, "lock"), timeout=timeout, mode=self._ledger.mode)

    def _read(self, device: str) -> Kept | None:
        return _read_kept(self._file(device, "json"))

    def _write(self, kept: Kept) -> None:
        data = {"format": 1, "device": kept.device, "before": kept.before, "boot_id": kept.boot_id}
        self._ledger.write(self._file(kept.device, "json"), json.dumps(data) + "\n", True)

    def _file(self, device: str, kind: str) -> Path:
        self._ledger.make()
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", device)
        return self._ledger.directory / "modes" / f"{plain}.{kind}"


def _read_kept(file: Path) -> Kept | None:
    try:
        data = json.loads(file.read_text())
        return Kept(str(data["device"]), str(data["before"]), str(data["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
