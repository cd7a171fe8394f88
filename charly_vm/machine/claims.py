"""The ledger that this account uses, and what machines have claimed in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from charly_vm.arbiter.explanation import describe_use
from charly_vm.arbiter.ledger import Ledger, own_directory
from charly_vm.arbiter.records import Life, machine_claim_id
from charly_vm.arbiter.wish import CPUS, RAM
from charly_vm.errors import HostError
from charly_vm.host.settings import find_value


def open_ledger() -> Ledger:
    """The account's own, or the one that the setting `leases.directory` names, for several
    accounts."""
    shared = find_value("leases.directory").text
    return Ledger(Path(shared), shared=True) if shared else Ledger(own_directory())


def host_amounts() -> Mapping[str, int]:
    """How much RAM (bytes) and how many CPUs this host has."""
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {RAM: ram, CPUS: os.cpu_count() or 1}


def describe_claims() -> Mapping[str, Sequence[str]]:
    """What has been granted of each token and device, in words. Raises `HostError` where the ledger
    cannot be used."""
    book = open_ledger().peek()
    told: dict[str, list[str]] = {}
    for claim in book.claims.values():
        if claim.is_granted:
            for token in claim.wish.tokens:
                use = describe_use(claim, token, left=claim.id in book.left)
                told.setdefault(token, []).append(use)
    return told


def drop_claims(domain: str, *lives: Life) -> None:
    """A machine of this account is gone, or does not run any more: so are its claims, those that a
    dead claimant has left included where it is gone."""
    # A machine is stopped and removed also where the ledger cannot be used, such as by an account
    # that has left the group: its next claim takes out what is left of it.
    with suppress(HostError):
        _drop(open_ledger(), domain, *lives)


def _drop(ledger: Ledger, domain: str, *lives: Life) -> None:
    names = {machine_claim_id(life, os.getuid(), domain) for life in lives}
    known = ledger.peek()
    gone = known.left if Life.MACHINE in lives else {}
    if names.isdisjoint(known.claims) and all(one.domain != domain for one in gone.values()):
        return
    from charly_vm.arbiter.desk import Desk

    with ledger.open() as book:
        if Life.MACHINE in lives:
            left = [one.id for one in book.left.values() if one.domain == domain]
            names |= {one for one in left if book.claims[one].claimant.uid == os.getuid()}
        for name in names:
            book.remove_claim(name)
        Desk(ledger, capacity=host_amounts()).wake_next(book)
