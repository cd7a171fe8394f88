"""The part of a switch that needs root: takes an order on standard input, and says on standard
output what becomes of it, one JSON object a line.

    python -IS charly_vm/gpu/helper.py switch | take-back

What it does is a closed set (`steps`), for one IOMMU group whose functions it finds as the order
says. It imports Python's own modules, those of this room, and `host.process`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    # -I keeps every directory that somebody else may write to out of the path, ours included, and
    # -S the packages of others, whose looking up takes longer than a switch's quick steps.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from charly_vm.gpu.cards import Screens, find_cards, why_own
from charly_vm.gpu.executor import Executor, StepFailed, Stuck, Unsound
from charly_vm.gpu.holders import console_cards, drm_masters
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.journal import Busy, Journal
from charly_vm.gpu.root import HOST, HostRoot
from charly_vm.gpu.steps import BadOrder, Order, read_order

BUSY_SECONDS = 120.0
"""For another switch to end: its slowest steps together."""
LONGEST = 1 << 20
"""Bytes of an order."""


def say(event: str, text: str = "") -> None:
    """One line for whoever has asked. They may be gone: what was begun is still ended."""
    try:
        print(json.dumps({"event": event, "text": text}), flush=True)
    except OSError:
        # Not closed at the end either, which would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def require_true(order: Order, root: HostRoot = HOST) -> None:
    """Raises `BadOrder` for an order about a group that is not what it says, that was planned for
    other drivers than there are, or whose card is the host's own. Only who holds the journal knows
    that it stays true."""
    inventory = read_inventory(root)
    members = {one.address for one in inventory.in_group(order.group) if not one.is_bridge}
    if members != set(order.addresses):
        raise BadOrder(f"IOMMU group {order.group} has {', '.join(sorted(members)) or 'nothing'}")
    card = next((one for one in find_cards(inventory) if one.group == order.group), None)
    if card is None:
        raise BadOrder(f"IOMMU group {order.group} has no display")
    if own := why_own(card, Screens(console_cards(root), drm_masters(root))):
        raise BadOrder(f"it is the host's own: {own}")
    found = {one.address: one.driver for one in inventory.functions}
    for address, driver in order.drivers.items():
        if found.get(address) != driver:
            raise BadOrder(
                f"{address} was on {driver or 'no driver'} when this was planned, and is on "
                f"{found.get(address) or 'none'} now: ask again"
            )
    known = found.keys()
    if stray := set(order.expected) - known:
        raise BadOrder(f"there is no {', '.join(sorted(stray))}")


def serve(verb: str, text: str, root: HostRoot = HOST) -> int:
    """Do what is asked; the exit status is 0 where it was done."""
    journal = Journal(root)
    try:
        order = read_order(text)
        with journal.held(BUSY_SECONDS):
            require_true(order, root)
            executor = Executor(journal, root, lambda step: say("step", step))
            left = journal.find_switch(order.group)
            if verb == "take-back":
                problems = executor.take_back_left(left) if left else []
                if problems:
                    raise StepFailed("; ".join(problems))
                if order.clears_poison:
                    journal.clear_poison(order.group)
            elif left is not None and not order.clears_poison:
                raise BadOrder(
                    "a switch of this card was interrupted, and is to be taken back first"
                )
            else:
                executor.run(order)
    except BadOrder as error:
        say("refused", str(error))
        return 2
    except Busy:
        say("refused", "another switch does not end")
        return 2
    except StepFailed as error:
        say("failed", str(error))
        return 1
    except Unsound as error:
        say("unsound", str(error))
        return 3
    except Stuck as error:
        say("stuck", str(error))
        return 3
    say("done")
    return 0


def main() -> int:
    if os.geteuid() != 0:
        say("refused", "only root may bind drivers")
        return 2
    # What root writes here is for everybody to read, whatever the caller keeps to themselves.
    os.umask(0o022)
    verbs = sys.argv[1:]
    if verbs not in (["switch"], ["take-back"]):
        say("refused", f"{' '.join(verbs) or 'nothing'} is neither switch nor take-back")
        return 2
    # What is no text is for `read_order` to refuse.
    return serve(verbs[0], sys.stdin.buffer.read(LONGEST).decode("utf-8", "replace"))


if __name__ == "__main__":
    # What was begun is ended, or taken back, whatever becomes of the terminal.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(main())
