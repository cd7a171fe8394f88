"""`charly vm gpu status | list | plan | mode | recover`, typed on hosts of every kind."""

from __future__ import annotations

import json
import os
import resource
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_host import AUDIO, BOOT_ID, GPU, SECOND_GPU, FakeHost, in_place_of_this_host

from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.cli.root import charly
from charly_vm.errors import CharlyError, HostError
from charly_vm.gpu import situation, status
from charly_vm.gpu.allocation import hostdevs_of
from charly_vm.gpu.journal import Done, Journal, Switch
from charly_vm.gpu.names import find_names
from charly_vm.gpu.steps import Before, Kind, Step
from charly_vm.machine.arbitration import find_arbiter
from charly_vm.model.project import load_project

NAMES = """\

10de  NVIDIA Corporation
\t28c2  AD107M [GeForce RTX 4050]
\t22be  AD107 High Definition Audio Controller
8086  Intel Corporation
\ta7a0  Raptor Lake-P [Iris Xe]
"""
CONTAINER = "0123456789abcdef" * 4
Golden = Callable[[str, str], Path]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A host without a card, on which an ordinary user may pin 8 MiB and has a project nowhere."""
    made = FakeHost(tmp_path / "host")
    database = tmp_path / "pci.ids"
    database.write_text(NAMES)
    monkeypatch.setattr(status, "find_names", partial(find_names, databases=[database]))
    monkeypatch.setattr(situation, "find_tool", lambda name: None)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (8 * 2**20, 8 * 2**20))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for name in ("DATA", "CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with in_place_of_this_host(made):
        yield made


def gpu(*words: str) -> Result:
    done = CliRunner().invoke(charly, ["vm", "gpu", *words], standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, CharlyError):
        raise done.exception
    return done


def test_who_has_claimed_a_card_is_told(host: FakeHost) -> None:
    host.add_card(group=12, mode="vfio")
    me = Claimant("check-card", "me", os.getuid(), os.getpid())
    with find_arbiter().claim(make_wish(["nvidia-gpu"]), me):
        assert f"  claimed: it is held exclusively by check-card (pid {os.getpid()}, since " in (
            gpu("status").output
        )
        [told] = json.loads(gpu("status", "--json").output)["cards"][0]["claims"]
        assert told.startswith("is held exclusively by check-card")
    assert "claimed" not in gpu("status").output


def test_cards_are_told_also_where_the_ledger_is_closed_to_this_account(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed() -> Ledger:
        raise HostError("cannot read /srv/leases: Permission denied", hint="join the group")

    host.add_card(group=12, mode="vfio")
    monkeypatch.setattr("charly_vm.machine.claims.open_ledger", closed)
    done = gpu("status", "--json")
    assert "who has claimed what is not known: cannot read /srv/leases" in done.stderr
    [card] = json.loads(done.stdout)["cards"]
    assert (card["state"], card["claims"]) == ("vfio", [])


def refused(*words: str) -> CharlyError:
    error = gpu(*words).exception
    assert isinstance(error, CharlyError)
    return error


def nothing(host: FakeHost) -> None:
    host.write("proc/cmdline", "root=/dev/vda1 quiet")
    host.write("lib/modules/6.1.0/modules.dep", "")


def containers(host: FakeHost) -> None:
    """A laptop: its screen is on Intel's, and NVIDIA's is in use."""
    host.add_function("0000:00:02.0", vendor=0x8086, device=0xA7A0, group=0, driver="i915")
    host.add_card(group=12)
    host.load("nvidia_drm", "nvidia_uvm", "snd_hda_intel")
    host.load("nvidia", users={"nvidia": ("nvidia_uvm", "nvidia_modeset", "gdrdrv")})
    scope = f"0::/machine.slice/libpod-{CONTAINER}.scope"
    host.add_process(70, "nvidia-persiste", opened=("/dev/nvidia0",))
    host.add_process(71, "python3", opened=("/dev/nvidia-uvm", "/dev/nvidia0"))
    host.add_process(72, "ollama", opened=("/dev/nvidia0",), cgroup=scope)


def machine(host: FakeHost) -> None:
    host.add_card(group=12, mode="vfio")
    host.add_function(
        "0000:01:00.2", pci_class=0x0C0330, device=0x1AD8, group=12, driver="vfio-pci"
    )
    host.load("vfio_pci")
    host.write("dev/vfio/12", "")
    host.add_process(80, "qemu-system-x86", opened=("/dev/vfio/12",))


def without_rights(host: FakeHost) -> None:
    host.add_card(group=12, mode="vfio")


def without_iommu(host: FakeHost) -> None:
    host.write("proc/cmdline", "root=/dev/vda1 quiet")
    host.add_function(GPU, group=None, driver="nvidia")
    host.add_function(AUDIO, pci_class=0x040300, device=0x22BE, group=None)


def half_way(host: FakeHost) -> None:
    """Somebody was killed between two steps."""
    host.add_card(group=12, mode="vfio")
    (host.root.device(AUDIO) / "driver").unlink()
    done = (Done(Step(Kind.UNBIND, AUDIO, "snd_hda_intel"), Before(driver="snd_hda_intel")),)
    Journal(host.root).write_switch(Switch(12, (GPU, AUDIO), "vfio", BOOT_ID, done))


def wedged(host: FakeHost) -> None:
    host.add_card(group=12)
    host.load("nvidia")
    (host.root.device(GPU) / "driver").unlink()
    host.add_process(42, "tee")
    host.add_task(42, 42, "tee", "D", "msleep", "nv_pci_remove_helper", "pci_device_remove")


def given_up(host: FakeHost) -> None:
    host.add_card(group=12, mode="unbound")
    journal = Journal(host.root)
    journal.poison(Switch(12, (GPU, AUDIO), "vfio", BOOT_ID), "it did not end within 30 s")


def together(host: FakeHost) -> None:
    """A board whose slots share a group, and a second card that is on its own."""
    host.add_card(group=1, mode="vfio")
    host.add_function("0000:03:00.0", pci_class=0x020000, vendor=0x8086, group=1, driver="igb")
    host.add_card("0000:02:00", group=2, mode="unbound")


HOSTS = (
    nothing,
    containers,
    machine,
    without_rights,
    without_iommu,
    half_way,
    wedged,
    given_up,
    together,
)


@pytest.mark.parametrize("kind", HOSTS, ids=lambda one: one.__name__.replace("_", "-"))
def test_the_status_of_a_host(
    host: FakeHost, golden: Golden, kind: Callable[[FakeHost], None]
) -> None:
    kind(host)
    name = kind.__name__.replace("_", "-")
    said = gpu("status").output
    golden(f"status-{name}.txt", said)
    written = gpu("status", "--json").output
    golden(f"status-{name}.json", written)
    # Whatever people are told is there for programs too.
    data = json.loads(written)
    told = [one["reason"] for card in data["cards"] for one in card["obstacles"]]
    assert all(reason in said for reason in told)
    assert {card["address"] for card in data["cards"]} <= set(said.split())


def test_a_sleeper_whose_stack_is_closed_is_told(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    containers(host)
    host.add_process(42, "tee")
    host.add_task(42, 42, "tee", "D")
    (host.root.proc / "42/task/42/stack").unlink()
    assert "1 task is in uninterruptible sleep, and only root may see where" in (
        gpu("status").output
    )
    assert "WEDGED" not in gpu("status").output
    assert "only root may see that" not in refused("recover", GPU).message
    assert refused("recover", GPU).message.endswith("hangs in a driver is for root to see")


@pytest.mark.parametrize(("limit", "euid"), [(resource.RLIM_INFINITY, 1000), (0, 0)])
def test_who_may_pin_all_is_told_so(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch, limit: int, euid: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit, limit))
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    assert "may pin: without a limit\n" in gpu("status").output
    assert json.loads(gpu("status", "--json").output)["memlock"] is None


@pytest.mark.parametrize("kind", [containers, machine, nothing])
def test_cards_are_listed_as_blocks_that_a_project_takes(
    host: FakeHost, golden: Golden, tmp_path: Path, kind: Callable[[FakeHost], None]
) -> None:
    kind(host)
    listed = gpu("list").output
    golden(f"list-{kind.__name__}.txt", listed)
    found = json.loads(gpu("list", "--json").output)
    if kind is nothing:
        assert found == []
        return
    file = tmp_path / "charly.yml"
    block = textwrap.indent(listed, "    ")
    file.write_text(f"x:\n  vm: {{source: {{kind: bootstrap}}}}\n  x-libvirt:\n{block}")
    written = load_project(file).target("x").libvirt.devices.hostdevs
    sources = [str(one.source) for one in written]
    assert sources == [f"0000:01:00.{number}" for number in range(len(written))]
    assert len(written) == len(found[-1]["hostdevs"]) > 1
    assert found[-1]["hostdevs"] == hostdevs_of(status.read_status().cards[-1])


def test_a_plan_is_told_step_by_step(host: FakeHost, golden: Golden) -> None:
    host.add_card(group=12)
    host.load("nvidia", "nvidia_uvm", "snd_hda_intel")
    done = gpu("plan")
    golden("plan-to-vfio.txt", done.output)
    assert not done.return_value
    assert gpu("plan", "vfio", GPU).output == gpu("plan", GPU, "vfio").output == done.output
    assert gpu("plan", "nvidia").output == f"{GPU} is nvidia; to nvidia:\n  nothing to do\n"
    data = json.loads(gpu("plan", "--json").output)
    assert [step["text"] for step in data["steps"]] == [
        line.partition(". ")[2] for line in done.output.splitlines()[1:]
    ]
    assert (data["card"], data["target"], data["refusals"]) == (GPU, "vfio", [])


def test_a_card_that_is_given_up_makes_a_closed_task_matter_to_the_others(host: FakeHost) -> None:
    host.add_card()
    host.add_card("0000:02:00", group=2)
    host.load("nvidia")
    Journal(host.root).poison(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID), "rmmod does not end")
    assert gpu("plan", "vfio", SECOND_GPU).return_value == 0
    host.add_process(42, "rmmod")
    host.add_task(42, 42, "rmmod", "D")
    (host.root.proc / "42/task/42/stack").unlink()
    done = gpu("plan", "vfio", SECOND_GPU)
    assert done.return_value == 1
    assert "another card has been given up for this boot, whose driver may hang" in done.output
    assert "whose driver may hang: rmmod does not end" in gpu("status").output


def test_a_switch_that_is_under_way_is_to_be_waited_for(host: FakeHost) -> None:
    host.add_card()
    journal = Journal(host.root)
    journal.write_switch(Switch(1, (GPU, AUDIO), "vfio", BOOT_ID))
    with journal.held(0):
        told = gpu("plan").output
        error = refused("recover", GPU)
    assert "refused: a switch to vfio is under way\n  what helps: wait until it has ended" in told
    assert (error.message, error.hint) == (
        f"{GPU} is left as it is: a switch is under way",
        "wait until it has ended",
    )


def test_a_plan_says_how_much_is_closed_to_who_asks(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.add_card()
    host.load("nvidia", users={"nvidia": ()})
    for pid in (7, 8):
        host.add_process(pid, "python3")
    listdir = os.listdir

    def closed(path: str | Path) -> list[str]:
        if str(path).endswith(("/7/fd", "/8/fd")):
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", closed)
    told = "2 processes are closed to this account, and may have the card open"
    assert f"{told}: run it as root to know" in gpu("plan").output
    host.write("proc/modules", "nvidia 16384 3 - Live 0x0")
    assert f"{told}; the kernel counts 3 uses of nvidia: run" in gpu("plan").output
    # Nothing is left, and so nobody hinders it.
    assert "closed" not in gpu("plan", "nvidia").output


def test_a_driver_that_alone_may_have_a_function_is_told(host: FakeHost) -> None:
    host.add_card()
    override = host.root.device(GPU) / "driver_override"
    override.write_text("vfio-pci\n")
    assert "nvidia, and only vfio-pci may have it" in gpu("status").output
    [card] = json.loads(gpu("status", "--json").output)["cards"]
    assert [one["override"] for one in card["functions"]] == ["vfio-pci", ""]


def test_an_override_that_does_not_come_is_not_waited_for(host: FakeHost) -> None:
    host.add_card()
    override = host.root.device(GPU) / "driver_override"
    override.unlink()
    # Whoever opens it waits for a writer, as for a lock.
    os.mkfifo(override)
    [card] = json.loads(gpu("status", "--json").output)["cards"]
    assert [one["override"] for one in card["functions"]] == ["", ""]


def test_nobody_asks_for_overrides_while_a_driver_hangs(host: FakeHost) -> None:
    wedged(host)
    (host.root.device(GPU) / "driver_override").write_text("vfio-pci\n")
    [card] = json.loads(gpu("status", "--json").output)["cards"]
    assert [one["override"] for one in card["functions"]] == ["", ""]


def test_a_plan_that_is_refused_says_what_helps_and_fails(host: FakeHost, golden: Golden) -> None:
    containers(host)
    done = gpu("plan")
    golden("plan-refused.txt", done.output)
    assert done.return_value == 1
    assert gpu("plan", "--json").return_value == 1


def test_a_plan_writes_nothing(host: FakeHost) -> None:
    half_way(host)
    before = {path: path.lstat().st_mtime_ns for path in host.path.rglob("*")}
    for words in (("status",), ("list",), ("plan",), ("plan", "nvidia"), ("mode",)):
        gpu(*words)
    assert {path: path.lstat().st_mtime_ns for path in host.path.rglob("*")} == before


def test_the_mode_of_a_card_is_a_word(host: FakeHost) -> None:
    together(host)
    assert gpu("mode", GPU).output == "half-switched\n"
    assert gpu("mode", "02:00.0").output == "unbound\n"
    error = refused("mode")
    assert error.message == f"the card may be any of {GPU}, {SECOND_GPU}"
    assert error.hint == "name one by its address"


def test_the_only_card_that_may_be_switched_need_not_be_named(host: FakeHost) -> None:
    containers(host)
    assert gpu("mode").output == gpu("mode", "nvidia-gpu").output == "nvidia\n"
    assert gpu("mode", "0000:00:02.0").output == "driven by i915\n"


def test_a_card_that_is_not_there_is_told(host: FakeHost) -> None:
    assert refused("mode", GPU).message == "this host has no graphics card"
    host.add_card()
    error = refused("mode", "0000:09:00.0")
    assert error.message == "this host has no card 0000:09:00.0"
    assert error.hint == f"its cards are: {GPU}"


def test_on_a_wedge_recover_writes_nothing(host: FakeHost) -> None:
    wedged(host)
    before = {path: path.lstat().st_mtime_ns for path in host.path.rglob("*")}
    for words in (("recover",), ("mode", "vfio"), ("mode", "nvidia")):
        error = refused(*words)
        assert "the driver does not let go of a device: tee (pid 42)" in error.message
        assert error.hint is not None
        assert "/proc/sysrq-trigger" in error.hint
    assert {path: path.lstat().st_mtime_ns for path in host.path.rglob("*")} == before


def test_a_sound_card_needs_no_recovery(host: FakeHost) -> None:
    host.add_card()
    assert gpu("recover").output == f"{GPU} is on nvidia: nothing to recover\n"
