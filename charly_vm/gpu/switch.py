"""Has the helper switch a card, as root or through sudo or pkexec, and tells what comes of it."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.gpu.executor import HELPER
from charly_vm.gpu.plan import REBOOT, Plan, Refusal
from charly_vm.gpu.steps import Order, render_order
from charly_vm.host.process import find_tool, interact, run, spawn

SILENCE_SECONDS = 240.0
"""The helper says something at each step, and waits for another switch at the most before."""
SUDO_SECONDS = 20.0
"""To say who may do what, which it may ask a directory service about."""
SILENT = "silent"

Say = Callable[[str], None]


class CardStuck(HostError):
    """Nothing of the card may be touched until the host has booted anew."""


def require_possible(plan: Plan) -> None:
    """Raise `HostError` with every reason for which a switch is refused."""
    if plan.refusals:
        raise refusal_error(
            f"{plan.card.address} is not switched to {plan.target.value}", plan.refusals
        )


def refusal_error(what: str, refusals: tuple[Refusal, ...]) -> HostError:
    reasons = "; ".join(refusal.reason for refusal in refusals)
    kind = CardStuck if any(refusal.remedy.endswith(REBOOT) for refusal in refusals) else HostError
    return kind(
        f"{what}: {reasons}",
        hint="; ".join(dict.fromkeys(filter(None, (refusal.remedy for refusal in refusals)))),
    )


def switch(plan: Plan, say: Say = lambda text: None) -> None:
    """Make a planned switch. Raises `HostError` where it is refused, or fails and was taken back,
    and `CardStuck` where the card has to be left alone."""
    require_possible(plan)
    if plan.steps:
        ask_helper("switch", plan.order, say, f"{plan.card.address} is not on {plan.target.value}")


def take_back(plan: Plan, say: Say = lambda text: None, *, clears_poison: bool = False) -> None:
    """Undo a switch that was interrupted."""
    # What is to be taken back is in the journal; what a plan would do now is no matter.
    order = replace(plan.order, steps=(), expected={}, drivers={}, clears_poison=clears_poison)
    ask_helper("take-back", order, say, f"{plan.card.address} is left half-switched")


def clear(plan: Plan, say: Say = lambda text: None) -> None:
    """Make a planned switch of a card that was given up, and have it count as sound again."""
    order = replace(plan.order, clears_poison=True)
    ask_helper("switch", order, say, f"{plan.card.address} is not recovered")


def ask_helper(verb: str, order: Order, say: Say, what: str) -> None:
    """Run the helper to its end. Raises `HostError`, or `CardStuck`."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    given, giving = os.pipe2(os.O_CLOEXEC)
    command = [sys.executable, "-IS", HELPER, verb]
    argv = [*become_root(command), *command]
    with os.fdopen(writing, "wb") as output, os.fdopen(given, "rb") as order_file:
        child = spawn(argv, output=output, stdin=order_file.fileno(), own_session=False)
    # Whoever does not become root is gone by now, which shows when the stream is closed.
    with suppress(BrokenPipeError), os.fdopen(giving, "w") as stream:
        stream.write(render_order(order))
    outcome, reason = "", ""
    others: list[str] = []
    for event, text in _events(reading):
        if event == "step":
            say(text)
        elif event:
            outcome, reason = event, text
        else:
            others.append(text)
    if outcome != SILENT:
        child.wait()
    if outcome == "done":
        return
    if outcome == "unsound":
        raise CardStuck(f"{what}, and nothing was done: {reason}", hint=REBOOT)
    if outcome in ("stuck", SILENT):
        raise CardStuck(f"{what}: {reason}; the card is given up for this boot", hint=REBOOT)
    if outcome:
        # Who has a card open is closed to others than root.
        sudo = "" if os.geteuid() == 0 else "sudo "
        hint = f"`{sudo}charly vm gpu plan {order.target}` says what hinders a switch"
        raise HostError(f"{what}: {reason}", hint=hint)
    raise HostError(
        f"{what}: {others[-1] if others else 'the helper ended without a word'}",
        hint="a switch needs root: run it as root, or allow this account sudo, or pkexec where "
        "there is no sudo",
    )


def become_root(command: Sequence[str]) -> list[str | Path]:
    """What starts a command as root. Raises `HostError` where nothing does."""
    if os.geteuid() == 0:
        return []
    sudo, pkexec = find_tool("sudo"), find_tool("pkexec")
    if sudo is not None:
        if sys.stdin and sys.stdin.isatty():
            # Who may run this one without a password has none to give for all the others.
            asked = run([sudo, "-n", "-l", "--", *command], check=False, timeout=SUDO_SECONDS)
            if asked.status == 0 or interact([sudo, "-v"]) == 0:
                return [sudo, "--"]
        return [sudo, "-n", "--"]
    if pkexec is not None:
        return [pkexec]
    raise HostError(
        "only root may bind drivers, and this account has neither sudo nor pkexec",
        hint="run the command as root",
    )


def _events(reading: int) -> Iterator[tuple[str, str]]:
    """What the helper says; lines that are not its own come with no event."""
    with os.fdopen(reading, "rb", buffering=0) as stream:
        rest = b""
        while True:
            if not select.select([stream], [], [], SILENCE_SECONDS)[0]:
                yield SILENT, f"the helper has said nothing for {SILENCE_SECONDS:.0f} s"
                return
            data = stream.read(65536)
            *lines, rest = (rest + data).split(b"\n")
            for line in [*lines, *([rest] if rest and not data else [])]:
                text = line.decode("utf-8", "replace").strip()
                try:
                    said = json.loads(text)
                    yield str(said["event"]), str(said["text"])
                except (ValueError, TypeError, KeyError):
                    yield "", text
            if not data:
                return
