"""The ledger that this account uses, and what machines have claimed in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger, own_directory
from charly_vm.arbiter.records import Life, machine_claim_id
from charly_vm.arbiter.wish import CPUS, RAM
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


def drop_claims(domain: str, *lives: Life) -> None:
    """A machine of this account is gone, or does not run any more: so are its claims."""
    ledger = open_ledger()
    names = [machine_claim_id(life, os.getuid(), domain) for life in lives]
    if not any(ledger.claim_file(name).exists() for name in names):
        return
    arbiter = Arbiter(ledger, capacity=host_amounts())
    with ledger.open() as book:
        for name in names:
            book.remove_claim(name)
        arbiter.wake_next(book)
