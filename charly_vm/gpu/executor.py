"""Does the steps of an order one by one, and takes back what it did when one fails.

Each step is done by a child of its own. One that does not end is left where it is: inside the
kernel it cannot be killed. What came of a step is read from sysfs, and not taken from the child.
All is written down before it is done, so that whoever comes after a kill -9 can take it back.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from charly_vm.gpu.actions import ActionFailed, Perform, perform, read_overrides, wait_until_bound
from charly_vm.gpu.cards import NVIDIA
from charly_vm.gpu.holders import find_holders, nodes_of
from charly_vm.gpu.inventory import read_function, read_inventory, read_modules
from charly_vm.gpu.journal import Done, Journal, Switch
from charly_vm.gpu.root import HOST, HostRoot, link_name
from charly_vm.gpu.steps import NVIDIA_MODULES, Before, Kind, Order, Step, invert
from charly_vm.gpu.wedge import check_wedge
from charly_vm.host.process import describe_status, tail_text

SECONDS: Mapping[Kind, float] = {
    Kind.OVERRIDE: 5.0,
    Kind.UNBIND: 15.0,
    Kind.BIND: 15.0,
    # The real driver loads firmware into the card.
    Kind.LOAD: 60.0,
    Kind.UNLOAD: 30.0,
    Kind.STOP_SERVICE: 20.0,
    Kind.START_SERVICE: 20.0,
    Kind.REFRESH_CDI: 30.0,
}
"""For each kind of step; all but the loading of a driver take well under a second."""
READ_SECONDS = 5.0
APPEARS_SECONDS = 5.0
"""For a driver link, once the kernel has said that it is done."""

KILL_SECONDS = 2.0

HELPER = str(Path(__file__).with_name("helper.py"))

Say = Callable[[str], None]


class StepFailed(Exception):
    """A step was not done; whatever came before it can be taken back."""


class Unsound(Exception):
    """A driver hangs, and nothing of the card has been touched."""


class Stuck(Exception):
    """A step does not end, and nothing of the card may be touched any more."""


@dataclass
class Executor:
    """Does orders on one host. The caller holds the journal."""

    journal: Journal
    root: HostRoot = HOST
    say: Say = lambda text: None
    perform: Perform = perform
    seconds: Mapping[Kind, float] = field(default_factory=lambda: SECONDS)

    def run(self, order: Order) -> None:
        """All of an order's steps. Raises `StepFailed` once what was done has been taken back,
        `Stuck` where nothing can be, and `Unsound` where nothing was done."""
        switch = Switch(order.group, order.addresses, order.target, self.journal.boot_id)
        overrides = self._read_overrides(switch)
        try:
            for step in order.steps:
                switch = self._do(switch, step, overrides)
            self._require_expected(order.expected)
        except StepFailed as error:
            problems = self.take_back(self.journal.find_switch(order.group) or switch)
            raise StepFailed("; ".join([str(error), *problems])) from None
        self.journal.end_switch(order.group)
        if order.clears_poison:
            self.journal.clear_poison(order.group)

    def take_back(self, switch: Switch) -> list[str]:
        """Undo what was done, or may have been; returns what could not be. The switch is over then,
        or is left with the reason."""
        problems = []
        for done in reversed(switch.done):
            for step in invert(done.step, done.before):
                self.say(str(step))
                try:
                    self._free(switch, step)
                    self._do_alone(switch, step)
                except StepFailed as error:
                    problems.append(f"it could not be taken back ({step}): {error}")
        if problems:
            self.journal.write_switch(replace(switch, done=(), child=0, reason=problems[0]))
        else:
            self.journal.end_switch(switch.group)
        return problems

    def take_back_left(self, switch: Switch) -> list[str]:
        """`take_back` for a switch of somebody who was killed. Raises `Unsound` as well."""
        self._wait_for_orphan(switch)
        self._require_sound(replace(switch, done=()), "before anything was taken back")
        return self.take_back(switch)

    def _do(self, switch: Switch, step: Step, overrides: dict[str, str]) -> Switch:
        """One step, which is on record before it is begun."""
        before = self._observe(step, overrides, switch.addresses)
        switch = replace(switch, done=(*switch.done, Done(step, before)), child=0)
        self.journal.write_switch(switch)
        self.say(str(step))
        try:
            self._do_alone(switch, step)
        except StepFailed as error:
            if not step.optional:
                raise
            self.say(f"{step}: left out, since {error}")
        if step.kind is Kind.OVERRIDE:
            overrides[step.address] = step.driver
        return switch

    def _do_alone(self, switch: Switch, step: Step) -> None:
        if step.kind is Kind.UNLOAD and step.name not in read_modules(self.root):
            return
        self._guard(step)
        self._in_child(
            switch, lambda: self.perform(self.root, step), str(step), self.seconds[step.kind]
        )
        if step.kind is Kind.BIND:
            found = wait_until_bound(self.root, step.address, step.driver, APPEARS_SECONDS)
            if found != step.driver:
                raise StepFailed(
                    f"{step.address} is on {found or 'no driver'}, and not on {step.driver}"
                )
        elif step.kind is Kind.UNBIND:
            if found := link_name(self.root.device(step.address) / "driver"):
                raise StepFailed(f"{step.address} is still on {found}")
        elif step.kind is Kind.STOP_SERVICE:
            self.journal.note_persistence(stopped=True)
        elif step.kind is Kind.START_SERVICE:
            self.journal.note_persistence(stopped=False)

    def _free(self, switch: Switch, step: Step) -> None:
        """A module that was loaded may have taken a function that nobody was to bind yet."""
        if step.kind is Kind.BIND:
            found = link_name(self.root.device(step.address) / "driver")
            if found not in ("", step.driver, NVIDIA):
                self._do_alone(switch, Step(Kind.UNBIND, step.address, found))

    def _guard(self, step: Step) -> None:
        """What only root can see, just before it matters: whoever uses a function would keep its
        driver from ending."""
        if step.kind is Kind.UNBIND:
            function = read_function(self.root, step.address)
            nodes = nodes_of([function], self.root)
            holders = find_holders(nodes, nvidia=False, root=self.root).found
        elif step.kind is Kind.UNLOAD:
            loaded = read_modules(self.root)
            module = loaded.get(step.name)
            holders = find_holders(
                (), nvidia=True, root=self.root, modules=[module] if module else []
            ).found
            # A dependent module has users of its own, and does not always need its nodes.
            holders = tuple(one for one in holders if not one.pid or step.name == "nvidia")
        else:
            return
        if holders:
            raise StepFailed("; ".join(str(holder) for holder in holders))

    def _observe(
        self, step: Step, overrides: Mapping[str, str], addresses: Collection[str]
    ) -> Before:
        return Before(
            loaded=bool(step.name) and step.name.replace("-", "_") in read_modules(self.root),
            active=step.kind is Kind.STOP_SERVICE,
            driver=link_name(self.root.device(step.address) / "driver") if step.address else "",
            override=overrides.get(step.address, ""),
            modules=self._find_needed(addresses) if step.driver == NVIDIA else (),
        )

    def _find_needed(self, addresses: Collection[str]) -> tuple[str, ...]:
        """NVIDIA's modules that are loaded, where a card that is not switched needs them."""
        inventory = read_inventory(self.root)
        if any(one.driver == NVIDIA for one in inventory.functions if one.address not in addresses):
            return tuple(name for name in NVIDIA_MODULES if name in inventory.modules)
        return ()

    def _read_overrides(self, switch: Switch) -> dict[str, str]:
        self._require_sound(switch, "before anything was done")
        said = self._in_child(
            switch,
            lambda: "\n".join(
                f"{address} {override}"
                for address, override in read_overrides(self.root, switch.addresses).items()
            ),
            "to read the overrides",
            READ_SECONDS,
        )
        pairs = (line.partition(" ") for line in said.splitlines())
        return {address: override for address, _, override in pairs}

    def _require_sound(self, switch: Switch, when: str) -> None:
        """Raises `Stuck`, and gives the card up, where a driver of cards does not end; before
        anything was done `Unsound`, and `StepFailed` where some other driver is just being
        ended."""
        check = check_wedge(self.root)
        if check.wedged and not switch.done:
            raise Unsound(f"the driver does not let go of a device: {check.wedged[0]}, {when}")
        if check.wedged:
            raise self._give_up(switch, f"{check.wedged[0]}, {when}")
        if check.tasks and not switch.done:
            raise StepFailed(f"a driver is just being removed from a device: {check.tasks[0]}")

    def _require_expected(self, expected: Mapping[str, str]) -> None:
        for address, driver in expected.items():
            found = wait_until_bound(self.root, address, driver, APPEARS_SECONDS)
            if found != driver:
                raise StepFailed(f"{address} is on {found or 'no driver'}, and not on {driver}")

    def _give_up(self, switch: Switch, reason: str) -> Stuck:
        self.journal.poison(switch, reason)
        return Stuck(reason)

    def _in_child(
        self, switch: Switch, work: Callable[[], object], what: str, seconds: float
    ) -> str:
        """What `work` returns, as text, from a child that is left alone at the deadline.

        Raises `StepFailed` with what it says was wrong, and `Stuck` where it does not end.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC)
        waiting, going = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            os.close(going)
            _be_child(work, writing, waiting)
        os.close(writing)
        os.close(waiting)
        # Whoever comes after a kill has to wait for it; until it is told to it does nothing.
        if switch.done:
            self.journal.write_switch(replace(switch, child=child, child_began=_when_begun(child)))
        os.write(going, b"!")
        os.close(going)
        pidfd = os.pidfd_open(child)
        try:
            in_time = _has_ended(pidfd, seconds)
            if not in_time:
                # What waits for anything but the kernel ends by this.
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                if not _has_ended(pidfd, KILL_SECONDS):
                    raise self._give_up(switch, f"it did not end within {seconds:.0f} s: {what}")
            _, status = os.waitpid(child, 0)
            with open(reading, closefd=False, errors="replace") as stream:
                said = stream.read().strip()
        finally:
            os.close(pidfd)
            os.close(reading)
        self._require_sound(switch, f"after: {what}")
        if not in_time:
            raise StepFailed(f"it did not end within {seconds:.0f} s, and was killed: {what}")
        if status != 0:
            ended = describe_status(os.waitstatus_to_exitcode(status))
            raise StepFailed(tail_text(said, lines=1) or f"{what}: {ended}")
        return said

    def _wait_for_orphan(self, switch: Switch) -> None:
        """The child of whoever was killed may still do its step."""
        if not switch.child or not switch.done:
            return
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(switch.child)
            try:
                # The id may be somebody else's by now. The step may be one of the way back.
                same = _when_begun(switch.child) == switch.child_began
                if same and not _has_ended(pidfd, max(self.seconds.values())):
                    raise self._give_up(switch, f"it did not end: {switch.done[-1].step}")
            finally:
                os.close(pidfd)


def _when_begun(pid: int) -> str:
    """When a process began, as proc_pid_stat(5) counts it; empty where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    # The 22nd field; the name, which is the second, may have anything in it.
    return stat.rpartition(")")[2].split()[19]


def _has_ended(pidfd: int, seconds: float) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])


def _be_child(work: Callable[[], object], writing: int, waiting: int) -> NoReturn:
    """In the child: what it says goes where `writing` leads. It begins when it is told to by
    `waiting`, and does nothing where its parent dies before."""
    status = 1
    try:
        # Ctrl-C is for whoever can take things back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (writing, 1), (writing, 2), (waiting, 3)):
            os.dup2(source, target)
        # The journal's lock ends with whoever switches, and not with a child that never does.
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        if not os.read(3, 1):
            os._exit(status)
        os.close(3)
        said: object
        try:
            said, status = work(), 0
        except (ActionFailed, OSError) as error:
            said = error
        os.write(1, str(said or "").encode("utf-8", "replace"))
    finally:
        os._exit(status)
