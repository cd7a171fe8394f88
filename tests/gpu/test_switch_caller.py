"""Whoever has a card switched says what came of it, however the helper ends, or does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fake_host import AUDIO, GPU, FakeHost

from charly_vm.errors import HostError
from charly_vm.gpu import switch as switch_module
from charly_vm.gpu.cards import Mode, find_cards
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.plan import REBOOT, Plan, Refusal, plan_switch
from charly_vm.gpu.situation import observe
from charly_vm.gpu.steps import Order, read_order
from charly_vm.gpu.switch import (
    CardStuck,
    ask_helper,
    become_root,
    refusal_error,
    switch,
    take_back,
)
from charly_vm.host.process import spawn

ORDER = Order(1, (GPU, AUDIO), "vfio")
COMMAND = ["python", "helper", "switch"]
WHAT = "it is not on vfio"
SAY = """\
import json, os, sys, time

def say(event, text=""):
    print(json.dumps({"event": event, "text": text}), flush=True)

"""
Helper = Callable[[str], None]


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    """`helper(code)` puts a program of this code in the helper's place; nobody asks for root."""

    def put(code: str) -> None:
        file = tmp_path / "helper.py"
        file.write_text(SAY + code)
        monkeypatch.setattr(switch_module, "HELPER", str(file))

    monkeypatch.setattr(switch_module, "become_root", lambda command: [])
    return put


def spawn_and_wait(*words: Any, **more: Any) -> subprocess.Popen[bytes]:
    """It is gone before anybody has given it its order."""
    child = spawn(*words, **more)
    child.wait()
    return child


def ask(said: list[str] | None = None) -> None:
    ask_helper("switch", ORDER, (said if said is not None else []).append, WHAT)


def failure(kind: type[HostError] = HostError) -> HostError:
    with pytest.raises(HostError) as raised:
        ask()
    assert type(raised.value) is kind
    return raised.value


def test_it_is_given_its_order_and_told_of_step_by_step(helper: Helper, tmp_path: Path) -> None:
    helper(
        f"open({str(tmp_path / 'order')!r}, 'w').write(sys.argv[1] + chr(10) + sys.stdin.read())\n"
        "say('step', 'load the module x'); say('step', 'ünload it'); say('done')\n"
    )
    said: list[str] = []
    ask(said)
    assert said == ["load the module x", "ünload it"]
    verb, order = (tmp_path / "order").read_text().split("\n", 1)
    assert verb == "switch"
    assert read_order(order) == ORDER


def test_a_refusal_is_told(helper: Helper) -> None:
    helper("say('refused', 'no such group'); sys.exit(2)")
    error = failure()
    assert error.message == f"{WHAT}: no such group"
    assert error.hint.endswith("charly vm gpu plan vfio` says what hinders a switch")


def test_a_failure_is_told_with_what_it_was_about(helper: Helper) -> None:
    helper("say('step', 'bind it'); say('failed', 'the kernel said no'); sys.exit(1)")
    assert failure().message == f"{WHAT}: the kernel said no"


def test_a_driver_that_hangs_gives_the_card_up(helper: Helper) -> None:
    helper("say('stuck', 'rmmod does not end'); sys.exit(3)")
    error = failure(CardStuck)
    assert error.message == (f"{WHAT}: rmmod does not end; the card is given up for this boot")
    assert error.hint == REBOOT


def test_where_a_driver_hangs_that_nobody_has_touched_no_card_is_given_up(helper: Helper) -> None:
    helper("say('unsound', 'rmmod does not end'); sys.exit(3)")
    error = failure(CardStuck)
    assert error.message == f"{WHAT}, and nothing was done: rmmod does not end"
    assert error.hint == REBOOT


def test_one_that_says_nothing_is_not_waited_for(
    helper: Helper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(switch_module, "SILENCE_SECONDS", 1.0)
    helper(
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "sys.stdin.read(); time.sleep(600)\n"
    )
    started: list[subprocess.Popen[bytes]] = []

    def remember(*words: Any, **more: Any) -> subprocess.Popen[bytes]:
        started.append(spawn(*words, **more))
        return started[-1]

    monkeypatch.setattr(switch_module, "spawn", remember)
    before = time.monotonic()
    try:
        error = failure(CardStuck)
    finally:
        started[0].kill()
        started[0].wait()
    assert time.monotonic() - before < 300
    assert error.message.startswith(f"{WHAT}: the helper has said nothing for 1 s; ")
    assert error.hint == REBOOT


def test_what_it_says_in_time_is_waited_for_anew_each_time(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switch_module, "SILENCE_SECONDS", 10.0)
    helper("[(time.sleep(0.05), say('step', str(one))) for one in range(5)]; say('done')")
    said: list[str] = []
    ask(said)
    assert said == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("sys.exit(0)", "the helper ended without a word"),
        ("say('step', 'bind it'); os.kill(os.getpid(), 9)", "the helper ended without a word"),
        ("raise ValueError('who knows')", "ValueError: who knows"),
        ("print('no end', end=''); sys.exit(1)", "no end"),
    ],
)
def test_one_that_dies_without_an_answer_is_no_success(
    helper: Helper, code: str, told: str
) -> None:
    helper(code)
    error = failure()
    assert error.message == f"{WHAT}: {told}"
    assert error.hint is not None
    assert "sudo, or pkexec" in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"done"',
        '{"event": "done"}',
        '{"text": "done"}',
        '["event", "text"]',
        "\\xff\\xfe",
        "done",
    ],
)
def test_what_is_not_its_own_is_no_answer(helper: Helper, line: str) -> None:
    helper(f"print({line!r}); say('step', 'one'); print({line!r}); say('failed', 'as expected')")
    said: list[str] = []
    with pytest.raises(HostError, match="as expected"):
        ask(said)
    assert said == ["one"]
    helper(f"print({line!r})")
    with pytest.raises(HostError):
        ask()


def test_an_answer_that_comes_in_pieces_is_put_together(helper: Helper) -> None:
    helper(
        "text = json.dumps({'event': 'step', 'text': 'x' * 200_000}) + chr(10)\n"
        "text += json.dumps({'event': 'done', 'text': ''})\n"
        "for start in range(0, len(text), 50_001):\n"
        "    os.write(1, text[start : start + 50_001].encode())\n"
    )
    said: list[str] = []
    ask(said)
    assert [len(text) for text in said] == [200_000]


@pytest.fixture
def sudo(tmp_path: Path, helper: Helper, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sudo that allows nothing, as what becomes root."""
    file = tmp_path / "sudo"
    file.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    file.chmod(0o755)
    helper("say('done')")
    monkeypatch.setattr(switch_module, "become_root", lambda command: [file, "-n", "--"])
    return file


def test_what_sudo_complains_of_is_passed_on(sudo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for start in (spawn, spawn_and_wait):
        monkeypatch.setattr(switch_module, "spawn", start)
        error = failure()
        assert error.message == f"{WHAT}: sudo: a password is required"
        assert error.hint is not None
        assert error.hint.startswith("a switch needs root")


def test_no_descriptor_is_left_open(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_module, "spawn", spawn_and_wait)
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for code in ("say('done')", "say('failed')", "pass"):
        helper(code)
        with suppress(HostError):
            ask()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


# Who becomes root.


class Terminal:
    def __init__(self, *, there: bool) -> None:
        self.there = there

    def isatty(self) -> bool:
        return self.there


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The programs that this host has, of an ordinary user without a terminal."""
    found: dict[str, Path] = {}
    monkeypatch.setattr(switch_module, "find_tool", found.get)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "stdin", Terminal(there=False))
    return found


def test_root_is_root_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert become_root(COMMAND) == []


@pytest.mark.parametrize("stdin", [None, Terminal(there=False)])
def test_without_a_terminal_sudo_asks_for_nothing(
    tools: dict[str, Path], monkeypatch: pytest.MonkeyPatch, stdin: Terminal | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    tools |= {"sudo": Path("/usr/bin/sudo"), "pkexec": Path("/usr/bin/pkexec")}
    assert become_root(COMMAND) == [Path("/usr/bin/sudo"), "-n", "--"]


@pytest.mark.parametrize(
    ("listed", "status", "asks", "words"),
    [
        (1, 0, True, ["--"]),
        (1, 1, True, ["-n", "--"]),
        # The helper's own line in sudoers, and no password for anything else.
        (0, 1, False, ["--"]),
    ],
)
def test_on_a_terminal_sudo_asks_before_the_helper_runs(
    tools: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    listed: int,
    status: int,
    asks: bool,
    words: list[str],
) -> None:
    asked: list[list[str | Path]] = []
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\n[ "$*" = "-n -l -- python helper switch" ] && exit {listed}\n')
    sudo.chmod(0o755)

    def interact(argv: list[str | Path]) -> int:
        asked.append(argv)
        return status

    tools["sudo"] = sudo
    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    monkeypatch.setattr(switch_module, "interact", interact)
    assert become_root(COMMAND) == [sudo, *words]
    assert asked == ([[sudo, "-v"]] if asks else [])


def test_where_there_is_no_sudo_pkexec_serves(tools: dict[str, Path]) -> None:
    tools["pkexec"] = Path("/usr/bin/pkexec")
    assert become_root(COMMAND) == [Path("/usr/bin/pkexec")]


def test_where_nothing_makes_root_it_is_said(tools: dict[str, Path]) -> None:
    with pytest.raises(HostError, match="only root may bind drivers"):
        become_root(COMMAND)


# What is asked of it.


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    made = FakeHost(tmp_path / "host")
    made.add_card()
    made.load("nvidia", "snd_hda_intel")
    return made


def plan_of(host: FakeHost, target: Mode) -> Plan:
    [card] = find_cards(read_inventory(host.root))
    return plan_switch(observe(card, root=host.root), target)


def test_a_plan_is_sent_as_its_order(host: FakeHost, helper: Helper, tmp_path: Path) -> None:
    helper(
        f"open({str(tmp_path / 'verb')!r}, 'a').write(sys.argv[1] + ' ')\n"
        f"open({str(tmp_path / 'order')!r}, 'w').write(sys.stdin.read())\n"
        "say('done')\n"
    )
    plan = plan_of(host, Mode.VFIO)
    switch(plan)
    assert read_order((tmp_path / "order").read_text()) == plan.order
    take_back(plan)
    order = read_order((tmp_path / "order").read_text())
    assert order == Order(plan.order.group, plan.order.addresses, "vfio")
    assert (tmp_path / "verb").read_text() == "switch take-back "


def test_a_card_that_is_there_needs_no_helper(host: FakeHost, helper: Helper) -> None:
    helper("sys.exit('it was started')")
    switch(plan_of(host, Mode.NVIDIA))
    with pytest.raises(HostError, match=f"{GPU} is not on vfio: it was started"):
        switch(plan_of(host, Mode.VFIO))


def test_a_plan_that_is_refused_needs_none_either(host: FakeHost, helper: Helper) -> None:
    helper("sys.exit('it was started')")
    host.add_process(77, "python3", opened=("/dev/nvidia0",))
    host.add_process(78, "python3", opened=("/dev/nvidia0",))
    with pytest.raises(HostError) as raised:
        switch(plan_of(host, Mode.VFIO))
    assert type(raised.value) is HostError
    assert raised.value.message == (
        f"{GPU} is not switched to vfio: python3 (pid 77) has /dev/nvidia0 open; "
        "python3 (pid 78) has /dev/nvidia0 open"
    )
    assert raised.value.hint == "end it: kill 77; end it: kill 78"


def test_one_that_only_a_reset_helps_is_told_as_that() -> None:
    refusals = (Refusal("a"), Refusal("b", REBOOT), Refusal("c", f"wait, or {REBOOT}"))
    error = refusal_error("it is left", refusals)
    assert isinstance(error, CardStuck)
    assert error.message == "it is left: a; b; c"
    assert error.hint == f"{REBOOT}; wait, or {REBOOT}"
    twice = refusal_error("it is left", (Refusal("a", "x"), Refusal("b", "x")))
    assert (type(twice), twice.hint) == (HostError, "x")
