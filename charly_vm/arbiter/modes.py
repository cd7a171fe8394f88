"""Resources with a mode, such as a card that serves one machine or many containers: switched for
the claims that there are, and back once there are none.

    modes/TOKEN.json     the mode that was there before the first of them
    modes/TOKEN.lock     held while it is switched

Written before anything is switched, and looked at by whoever comes next: a claimant that dies
leaves no resource in the mode that it wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import CharlyError, LeaseUnavailable
from charly_vm.host.boot import boot_id
from charly_vm.host.locks import hold
from charly_vm.host.progress import Progress

SWITCH_SECONDS = 600.0
"""For a switch by somebody else."""
LOOK_SECONDS = 1.0


class Switches(Protocol):
    """What can switch resources; the room `machine` knows it. Every method may raise
    `CharlyError`."""

    def switched(self, tokens: Collection[str]) -> Collection[str]:
        """Those of these tokens that have a mode on this host."""
        ...

    def require_sound(self, token: str) -> None:
        """Raise where it is given up, so that nobody gives way for it."""
        ...

    def mode(self, token: str) -> str:
        """The mode that it is in; empty where it is in none."""
        ...

    def wanted(self, *, exclusive: bool) -> str:
        """The mode in which it is wanted."""
        ...

    def enter(self, token: str, mode: str) -> None:
        """Have it in a mode; nothing happens where it is there already."""
        ...


class NoSwitches:
    """Where no resource has a mode."""

    def switched(self, tokens: Collection[str]) -> Collection[str]:
        return ()

    def require_sound(self, token: str) -> None:
        pass

    def mode(self, token: str) -> str:
        return ""

    def wanted(self, *, exclusive: bool) -> str:
        return ""

    def enter(self, token: str, mode: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Kept:
    """The mode that a token goes back to."""

    token: str
    before: str
    boot_id: str


class ModeKeeper:
    """Modes of what one ledger arbitrates."""

    def __init__(self, ledger: Ledger, switches: Switches, progress: Progress) -> None:
        self._ledger = ledger
        self._switches = switches
        self._progress = progress

    def require_sound(self, wish: Wish) -> None:
        """Raise where something of a wish is given up."""
        for token in self._switches.switched((*wish.exclusive, *wish.shared)):
            self._switches.require_sound(token)

    def enter(self, wish: Wish, *, claimed: bool = True) -> None:
        """Have everything of a wish, which has been granted, in the mode in which it is wanted.

        Where it is not `claimed`, it stays in that mode: nobody would see when to put it back.
        """
        for token in sorted(self._switches.switched((*wish.exclusive, *wish.shared))):
            wanted = self._switches.wanted(exclusive=token in wish.exclusive)
            with hold(self._file(token, "lock"), timeout=SWITCH_SECONDS, mode=self._ledger.mode):
                # Where claims have followed each other, what was there before the first is known;
                # in this boot, that is.
                kept = self._read(token)
                if claimed and (kept is None or kept.boot_id != boot_id()):
                    self._write(Kept(token, self._switches.mode(token), boot_id()))
                self._switches.enter(token, wanted)

    def forget(self, wish: Wish) -> None:
        """Have everything of a wish stay in the mode in which its claimant leaves it."""
        for token in (*wish.exclusive, *wish.shared):
            with hold(self._file(token, "lock"), timeout=SWITCH_SECONDS, mode=self._ledger.mode):
                self._file(token, "json").unlink(missing_ok=True)

    def settle(self) -> None:
        """Put back what nobody claims or waits for any more. What cannot be put back is told, and
        tried again by the next one who comes."""
        for kept in self._all():
            try:
                lock = self._file(kept.token, "lock")
                with hold(lock, timeout=LOOK_SECONDS, mode=self._ledger.mode):
                    # Somebody else may have put it back by now, and others have switched it anew.
                    if now := self._read(kept.token):
                        self._put_back(now)
            except LeaseUnavailable:
                continue
            except CharlyError as error:
                self._progress.note(
                    f"{kept.token} does not go back to {kept.before}: {error.message}"
                )

    def _put_back(self, kept: Kept) -> None:
        with self._ledger.open() as book:
            wishes = [claim.wish for claim in book.claims.values()]
            # A machine that is just coming back has its claim once it runs.
            coming = (one for one in book.stopped.values() if self._ledger.is_changing(one.key))
            wishes += [holder.wish for holder in coming]
        if any(kept.token in (*wish.exclusive, *wish.shared) for wish in wishes):
            return
        # After a reboot it is in whichever mode the host boots it in.
        if kept.boot_id == boot_id() and kept.before:
            if kept.token not in self._switches.switched([kept.token]):
                # A project that is not in use here knows what is behind it.
                return
            self._switches.enter(kept.token, kept.before)
        self._file(kept.token, "json").unlink(missing_ok=True)

    def _all(self) -> Iterator[Kept]:
        directory = self._ledger.directory / "modes"
        for file in sorted(directory.glob("*.json")) if directory.is_dir() else ():
            if kept := _read_kept(file):
                yield kept

    def _read(self, token: str) -> Kept | None:
        return _read_kept(self._file(token, "json"))

    def _write(self, kept: Kept) -> None:
        data = {"format": 1, "token": kept.token, "before": kept.before, "boot_id": kept.boot_id}
        self._ledger.write(self._file(kept.token, "json"), json.dumps(data) + "\n", True)

    def _file(self, token: str, kind: str) -> Path:
        self._ledger.make()
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", token)
        return self._ledger.directory / "modes" / f"{plain}.{kind}"


def _read_kept(file: Path) -> Kept | None:
    try:
        data = json.loads(file.read_text())
        return Kept(str(data["token"]), str(data["before"]), str(data["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
