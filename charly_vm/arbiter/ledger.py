"""The ledger: a directory of records, changed under one lock by whoever has something to change.

    lock                  held while the ledger is read and changed; never removed
    claims/ID.json        a claim; ID.lock beside it is held by its owner for as long as it lives
    stopped/KEY.json      a holder that was stopped for claims; KEY.lock is held by whoever stops or
                          starts it, and KEY.turns counts them; neither is ever removed
    inhibited/UID         until when the holders of an account do not give way
    modes/                what resources go back to that are switched for claims; see `modes`
    damaged/              what could not be understood and had no owner that lives

Each record is replaced in one step. Only its owner grants a claim; everybody removes those whose
owner is gone. A lock's file has a name that is never used again, and is removed with its record.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from charly_vm.arbiter.liveness import Liveness, is_alive
from charly_vm.arbiter.records import (
    ClaimRecord,
    Life,
    StoppedHolder,
    claim_as_json,
    is_of_newer_format,
    read_claim,
    read_stopped,
    stopped_as_json,
)
from charly_vm.arbiter.sharing import MENDED_BY, PARTS, make_lock, require_shared
from charly_vm.errors import HostError, LeaseUnavailable
from charly_vm.host.files import explain_os_errors, make_private_directory, write_atomically
from charly_vm.host.locks import hold
from charly_vm.host.mounts import find_file_system
from charly_vm.host.paths import state_directory

LOCK_SECONDS = 30.0
"""Others hold the ledger for the length of a few files' reading and writing."""
LOCK_EVERY = 0.001
ASKING_SECONDS = 5.0
"""Whoever only asks about a lock has it for an instant, unless it was stopped in that instant."""
_LEFT_OVER = re.compile(r"(?P<id>[0-9a-f]{16})\.lock|\..+\.json\.[0-9a-f]{8}\.tmp")
"""A claim's lock, and what is about to become a record."""
_COUNT_BYTES = 8
NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph")
"""Locks on these are not dropped, or not for certain, when their holder dies."""


@dataclass(slots=True)
class Book:
    """The ledger as it is while its lock is held. Changes go to the disk at once."""

    ledger: Ledger
    claims: dict[str, ClaimRecord]
    """Claims whose owner lives, and those of machines."""
    stopped: dict[str, StoppedHolder]
    left: dict[str, ClaimRecord] = field(default_factory=dict)
    """Of the claims, those whose owner is gone and whose machine may still be there."""
    buried: bool = False
    """Whether claims were found whose owner is gone."""

    def write_claim(self, record: ClaimRecord) -> None:
        # What a lock's life hangs on is over after a power cut, and need not outlast one.
        durable = record.life is not Life.OWNER
        self.ledger.write(self.ledger.claim_file(record.id), claim_as_json(record), durable)
        self.claims[record.id] = record

    def remove_claim(self, identifier: str) -> None:
        """Remove a claim and its lock's file; the lock itself is its owner's to close."""
        file = self.ledger.claim_file(identifier)
        file.unlink(missing_ok=True)
        file.with_suffix(".lock").unlink(missing_ok=True)
        self.claims.pop(identifier, None)
        self.left.pop(identifier, None)

    def write_stopped(self, record: StoppedHolder) -> None:
        self.ledger.write(self.ledger.stopped_file(record.key), stopped_as_json(record), True)
        self.stopped[record.key] = record

    def remove_stopped(self, key: str) -> None:
        self.ledger.stopped_file(key).unlink(missing_ok=True)
        self.stopped.pop(key, None)

    def next_place(self) -> float:
        """A place behind all others in the line: now, unless the clock was set back."""
        last = max((claim.place for claim in self.claims.values()), default=0.0)
        return max(time.time(), last + 1e-6)

    def is_alive(self, identifier: str) -> bool:
        """Whether it is a claim that ends with its owner, who lives."""
        claim = self.claims.get(identifier)
        if claim is None or claim.life is not Life.OWNER or identifier in self.left:
            return False
        # The dead are not in the book, but for what nobody here knows how to judge.
        return not claim.hangs_on_unknown

    def wake(self, identifier: str) -> None:
        """Have a claimant that waits look at the ledger again."""
        with suppress(OSError):
            os.utime(self.ledger.claim_lock(identifier))


@dataclass(frozen=True, slots=True)
class Right:
    """The right to stop or start a holder."""

    turns: int = 0
    """How often it was taken."""
    held: bool = False


NEVER_TAKEN = Right()


class Ledger:
    """The ledger of this account, or one that several accounts share."""

    def __init__(self, directory: Path, *, shared: bool = False) -> None:
        """`shared` files are open to the directory's group."""
        self.directory = directory
        self.shared = shared
        self.lost: list[str] = []
        """The keys of stopped holders whose records were put aside, for whoever tells people."""
        self._made = False
        self._known: dict[str, tuple[bytes, ClaimRecord]] = {}
        """The records as they were the last time: most are the same for a long time, and to
        understand one takes longer than to read it."""

    @contextmanager
    def open(self) -> Iterator[Book]:
        """Hold the ledger, without the claims of the dead.

        Raises `HostError` where the directory cannot be used, and `LeaseUnavailable` where another
        process hangs while it holds the ledger.
        """
        self.make()
        lock = hold(self.directory / "lock", timeout=LOCK_SECONDS, every=LOCK_EVERY, mode=self.mode)
        with lock, self._explaining("use"):
            book = self._read()
            for claim in list(book.claims.values()):
                if claim.life is Life.OWNER and not self.lives(claim.id):
                    self._bury(book, claim)
            self.lost.extend(self._put_aside_unreadable_holders())
            self._sweep(book)
            yield book

    def peek(self) -> Book:
        """The ledger as it is, without its lock and without a change: for people to look at."""
        if not self._is_there():
            return Book(self, {}, {})
        with self._explaining("read"):
            book = self._read()
            for claim in list(book.claims.values()):
                if claim.life is Life.OWNER and not self.lives(claim.id):
                    if claim.domain and claim.is_granted:
                        book.left[claim.id] = claim
                    elif not claim.hangs_on_unknown:
                        del book.claims[claim.id]
        return book

    def find_damaged(self) -> list[str]:
        """What was put aside, since it could not be understood: the names of files in `damaged/`,
        sorted. A holder that was stopped has `stopped-KEY.json`."""
        directory = self.directory / "damaged"
        return sorted(file.name for file in directory.iterdir()) if directory.is_dir() else []

    def peek_stopped(self) -> list[StoppedHolder]:
        """The holders that are stopped, read without the ledger's lock."""
        if not self._is_there():
            return []
        with self._explaining("read"):
            found = [read_stopped(name, text) for name, text in self._read_all_stopped()]
        return [record for record in found if record is not None]

    def has_stopped(self) -> bool:
        """Whether holders are stopped, those whose record nobody can read among them."""
        if not self._is_there():
            return False
        with self._explaining("read"):
            return any(True for _ in self._read_all_stopped())

    def begin_claim(self) -> tuple[str, Liveness]:
        """A new id, and the lock that says that its owner lives. Make it while the ledger is open,
        since the lock has to be there before its record."""
        identifier = secrets.token_hex(8)
        return identifier, Liveness(self.claim_lock(identifier), mode=self.mode)

    def lives(self, identifier: str) -> bool:
        """Whether the owner of a claim lives, or a command that it has handed its claim over to."""
        return is_alive(f"{self.directory}/claims/{identifier}.lock")

    def claim_file(self, identifier: str) -> Path:
        return self.directory / "claims" / f"{identifier}.json"

    def claim_lock(self, identifier: str) -> Path:
        return self.directory / "claims" / f"{identifier}.lock"

    def stopped_file(self, key: str) -> Path:
        return self.directory / "stopped" / f"{key}.json"

    def hold_stopped(self, key: str, stack: ExitStack) -> bool:
        """Enter the right to stop or start a holder; False where somebody is about it."""
        path = self.directory / "stopped" / f"{key}.lock"
        try:
            # Whoever only asks whether it is held has it for an instant.
            lock = hold(path, timeout=ASKING_SECONDS, every=LOCK_EVERY, mode=self.mode)
            stack.enter_context(lock)
        except LeaseUnavailable:
            return False
        self._count_turn(key)
        return True

    def is_changing(self, key: str) -> bool:
        """Whether somebody is stopping or starting a holder."""
        return is_alive(self.directory / "stopped" / f"{key}.lock")

    def see_right(self, key: str) -> Right:
        """The right to stop or start a holder, as it is now."""
        try:
            turns = int.from_bytes(self._turns_file(key).read_bytes(), "big")
        except FileNotFoundError:
            turns = 0
        return Right(turns, self.is_changing(key))

    def inhibition_file(self, uid: int) -> Path:
        return self.directory / "inhibited" / str(uid)

    def write(self, path: Path, text: str, durable: bool) -> None:
        write_atomically(path, text, mode=self.mode & ~0o020, durable=durable)

    @property
    def mode(self) -> int:
        """Of a lock's file."""
        return 0o660 if self.shared else 0o600

    def make(self) -> None:
        """Have the directory there, with its parts. Raises `HostError` where it cannot be used."""
        if self._made:
            return
        require_local(self.directory)
        if self.shared:
            require_shared(self.directory)
            make_lock(self.directory)
        else:
            for path in (self.directory, *(self.directory / name for name in PARTS)):
                make_private_directory(path)
        self._made = True

    def _explaining(self, doing: str) -> AbstractContextManager[None]:
        what = f"{doing} the ledger {self.directory}"
        if self.shared:
            # A file was made before the directory was as it has to be.
            return explain_os_errors(what, forbidden=MENDED_BY)
        return explain_os_errors(what)

    def _is_there(self) -> bool:
        """Whether there is anything to read. Raises `HostError` where others share what is there,
        and this account cannot."""
        # Unlike a path's own method it says no for one that is out of reach.
        there = os.path.isdir(self.directory)  # noqa: PTH112
        if there and self.shared:
            self.make()
        return there

    def _turns_file(self, key: str) -> Path:
        return self.directory / "stopped" / f"{key}.turns"

    def _count_turn(self, key: str) -> None:
        """For those who have looked at a holder before: it may be up or down by now.

        A file's time is no count: two turns within a tick of the kernel's clock, some milliseconds,
        leave the same. And it is written in place, for which a full disk has room.
        """
        descriptor = os.open(self._turns_file(key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            turns = int.from_bytes(os.pread(descriptor, _COUNT_BYTES, 0), "big")
            os.pwrite(descriptor, (turns + 1).to_bytes(_COUNT_BYTES, "big"), 0)
        finally:
            os.close(descriptor)

    def _read(self) -> Book:
        known: dict[str, tuple[bytes, ClaimRecord]] = {}
        for name, text in _read_directory(self.directory / "claims"):
            before = self._known.get(name)
            unchanged = before is not None and before[0] == text
            known[name] = before if before and unchanged else (text, read_claim(name, text))
        self._known = known
        claims = {name: record for name, (_, record) in known.items()}
        return Book(self, claims, {record.key: record for record in self.peek_stopped()})

    def _read_all_stopped(self) -> Iterator[tuple[str, bytes]]:
        return _read_directory(self.directory / "stopped")

    def _put_aside_unreadable_holders(self) -> Iterator[str]:
        """What a newer charly has written is left to that."""
        for key, text in self._read_all_stopped():
            if read_stopped(key, text) is None and not is_of_newer_format(text):
                file = self.stopped_file(key)
                with suppress(FileNotFoundError):
                    file.rename(self.directory / "damaged" / f"stopped-{file.name}")
                    yield key

    def _bury(self, book: Book, claim: ClaimRecord) -> None:
        """Take a claim whose owner is gone out of the book."""
        if claim.domain and claim.is_granted:
            # What it claimed is in use for as long as its machine is there.
            book.left[claim.id] = claim
            return
        file = self.claim_file(claim.id)
        if claim.hangs_on_unknown:
            return
        if claim.unreadable:
            with suppress(FileNotFoundError):
                file.rename(self.directory / "damaged" / file.name)
        book.remove_claim(claim.id)
        book.buried = True

    def _sweep(self, book: Book) -> None:
        """Remove what those have left who were killed beside a record: all that is written here is
        written by whoever holds the ledger."""
        for kind in ("claims", "stopped"):
            directory = f"{self.directory}/{kind}"
            for name in os.listdir(directory):  # noqa: PTH208
                match = _LEFT_OVER.fullmatch(name)
                if match is None or match["id"] in book.claims:
                    continue
                # One that a killed account had no time to open to the others is left to that.
                with suppress(FileNotFoundError, PermissionError):
                    if match["id"] is None or not self.lives(match["id"]):
                        os.unlink(f"{directory}/{name}")  # noqa: PTH108


def own_directory() -> Path:
    """Where the ledger of this account is."""
    return state_directory() / "leases"


def require_local(directory: Path) -> None:
    """Raises `HostError` for a directory whose locks do not say whether their holder lives."""
    kind = find_file_system(directory)
    if kind in NETWORK_FILE_SYSTEMS:
        raise HostError(
            f"{directory} is on {kind}, where a lock does not tell whether its holder lives",
            hint="have `charly settings set leases.directory` name a directory on a local disk",
        )


def _read_directory(directory: Path) -> Iterator[tuple[str, bytes]]:
    try:
        entries = os.scandir(directory)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            name, dot, kind = entry.name.rpartition(".")
            if kind != "json" or not (dot and name) or name.startswith("."):
                continue
            try:
                with open(entry.path, "rb", buffering=0) as stream:  # noqa: PTH123
                    yield name, stream.read()
            except (FileNotFoundError, IsADirectoryError):
                # Removed meanwhile, by its owner where nobody holds the ledger; or nothing of ours.
                continue
