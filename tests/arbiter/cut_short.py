"""Kills a claimant before or after each change that it makes to the ledger or to a holder, and
looks at what the next user finds.

Run as a program, in a process of its own, since it forks: DIRECTORY HOW WHEN. Each round has a
ledger of its own; the last one is that in which the claimant survives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from yard import Yard, YardHolder

import charly_vm.arbiter.ledger as ledger_module
import charly_vm.arbiter.preemption as preemption_module
import charly_vm.arbiter.view as view_module
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.liveness import Liveness
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import ClaimUnavailable

ALL = make_wish(["gpu", "dongle"])


class Cut:
    """Ends this process at its n-th change."""

    def __init__(self, number: int, when: str) -> None:
        self.left = number
        self.when = when
        self._depth = 0

    def around(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*words: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            last = self.left == 0
            result = change(*words, **named)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return changed

    def arm(self) -> None:
        ledger_module.write_atomically = self.around(  # type: ignore[attr-defined]
            ledger_module.write_atomically  # type: ignore[attr-defined]
        )
        for owner, name in ((Path, "unlink"), (YardHolder, "stop"), (YardHolder, "start")):
            setattr(owner, name, self.around(getattr(owner, name)))
        Liveness.close = self.around(Liveness.close)  # type: ignore[method-assign]


def main() -> None:
    place, how, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for kind in ("DATA", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(place / kind.lower())
    # One that was asked and that nobody waited for is waited for no longer than a moment.
    view_module.SETTLE_SECONDS = 0.05
    preemption_module.SETTLE_EVERY = 0.02
    wrong: list[str] = []
    number = 0
    survived = False
    while not survived:
        number += 1
        directory = place / str(number)
        survived = cut(directory, how, number, when)
        wrong += [f"{when} change {number}: {one}" for one in look(directory)]
    print(json.dumps({"cuts": number - 1, "wrong": wrong}))


def cut(directory: Path, how: str, number: int, when: str) -> bool:
    """Whether the claimant has come to its end."""
    yard = Yard(directory / "yard")
    yard.add("station", make_wish(["gpu"]), grace=0.05, on_success=how == "failure")
    yard.add("display", make_wish(shared=["gpu"]), grace=0.05)
    if how == "undone":
        yard.add("z-stuck", make_wish(["dongle"]), grace=0.05).set("stuck")
    arbiter = Arbiter(Ledger(directory / "leases"), yard)
    me = Claimant("victim", "me", os.getuid(), os.getpid())
    ahead = arbiter.claim(ALL, me) if how == "line" else None
    child = os.fork()
    if child == 0:
        try:
            Cut(number, when).arm()
            try:
                lease = arbiter.claim(ALL, me, timeout=0 if how == "line" else 60)
                lease.release(success=how != "failure")
            except ClaimUnavailable:
                assert how in ("line", "undone")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if ahead is not None:
        ahead.release()
    if status and os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise SystemExit(f"the claimant failed at change {number}")
    return status == 0


def look(directory: Path) -> list[str]:
    """What is wrong after the next user has come by."""
    yard = Yard(directory / "yard")
    arbiter = Arbiter(Ledger(directory / "leases"), yard)
    arbiter.restore(wait=True)
    arbiter.forgive()
    arbiter.restore(wait=True)
    found = [f"{name} is down" for name in yard.down()]
    found += [f"{record.name} is on record" for record in arbiter.ledger.peek_stopped()]
    if (yard.directory / "z-stuck.json").exists():
        yard.destroy("z-stuck")
    try:
        arbiter.claim(ALL, Claimant("next", "me", os.getuid(), os.getpid()), timeout=0).release()
    except ClaimUnavailable as error:
        found.append(str(error))
    found += [f"{name} is down after the next" for name in yard.down()]
    kept = {"stopped": (".lock", ".turns")}
    left = {
        str(file.relative_to(arbiter.ledger.directory))
        for file in arbiter.ledger.directory.rglob("*")
        if file.is_file() and file.suffix not in kept.get(file.parent.name, ())
    }
    return [*found, *(f"{name} is left over" for name in left - {"lock"})]


if __name__ == "__main__":
    main()
