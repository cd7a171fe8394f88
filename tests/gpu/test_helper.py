"""What needs root takes an order and answers in lines of JSON: it does what is asked of one card,
whose group is as the order says, and refuses everything else."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from fake_host import AUDIO, BOOT_ID, GPU, SECOND_GPU, FakeHost

from charly_vm.gpu import helper
from charly_vm.gpu.actions import ActionFailed
from charly_vm.gpu.cards import Mode, find_cards
from charly_vm.gpu.executor import HELPER, Executor
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.journal import Done, Journal, Switch
from charly_vm.gpu.plan import plan_switch
from charly_vm.gpu.root import HostRoot
from charly_vm.gpu.situation import observe
from charly_vm.gpu.steps import Before, Kind, Order, Step, render_order
from charly_vm.host.process import run

ON_NVIDIA = {GPU: "nvidia", AUDIO: "snd_hda_intel"}
ON_VFIO = {GPU: "vfio-pci", AUDIO: "vfio-pci"}
NOTHING = Order(1, (GPU, AUDIO), "vfio")
Said = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(tmp_path)
    made.add_card()
    made.load("nvidia", "snd_hda_intel")
    monkeypatch.setattr(helper, "Executor", partial(Executor, perform=made.perform))
    return made


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Every line that was said since the last time: its event, and its text."""

    def read() -> list[tuple[str, str]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert all(set(line) == {"event", "text"} for line in lines)
        return [(line["event"], line["text"]) for line in lines]

    return read


def order_of(host: FakeHost, target: Mode = Mode.VFIO) -> Order:
    [card] = [one for one in find_cards(read_inventory(host.root)) if one.address == GPU]
    return plan_switch(observe(card, root=host.root), target).order


def serve(host: FakeHost, order: Order, verb: str = "switch") -> int:
    return helper.serve(verb, render_order(order), host.root)


def interrupted(host: FakeHost) -> Journal:
    """The journal of somebody who was killed before the sound had a driver again."""
    journal = Journal(host.root)
    step = Step(Kind.UNBIND, AUDIO, "snd_hda_intel")
    done = Done(step, Before(driver="snd_hda_intel"))
    journal.write_switch(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID, (done,)))
    (host.root.device(AUDIO) / "driver").unlink()
    return journal


def test_what_is_asked_is_done_and_told_step_by_step(host: FakeHost, said: Said) -> None:
    order = order_of(host)
    assert serve(host, order) == 0
    assert host.drivers() == ON_VFIO
    *steps, last = said()
    assert steps == [("step", str(step)) for step in order.steps]
    assert last == ("done", "")


def test_a_step_that_fails_is_told_and_all_is_as_before(
    host: FakeHost, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(root: HostRoot, step: Step) -> None:
        if step.kind is Kind.BIND and step.driver == "vfio-pci":
            raise ActionFailed("the kernel does\nnot want to")
        host.perform(root, step)

    monkeypatch.setattr(helper, "Executor", partial(Executor, perform=perform))
    assert serve(host, order_of(host)) == 1
    assert said()[-1] == ("failed", "not want to")
    assert host.drivers() == ON_NVIDIA


def test_a_driver_that_does_not_end_is_told_and_nothing_is_done(host: FakeHost, said: Said) -> None:
    order = order_of(host)
    host.add_process(42, "tee")
    host.add_task(42, 42, "tee", "D", "msleep", "nv_pci_remove")
    assert serve(host, order) == 3
    [(event, text)] = said()
    assert event == "unsound"
    assert "tee (pid 42) in uninterruptible sleep in nv_pci_remove" in text
    assert host.drivers() == ON_NVIDIA
    # It may be another card's, and nothing was done to this one.
    assert Journal(host.root).find_poison(1) is None


def test_steps_that_were_planned_for_other_drivers_are_refused(host: FakeHost, said: Said) -> None:
    """As by somebody who has waited for a switch that was under way when it was planned."""
    order = order_of(host)
    assert serve(host, order) == 0
    said()
    assert serve(host, order) == 2
    [(event, text)] = said()
    assert event == "refused"
    assert f"{GPU} was on nvidia when this was planned, and is on vfio-pci now" in text
    assert host.drivers() == ON_VFIO


def test_nothing_is_taken_back_while_a_driver_does_not_end(host: FakeHost, said: Said) -> None:
    journal = interrupted(host)
    before = host.drivers()
    host.add_process(42, "tee")
    host.add_task(42, 42, "tee", "D", "msleep", "nv_pci_remove")
    assert serve(host, NOTHING, "take-back") == 3
    [(event, _)] = said()
    assert event == "unsound"
    assert host.drivers() == before
    assert journal.find_switch(1) is not None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"addresses": (GPU,)}, f"IOMMU group 1 has {GPU}, {AUDIO}"),
        ({"addresses": (GPU, AUDIO, SECOND_GPU)}, f"IOMMU group 1 has {GPU}, {AUDIO}"),
        ({"group": 2}, "IOMMU group 2 has 0000:00:1f.3"),
        ({"group": 9}, "IOMMU group 9 has nothing"),
        ({"group": 2, "addresses": ("0000:00:1f.3",)}, "IOMMU group 2 has no display"),
        ({"expected": {SECOND_GPU: "nvidia"}}, f"there is no {SECOND_GPU}"),
    ],
)
def test_an_order_about_a_group_that_is_not_as_it_says_is_refused(
    host: FakeHost, said: Said, changes: Mapping[str, object], told: str
) -> None:
    host.add_function("0000:00:1f.3", pci_class=0x040300, group=2, driver="snd_hda_intel")
    before = host.drivers()
    for verb in ("switch", "take-back"):
        order = replace(NOTHING, **changes)  # type: ignore[arg-type]
        assert serve(host, order, verb) == 2
        assert said() == [("refused", told)]
    assert host.drivers() == before


def test_bridges_of_the_group_need_not_be_named(host: FakeHost, said: Said) -> None:
    host.add_function("0000:00:01.0", pci_class=0x060400, vendor=0x8086, driver="pcieport")
    assert serve(host, order_of(host)) == 0
    assert host.drivers() == {**ON_VFIO, "0000:00:01.0": "pcieport"}


@pytest.mark.parametrize("driver", ["amdgpu", "i915", "xe", "nouveau"])
def test_the_hosts_own_card_is_refused(host: FakeHost, said: Said, driver: str) -> None:
    host.bind(GPU, driver)
    assert serve(host, NOTHING) == 2
    assert said() == [
        ("refused", f"it is the host's own: {GPU} is driven by {driver} for the host itself")
    ]


def test_a_card_on_which_somebody_draws_is_refused_where_only_root_may_see_it(
    host: FakeHost, said: Said
) -> None:
    order = order_of(host)
    host.write(
        "sys/kernel/debug/dri/0/clients",
        "             command  tgid dev master a   uid      magic\n"
        f"{'Xorg':>20} {620:5} {0:3}   y    y {0:5} {0:10}",
    )
    card = host.path / "sys/class/drm/card0"
    card.mkdir(parents=True)
    (card / "device").symlink_to(host.root.device(GPU))
    assert serve(host, order) == 2
    assert said() == [("refused", f"it is the host's own: a program draws on the display of {GPU}")]
    assert host.drivers() == ON_NVIDIA


@pytest.mark.parametrize("text", ["", "{}", "rm -rf /", "[]", '{"format": 1}'])
@pytest.mark.parametrize("verb", ["switch", "take-back"])
def test_what_is_no_order_is_refused(host: FakeHost, said: Said, verb: str, text: str) -> None:
    assert helper.serve(verb, text, host.root) == 2
    [(event, _)] = said()
    assert event == "refused"
    assert not Journal(host.root).directory.exists()


def test_an_interrupted_switch_is_taken_back_before_the_next_one(
    host: FakeHost, said: Said
) -> None:
    journal = interrupted(host)
    order = order_of(host)
    assert serve(host, order) == 2
    assert said() == [
        ("refused", "a switch of this card was interrupted, and is to be taken back first")
    ]
    assert serve(host, order, "take-back") == 0
    *steps, last = said()
    assert ("step", f"bind {AUDIO} to snd_hda_intel") in steps
    assert last == ("done", "")
    assert host.drivers() == ON_NVIDIA
    assert journal.find_switch(1) is None
    assert serve(host, order_of(host)) == 0
    assert host.drivers() == ON_VFIO


def test_what_cannot_be_taken_back_is_told_and_left_with_the_reason(
    host: FakeHost, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(root: HostRoot, step: Step) -> None:
        raise ActionFailed(f"no {step.kind.value}")

    journal = interrupted(host)
    monkeypatch.setattr(helper, "Executor", partial(Executor, perform=perform))
    assert serve(host, NOTHING, "take-back") == 1
    *_, (event, text) = said()
    assert event == "failed"
    for kind in ("override", "bind"):
        assert f"no {kind}" in text
    left = journal.find_switch(1)
    assert left is not None
    assert "could not be taken back" in left.reason


def test_with_nothing_to_take_back_it_is_done(host: FakeHost, said: Said) -> None:
    assert serve(host, order_of(host), "take-back") == 0
    assert said() == [("done", "")]
    assert host.drivers() == ON_NVIDIA


def test_what_clears_poison_may_be_done_beside_an_unfinished_switch(
    host: FakeHost, said: Said
) -> None:
    journal = interrupted(host)
    journal.poison(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID), "it hung")
    assert serve(host, replace(order_of(host), clears_poison=True)) == 0
    assert host.drivers() == ON_VFIO
    assert journal.find_switch(1) is None
    assert journal.find_poison(1) is None


def test_one_switch_at_a_time(host: FakeHost, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "BUSY_SECONDS", 0.05)
    with Journal(host.root).held(0):
        assert serve(host, order_of(host)) == 2
    assert said() == [("refused", "another switch does not end")]
    assert host.drivers() == ON_NVIDIA


def test_a_reader_that_has_gone_away_stops_nothing(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    order = order_of(host)
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.dup2(writing, 1)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            status = serve(host, order)
            sys.stdout.close()
        finally:
            os._exit(status)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert host.drivers() == ON_VFIO
    assert Journal(host.root).find_switch(1) is None


def test_an_ordinary_user_is_refused(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "stdin", None)
    assert helper.main() == 2
    assert said() == [("refused", "only root may bind drivers")]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What root is asked for, in place of a look at the real host."""
    asked: list[tuple[str, str]] = []

    def serve(verb: str, text: str) -> int:
        asked.append((verb, text))
        return 0

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(helper, "serve", serve)
    return asked


def give(monkeypatch: pytest.MonkeyPatch, given: bytes, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [HELPER, *words])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))


@pytest.mark.parametrize("verb", ["switch", "take-back"])
def test_root_is_served(
    monkeypatch: pytest.MonkeyPatch, served: list[tuple[str, str]], verb: str
) -> None:
    give(monkeypatch, b"{}\n", verb)
    assert helper.main() == 0
    assert served == [(verb, "{}\n")]


def test_what_root_writes_is_for_everybody_to_read(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sudo leaves its caller's umask as it is where that is the stricter one."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(helper, "serve", partial(helper.serve, root=host.root))
    interrupted(host)
    directory = Journal(host.root).directory
    for file in directory.iterdir():
        file.rename(host.path / file.name)
    directory.rmdir()
    before = os.umask(0o077)
    try:
        give(monkeypatch, render_order(order_of(host)).encode(), "switch")
        helper.main()
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o755
    assert {file.stat().st_mode & 0o444 for file in directory.iterdir()} == {0o444}


@pytest.mark.parametrize("words", [(), ("",), ("reset",), ("switch", "take-back")])
def test_any_other_verb_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    served: list[tuple[str, str]],
    said: Said,
    words: tuple[str, ...],
) -> None:
    give(monkeypatch, b"{}", *words)
    assert helper.main() == 2
    [(event, _)] = said()
    assert (event, served) == ("refused", [])


def test_what_is_no_text_is_an_order_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, served: list[tuple[str, str]]
) -> None:
    give(monkeypatch, b"\xff\xfe\x00", "switch")
    assert helper.main() == 0
    assert len(served) == 1


def test_it_starts_with_python_and_its_own_files_alone() -> None:
    """Nothing that its caller has in the environment or in a directory is imported."""
    done = run(
        [sys.executable, "-IS", "-X", "importtime", HELPER, "take-back"],
        env={"PYTHONPATH": "/nowhere"},
        stdin="{}",
        check=False,
        timeout=60,
    )
    assert (done.status, json.loads(done.stdout)["event"]) == (2, "refused")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    rooms = {one.split(".")[1] for one in imported if one.startswith("charly_vm.")}
    assert rooms == {"errors", "gpu", "host"}
    assert {one for one in imported if one.startswith("charly_vm.host.")} == {
        "charly_vm.host.process"
    }
    assert not imported & {"yaml", "click", "pydantic", "filelock"}
