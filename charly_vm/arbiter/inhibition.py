"""An account's owner at work: until a moment, none of its holders gives way."""

from __future__ import annotations

import time

from charly_vm.arbiter.ledger import Ledger
from charly_vm.host.files import explain_os_errors


def inhibit(ledger: Ledger, uid: int, seconds: float) -> float:
    """Have no holder of the account give way for so long; returns until when, since the epoch."""
    until = time.time() + seconds
    with ledger.open():
        ledger.write(ledger.inhibition_file(uid), f"{until:.0f}\n", True)
    return until


def allow(ledger: Ledger, uid: int) -> bool:
    """Take that back; whether it was so."""
    with ledger.open():
        there = find_inhibition(ledger, uid) > 0
        with explain_os_errors(f"remove {ledger.inhibition_file(uid)}"):
            ledger.inhibition_file(uid).unlink(missing_ok=True)
    return there


def find_inhibition(ledger: Ledger, uid: int) -> float:
    """Until when no holder of the account gives way, since the epoch; 0 where they do."""
    try:
        until = float(ledger.inhibition_file(uid).read_text())
    except (OSError, ValueError):
        return 0.0
    return until if until > time.time() else 0.0
