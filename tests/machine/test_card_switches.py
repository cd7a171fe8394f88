"""Cards are switched by hand and by claims: the real caller asks a helper on a host of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gpu_stand_in
import pytest
from fake_host import AUDIO, BOOT_ID, GPU, SECOND_AUDIO, SECOND_GPU, FakeHost, in_place_of_this_host

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import HostError, LeaseUnavailable, StateError
from charly_vm.gpu import switch as switch_module
from charly_vm.gpu.cards import Mode
from charly_vm.gpu.journal import Done, Journal, Switch
from charly_vm.gpu.steps import Before, Kind, Step
from charly_vm.gpu.switch import CardStuck
from charly_vm.host.progress import SILENT
from charly_vm.machine.arbitration import find_arbiter
from charly_vm.machine.card_switches import CardSwitches
from charly_vm.machine.gpu_switch import (
    find_card,
    plan_of,
    recover_card,
    switch_by_hand,
    switch_now,
)
from charly_vm.model.project import Project, load_project

pytestmark = pytest.mark.slow

ON_NVIDIA = {GPU: "nvidia", AUDIO: "snd_hda_intel"}
ON_VFIO = {GPU: "vfio-pci", AUDIO: "vfio-pci"}
MACHINE, CONTAINERS = make_wish(["nvidia-gpu"]), make_wish(shared=["nvidia-gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    made = FakeHost(tmp_path / "host")
    monkeypatch.setattr(switch_module, "HELPER", gpu_stand_in.__file__)
    monkeypatch.setattr(switch_module, "become_root", lambda command: [])
    monkeypatch.setattr("charly_vm.gpu.situation.find_tool", lambda name: None)
    monkeypatch.setenv(gpu_stand_in.PLACE, str(made.path))
    made.load("nvidia", "snd_hda_intel")
    with in_place_of_this_host(made):
        yield made


@pytest.fixture
def card(host: FakeHost) -> FakeHost:
    host.add_card()
    return host


@pytest.fixture
def arbiter(host: FakeHost) -> Arbiter:
    return find_arbiter(None)


def interrupt(host: FakeHost) -> Journal:
    """What is left of a switch to vfio by somebody who was killed after its second step."""
    journal = Journal(host.root)
    done = Done(Step(Kind.UNBIND, AUDIO, "snd_hda_intel"), Before(driver="snd_hda_intel"))
    journal.write_switch(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID, (done,)))
    (host.root.device(AUDIO) / "driver").unlink()
    return journal


def poison(host: FakeHost) -> Journal:
    journal = Journal(host.root)
    journal.poison(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID), "rmmod did not end")
    return journal


def wedge(host: FakeHost) -> None:
    host.add_process(42, "tee")
    host.add_task(42, 42, "tee", "D", "msleep", "nv_pci_remove")


def test_by_hand_a_card_goes_there_and_back(card: FakeHost) -> None:
    assert switch_by_hand("", "vfio", None) == f"{GPU} is on vfio now"
    assert card.drivers() == ON_VFIO
    assert switch_by_hand(GPU, "vfio", None) == f"{GPU} is on vfio already"
    assert switch_by_hand("nvidia-gpu", "nvidia", None) == f"{GPU} is on nvidia now"
    assert card.drivers() == ON_NVIDIA


def test_one_that_somebody_has_claimed_is_not_switched_by_hand(
    card: FakeHost, arbiter: Arbiter
) -> None:
    with arbiter.claim(CONTAINERS, ME), pytest.raises(LeaseUnavailable, match=GPU):
        switch_by_hand("", "vfio", None)
    assert card.drivers() == ON_NVIDIA


def test_one_that_is_in_use_is_refused_with_who_uses_it(card: FakeHost, arbiter: Arbiter) -> None:
    card.add_process(77, "python3", opened=("/dev/nvidia0",))
    with pytest.raises(HostError, match=r"python3 \(pid 77\) has /dev/nvidia0 open") as raised:
        switch_by_hand("", "vfio", None)
    assert raised.value.hint == "end it: kill 77"
    with pytest.raises(HostError, match=r"python3 \(pid 77\) has /dev/nvidia0 open"):
        arbiter.claim(MACHINE, ME)
    assert card.drivers() == ON_NVIDIA
    assert arbiter.ledger.peek().claims == {}


def test_a_claim_switches_the_card_and_its_end_puts_it_back(
    card: FakeHost, arbiter: Arbiter
) -> None:
    with arbiter.claim(MACHINE, ME):
        assert card.drivers() == ON_VFIO
    assert card.drivers() == ON_NVIDIA
    switch_by_hand("", "vfio", None)
    with arbiter.claim(CONTAINERS, ME):
        assert card.drivers() == ON_NVIDIA
    assert card.drivers() == ON_VFIO


def test_a_switch_by_hand_outlasts_what_a_killed_claimant_left(
    card: FakeHost, arbiter: Arbiter
) -> None:
    lease = arbiter.claim(MACHINE, ME)
    arbiter.end(lease.record)
    assert card.drivers() == ON_VFIO
    assert switch_by_hand("", "vfio", None) == f"{GPU} is on vfio already"
    arbiter.restore()
    assert card.drivers() == ON_VFIO
    lease.abandon()


def test_who_wants_several_has_them_all_switched(card: FakeHost, tmp_path: Path) -> None:
    card.add_card("0000:02:00", group=2)
    file = tmp_path / "charly.yml"
    file.write_text('two:\n  resource: {gpu: {vendor: "0x10de", count: 2}}\n')
    arbiter = find_arbiter(load_project(file))
    with arbiter.claim(make_wish(["two"]), ME):
        assert set(card.drivers().values()) == {"vfio-pci"}
    assert card.drivers() == {**ON_NVIDIA, SECOND_GPU: "nvidia", SECOND_AUDIO: "snd_hda_intel"}
    # The one that a token of one card means is the first.
    with arbiter.claim(MACHINE, ME):
        assert card.drivers() == {**ON_VFIO, SECOND_GPU: "nvidia", SECOND_AUDIO: "snd_hda_intel"}


def test_each_of_several_cards_goes_back_to_the_mode_that_it_was_in(
    card: FakeHost, tmp_path: Path
) -> None:
    card.add_card("0000:02:00", group=2, mode="vfio")
    file = tmp_path / "charly.yml"
    file.write_text('two:\n  resource: {gpu: {vendor: "0x10de", count: 2}}\n')
    with find_arbiter(load_project(file)).claim(make_wish(shared=["two"]), ME):
        assert card.drivers()[GPU] == card.drivers()[SECOND_GPU] == "nvidia"
    assert (card.drivers()[GPU], card.drivers()[SECOND_GPU]) == ("nvidia", "vfio-pci")


def test_two_names_of_one_card_are_one_thing(
    card: FakeHost, arbiter: Arbiter, tmp_path: Path
) -> None:
    """Of two projects, say, each of which has its own word for it."""
    file = tmp_path / "charly.yml"
    file.write_text(f'mine:\n  resource: {{gpu: {{vendor: "0x10de", address: "{GPU}"}}}}\n')
    other = find_arbiter(load_project(file))
    with arbiter.claim(CONTAINERS, ME):
        with pytest.raises(LeaseUnavailable, match=f"{GPU} is held by me"):
            other.claim(make_wish(["mine"]), ME, timeout=0)
        with other.claim(make_wish(shared=["mine"]), ME, timeout=0):
            assert card.drivers() == ON_NVIDIA
    assert switch_by_hand("", "vfio", None) == f"{GPU} is on vfio now"
    first, second = arbiter.claim(CONTAINERS, ME), other.claim(make_wish(shared=["mine"]), ME)
    first.release()
    assert card.drivers() == ON_NVIDIA
    second.release()
    assert card.drivers() == ON_VFIO


def test_who_has_the_card_by_another_name_gives_way(
    card: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    file = tmp_path / "charly.yml"
    file.write_text(
        f'mine:\n  resource: {{gpu: {{vendor: "0x10de", address: "{GPU}"}}}}\n'
        "ollama:\n"
        "  pod: {image: ollama}\n"
        "  gives-way:\n"
        "    preemptible: {shares: [mine], stop: rm up, start: touch up, running: test -e up}\n"
    )
    serving = tmp_path / "up"
    serving.touch()
    with find_arbiter(load_project(file)).claim(MACHINE, ME):
        assert not serving.exists()
        assert card.drivers() == ON_VFIO
    assert serving.exists()
    assert card.drivers() == ON_NVIDIA


def test_a_token_without_a_card_switches_nothing(host: FakeHost, arbiter: Arbiter) -> None:
    host.add_card()
    host.bind(GPU, "nouveau")
    for token in ("nvidia-gpu", "amd-gpu", "dongle"):
        with arbiter.claim(make_wish([token]), ME):
            pass
    assert host.drivers() == {GPU: "nouveau", AUDIO: "snd_hda_intel"}
    assert not Journal(host.root).directory.exists()


def test_what_was_interrupted_is_taken_back_before_the_next_switch(
    card: FakeHost, arbiter: Arbiter
) -> None:
    journal = interrupt(card)
    assert plan_of("", "vfio", None).refusals[0].remedy == "charly vm gpu recover"
    with arbiter.claim(MACHINE, ME):
        assert card.drivers() == ON_VFIO
        assert journal.find_switch(1) is None
    assert card.drivers() == ON_NVIDIA


@pytest.mark.parametrize("spoil", [poison, wedge])
def test_one_that_is_given_up_is_refused_to_everybody(
    card: FakeHost, arbiter: Arbiter, spoil: object
) -> None:
    assert callable(spoil)
    interrupt(card)
    spoil(card)
    before = card.drivers()
    for wish in (MACHINE, CONTAINERS):
        with pytest.raises(CardStuck, match=f"{GPU} is not to be had"):
            arbiter.claim(wish, ME)
    with pytest.raises(CardStuck, match=r"interrupted switch .* is left as it is"):
        switch_now(GPU, Mode.VFIO, SILENT)
    assert card.drivers() == before


def test_a_driver_that_hangs_is_no_matter_to_a_card_on_vfio(card: FakeHost) -> None:
    switches = CardSwitches(None, SILENT)
    wedge(card)
    with pytest.raises(CardStuck):
        switches.require_sound(GPU)
    for address in (GPU, AUDIO):
        card.bind(address, "vfio-pci")
    CardSwitches(None, SILENT).require_sound(GPU)


def test_what_was_interrupted_is_recovered(card: FakeHost) -> None:
    journal = interrupt(card)
    told = recover_card("", None)
    assert told == f"{GPU} is on nvidia: the interrupted switch was taken back"
    assert card.drivers() == ON_NVIDIA
    assert journal.find_switch(1) is None
    assert recover_card("", None) == f"{GPU} is on nvidia: nothing to recover"


def test_what_is_half_switched_is_recovered_to_vfio(card: FakeHost) -> None:
    card.bind(AUDIO, "vfio-pci")
    assert recover_card("", None) == f"{GPU} is on vfio now"
    assert card.drivers() == ON_VFIO


@pytest.mark.parametrize("sound", ["snd_hda_intel", ""])
def test_poison_is_cleared_where_nothing_hangs_any_more(card: FakeHost, sound: str) -> None:
    """Sound without a driver is as good as any."""
    if not sound:
        (card.root.device(AUDIO) / "driver").unlink()
    journal = poison(card)
    assert recover_card("", None) == f"{GPU} is on nvidia, and counts as sound again"
    assert journal.find_poison(1) is None
    assert card.drivers() == {GPU: "nvidia", AUDIO: sound}


def test_an_interrupted_switch_that_was_given_up_is_recovered_once_nothing_hangs(
    card: FakeHost,
) -> None:
    journal = interrupt(card)
    poison(card)
    told = recover_card("", None)
    assert told == f"{GPU} is on nvidia: the interrupted switch was taken back"
    assert card.drivers() == ON_NVIDIA
    assert journal.find_poison(1) is None
    assert journal.find_switch(1) is None


def test_on_a_wedge_nothing_is_recovered(card: FakeHost) -> None:
    journal = interrupt(card)
    wedge(card)
    with pytest.raises(CardStuck, match="cannot be recovered, and nothing was done"):
        recover_card("", None)
    assert journal.find_switch(1) is not None


def test_the_hosts_own_is_not_recovered(card: FakeHost) -> None:
    card.bind(GPU, "nouveau")
    with pytest.raises(HostError, match="cannot be recovered: it is the host's own"):
        recover_card("", None)
    assert card.drivers()[GPU] == "nouveau"


def test_a_card_is_found_by_its_address_or_a_token(card: FakeHost, tmp_path: Path) -> None:
    card.add_card("0000:02:00", group=2, mode="vfio")
    file = tmp_path / "charly.yml"
    file.write_text(
        'mine:\n  resource: {gpu: {vendor: "0x10de", address: "02:00.0"}}\n'
        'both:\n  resource: {gpu: {vendor: "0x10de", count: 2}}\n'
    )
    project: Project = load_project(file)
    for name in ("0000:02:00.0", "02:00.0", "mine"):
        assert find_card(name, project).address == SECOND_GPU
    assert find_card("nvidia-gpu", None).address == GPU
    for name in ("", "both"):
        with pytest.raises(StateError, match=f"may be any of {GPU}, {SECOND_GPU}"):
            find_card(name, project)
    with pytest.raises(StateError, match="no card mine"):
        find_card("mine", None)
