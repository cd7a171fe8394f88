"""A switch on a real kernel that is killed at each of its steps."""

from __future__ import annotations

import pytest
from gpu_lab import Lab
from lab_commands import FIRST, NVIDIA, VFIO, Project

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

# In the lab, and in one process: to start charly takes longer there than a switch.
KILL_AT_EACH_STEP = """\
import json, os, signal, sys, time
from charly_vm.gpu.cards import Mode
from charly_vm.gpu.executor import Executor
from charly_vm.gpu.journal import Journal
from charly_vm.gpu.plan import plan_switch
from charly_vm.gpu.situation import observe
from charly_vm.machine.gpu_switch import find_card

first, target = sys.argv[1], Mode(sys.argv[2])
journal = Journal()

def look():
    card = find_card(first, None)
    return card, {one.address: one.driver for one in card.functions}

def wait_for_step(child, number):
    # Killed somewhere within the step, or before the next one is on record. To read the record
    # takes longer than some steps, which have the same processor.
    seen = None
    while True:
        try:
            written = os.stat(journal.directory / f"group-{group}.json").st_mtime_ns
        except FileNotFoundError:
            written = None
        if written != seen:
            seen = written
            left = journal.find_switch(group)
            if left and len(left.done) > number and left.child:
                return
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.001)

report, number = [], 0
while True:
    card, before = look()
    group = card.group
    plan = plan_switch(observe(card), target)
    assert not plan.refusals, plan.refusals
    if number == len(plan.steps):
        break
    child = os.fork()
    if child == 0:
        with journal.held(5):
            Executor(journal).run(plan.order)
        os._exit(0)
    wait_for_step(child, number)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = journal.find_switch(group)
    with journal.held(5):
        problems = Executor(journal).take_back_left(left) if left else []
    report.append([str(plan.steps[number]), problems, look()[1] == before, left is not None])
    number += 1
with journal.held(5):
    Executor(journal).run(plan.order)
print(json.dumps([report, sorted(look()[1].values())]))
"""


def test_a_switch_that_is_killed_at_any_step_is_taken_back(cards: Lab) -> None:
    for target, drivers in (("vfio", VFIO), ("nvidia", NVIDIA)):
        report, after = cards.python(KILL_AT_EACH_STEP, FIRST, target, timeout=300)
        assert len(report) > 8
        for step, problems, as_before, interrupted in report:
            assert (problems, as_before) == ([], True), f"killed at: {step}"
            # The last one may have ended before anybody could kill it.
            assert interrupted or step == report[-1][0]
        assert after == sorted(drivers)
    assert set(cards.state().overrides.values()) == {"(null)"}


def test_the_next_command_takes_back_what_was_interrupted(cards: Lab, project: Project) -> None:
    switching = cards.start(f"cd {project.directory} && exec charly vm gpu mode vfio {FIRST}")
    # By the helper's own name: sudo is not between, since this is root.
    cards.root.script(
        "until grep -qs unload /run/charly/gpu/group-*.json; do sleep 0.01; done\n"
        # Not this shell, in whose command it is written otherwise.
        "pkill -KILL -f '[c]harly_vm/gpu/helper.py'"
    )
    ended = switching.require_end(60)
    assert ended.status == 1, ended.stderr
    assert any("interrupted" in one["reason"] for one in project.status()["obstacles"])
    done = project.gpu("recover", FIRST)
    assert done.status == 0, done.stderr
    assert "the interrupted switch was taken back" in done.stdout
    assert project.drivers() == NVIDIA
    assert project.gpu("recover", FIRST).stdout == (f"{FIRST} is on nvidia: nothing to recover\n")
