"""Where this account's claims are written down, and whether accounts can share that."""

from __future__ import annotations

from pathlib import Path

from charly_vm.arbiter.ledger import own_directory, require_local
from charly_vm.arbiter.sharing import find_closed_files, find_faults, name_of_group, this_account
from charly_vm.errors import HostError
from charly_vm.host.mounts import find_file_system
from charly_vm.machine.doctor.finding import Finding
from charly_vm.machine.shared_ledger import render_mending, shared_directory

_SHOWN = 2


def examine_leases() -> list[Finding]:
    """The ledger, and where accounts share it, whether its directory is as it has to be."""
    shared = shared_directory()
    place = _place(shared or own_directory(), "shared" if shared else "of this account alone")
    # What is wrong with a directory that cannot be used anyway is of no interest.
    return [place, _sharing(shared)] if shared and place.good else [place]


def _place(directory: Path, whose: str) -> Finding:
    name, enables = "ledger", "claims of scarce things, and who gives way for them"
    try:
        require_local(directory)
    except HostError as error:
        return Finding("leases", name, False, error.message, enables, error.hint)
    kind = find_file_system(directory)
    found = f"{directory}, {whose}" + (f", on {kind}" if kind else "")
    return Finding("leases", name, True, found, enables)


def _sharing(directory: Path) -> Finding:
    account = this_account()
    faults = find_faults(directory, account)
    closed = [path for path, _ in find_closed_files(directory)]
    name, enables = "accounts", "claims that other accounts respect"
    if not faults and not closed:
        found = f"those in the group {name_of_group(directory.stat().st_gid)} share it"
        return Finding("leases", name, True, found, enables)
    texts = list(dict.fromkeys(fault.text for fault in faults))
    if closed:
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        texts.append(f"{closed[0]}{more}: closed to accounts of the group")
    shown = texts[:_SHOWN]
    if len(texts) > _SHOWN:
        shown.append(f"and {len(texts) - _SHOWN} more")
    fix = render_mending(directory, faults, account)
    return Finding("leases", name, False, "; ".join(shown), enables, fix)
