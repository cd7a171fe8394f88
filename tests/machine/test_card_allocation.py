"""A machine whose deploy claims a card has the card's whole group in its `instance.yml`."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_host import AUDIO, GPU, SECOND_AUDIO, SECOND_GPU, FakeHost, in_place_of_this_host
from machine_samples import sample_record
from sample_machine import sample_machine

from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import HostError, SpecError
from charly_vm.host.progress import Silent
from charly_vm.machine import start as start_module
from charly_vm.machine.arbitration import claiming_for_start, claiming_for_target
from charly_vm.machine.bed import BedRun
from charly_vm.machine.card_allocation import (
    allocate_cards,
    require_cards,
    require_not_on_nvidia,
)
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import paths_of
from charly_vm.model.instance import Allocated, Instance, read_instance
from charly_vm.model.libvirt.devices.hostdev import PciHostdev
from charly_vm.model.project import Project, load_project
from charly_vm.model.protocols import DomainState
from charly_vm.model.resolve import Overrides
from charly_vm.model.resolved import Hypervisor

DOMAIN = "charly-cuda"
PROJECT = """\
debian-vm:
  vm: {source: {kind: bootstrap}, ram: 4G, backend: qemu, ssh: {port_auto: true}}
cuda:
  vm: {from: debian-vm, requires_exclusive: [nvidia-gpu]}
bed:
  vm: {from: debian-vm, disposable: true, requires_exclusive: [nvidia-gpu]}
two-cards:
  resource: {gpu: {vendor: "0x10de", count: 2}}
both:
  vm: {from: debian-vm, requires_exclusive: [two-cards]}
shares:
  vm: {from: debian-vm, requires_shared: [nvidia-gpu]}
dongle:
  vm: {from: debian-vm, requires_exclusive: [dongle]}
plain-vm:
  vm: {source: {kind: bootstrap}, backend: qemu}
  plain-vm-libvirt:
    libvirt: {devices: {hostdevs: [{type: pci, source: {bus: 0x09, slot: 0x00}}]}}
written:
  vm: {from: plain-vm, requires_exclusive: [nvidia-gpu]}
any-vm:
  vm: {source: {kind: bootstrap}, ram: 4G, backend: libvirt, ssh: {port_auto: true}}
anywhere:
  vm: {from: any-vm, requires_exclusive: [nvidia-gpu]}
"""
ELSEWHERE = "qemu+ssh://me@lab/system"
GIB = 2**30


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    made = FakeHost(tmp_path / "host")
    made.add_card(mode="vfio")
    made.write("dev/vfio/1", "")
    with in_place_of_this_host(made):
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    file = tmp_path / "charly.yml"
    file.write_text(PROJECT)
    return load_project(file)


@pytest.fixture(autouse=True)
def memlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user who may pin what a guest of 4 GiB and its card need, and no byte more."""
    set_memlock(monkeypatch, 5 * GIB)
    monkeypatch.setattr("charly_vm.machine.card_access.UDEV_SECONDS", 0.0)


def set_memlock(monkeypatch: pytest.MonkeyPatch, limit: int, *, euid: int = 1000) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit, limit))
    monkeypatch.setenv("USER", "ann")


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def allocate(project: Project, name: str = "cuda") -> list[str]:
    progress = Notes()
    allocate_cards(project.target(name), project, progress)
    return progress.notes


def file_of(name: str = "cuda") -> Path:
    return paths_of(f"charly-{name}").instance


def written(name: str = "cuda") -> Instance:
    return read_instance(file_of(name))


def sources(instance: Instance) -> list[str]:
    found = []
    for one in instance.hostdevs:
        assert isinstance(one, PciHostdev)
        assert one.managed == "yes"
        found.append(str(one.source))
    return found


def author_writes(text: str, name: str = "cuda") -> None:
    file_of(name).parent.mkdir(parents=True, exist_ok=True)
    file_of(name).write_text(text)


def problem(project: Project, name: str = "cuda") -> HostError:
    with pytest.raises(HostError) as raised:
        allocate(project, name)
    return raised.value


def test_the_whole_group_is_written_with_the_reason(host: FakeHost, project: Project) -> None:
    host.add_function("0000:01:00.2", pci_class=0x0C0330, device=0x1AD8, driver="vfio-pci")
    host.add_function("0000:00:01.0", pci_class=0x060400, vendor=0x8086, driver="pcieport")
    host.add_card("0000:02:00", group=2)
    notes = allocate(project)
    assert notes == [f"charly-cuda gets {GPU} (nvidia-gpu); {file_of()} says so"]
    here = written()
    assert sources(here) == [GPU, AUDIO, "0000:01:00.2"]
    assert here.allocated == (
        Allocated(token="nvidia-gpu", address=GPU, id="0x10de:0x28c2"),
        Allocated(token="nvidia-gpu", address=AUDIO, id="0x10de:0x22be"),
        Allocated(token="nvidia-gpu", address="0000:01:00.2", id="0x10de:0x1ad8"),
    )
    comment = [line for line in file_of().read_text().splitlines() if line.startswith("# ")]
    assert comment[0].startswith("# cuda requires nvidia-gpu: these are all functions of its IOMMU")
    assert "Delete `allocated` and `hostdevs`" in " ".join(comment)
    assert file_of().stat().st_mode & 0o777 == 0o600


def test_it_stays_as_it_was_written(host: FakeHost, project: Project) -> None:
    allocate(project)
    before = file_of().read_text()
    assert allocate(project) == []
    assert file_of().read_text() == before


def test_addresses_that_look_like_numbers_are_read_as_they_are(
    host: FakeHost, project: Project
) -> None:
    """YAML takes 0000:10:00.0 for a number to the base of 60."""
    for one in (GPU, AUDIO):
        for entry in host.root.device(one).iterdir():
            entry.unlink()
        host.root.device(one).rmdir()
    host.add_card("0000:10:00", group=5, mode="vfio")
    host.write("dev/vfio/5", "")
    allocate(project)
    assert sources(written()) == ["0000:10:00.0", "0000:10:00.1"]
    assert [one.address for one in written().allocated] == ["0000:10:00.0", "0000:10:00.1"]


def test_what_the_file_says_besides_is_kept(host: FakeHost, project: Project) -> None:
    author_writes(
        "disposable: false\n"
        "unknown: {to: [us, 0x10, 1.50]}\n"
        "libvirt:\n"
        "  memory: {hugepages: 'yes'}\n"
        "  devices:\n"
        "    filesystems: [{driver: 9p, accessmode: mapped, source: /srv, target: data}]\n"
    )
    before = written()
    allocate(project)
    here = written()
    assert here.disposable is False
    assert here.is_vetoed
    assert here.filesystems == before.filesystems != ()
    assert here.written["unknown"] == before.written["unknown"]
    assert here.written["libvirt"]["memory"] == {"hugepages": "yes"}
    assert sources(here) == [GPU, AUDIO]


@pytest.mark.parametrize("text", ["libvirt: {}\n", "libvirt: {devices: {}}\n", "{}\n"])
def test_a_file_that_says_little_is_filled_in(host: FakeHost, project: Project, text: str) -> None:
    author_writes(text)
    allocate(project)
    assert sources(written()) == [GPU, AUDIO]


def test_an_authors_comments_stay(host: FakeHost, project: Project) -> None:
    text = "# my desk\ndisposable: false  # never\n"
    author_writes(text)
    allocate(project)
    assert file_of().read_text().startswith(text)
    assert written().is_vetoed
    assert sources(written()) == [GPU, AUDIO]


def test_what_is_written_anew_is_kept_as_it_was(host: FakeHost, project: Project) -> None:
    text = "# my desk\nlibvirt: {devices: {}}\n"
    author_writes(text)
    allocate(project)
    assert sources(written()) == [GPU, AUDIO]
    assert file_of().with_suffix(".yml.before").read_text() == text

    again = "# my other desk\nlibvirt: {devices: {}}\n"
    author_writes(again)
    allocate(project)
    assert file_of().with_suffix(".yml.before").read_text() == text
    assert file_of().with_suffix(".yml.before-2").read_text() == again


def test_what_an_author_wrote_by_hand_is_left_alone(host: FakeHost, project: Project) -> None:
    text = "libvirt: {devices: {hostdevs: [{type: pci, source: {bus: 0x07, slot: 0x00}}]}}\n"
    author_writes(text)
    assert allocate(project) == []
    assert file_of().read_text() == text


def test_what_an_author_has_committed_is_left_alone(host: FakeHost, project: Project) -> None:
    assert allocate(project, "written") == []
    assert not file_of("written").exists()
    # Nor is a card wanted that this host may not have.
    host.bind(GPU, "nouveau")
    require_cards(project.target("written"), project)


@pytest.mark.parametrize("name", ["shares", "dongle", "debian-vm"])
def test_who_claims_no_card_for_itself_gets_none(
    host: FakeHost, project: Project, name: str
) -> None:
    assert allocate(project, name) == []
    require_cards(project.target(name), project)
    assert not file_of(name).exists()


def test_as_many_are_written_as_the_token_means(host: FakeHost, project: Project) -> None:
    target = project.target("both")
    with pytest.raises(HostError, match="no card for two-cards"):
        require_cards(target, project)
    assert "no card for two-cards (2 of vendor 0x10de)" in problem(project, "both").message
    assert not file_of("both").exists()
    host.add_card("0000:02:00", group=2, mode="vfio")
    host.write("dev/vfio/2", "")
    require_cards(target, project)
    allocate(project, "both")
    assert sources(written("both")) == [GPU, AUDIO, SECOND_GPU, SECOND_AUDIO]


def test_without_a_card_it_fails_and_says_where_to_look(host: FakeHost, project: Project) -> None:
    host.bind(GPU, "nouveau")
    for fail in (require_cards, allocate_cards):
        with pytest.raises(HostError) as raised:
            fail(project.target("cuda"), project)
        assert raised.value.message == (
            "this host has no card for nvidia-gpu (vendor 0x10de): "
            f"{GPU} is driven by nouveau for the host itself"
        )
        assert raised.value.hint is not None
        assert "charly vm gpu status" in raised.value.hint
    assert not file_of().exists()


def test_another_card_at_its_address_is_told(host: FakeHost, project: Project) -> None:
    allocate(project)
    before = file_of().read_text()
    (host.root.device(GPU) / "device").write_text("0x2684\n")
    with pytest.raises(SpecError) as raised:
        allocate(project)
    assert raised.value.message == (
        f"{file_of()}: {GPU} has 0x10de:0x2684 now, and not the card 0x10de:0x28c2 that "
        "nvidia-gpu was allocated"
    )
    assert raised.value.hint is not None
    assert raised.value.hint == (
        "delete `allocated` and `hostdevs` there; a card that is required is detected again"
    )
    assert file_of().read_text() == before


def test_a_slot_that_is_empty_by_now_is_told(host: FakeHost, project: Project) -> None:
    allocate(project)
    host.add_card("0000:02:00", group=2, mode="vfio")
    for one in (GPU, AUDIO):
        host.root.device(one).rename(host.path / one)
    with pytest.raises(SpecError, match=f"{GPU} is empty now, and not the card 0x10de:0x28c2"):
        allocate(project)


def test_a_card_that_the_token_does_not_mean_any_more_is_not_given(
    host: FakeHost, project: Project
) -> None:
    """What was claimed and switched is another one: its own may serve containers now."""
    host.add_card("0000:02:00", group=2)
    allocate(project)
    other = file_of().read_text().replace("0000:01:00", "0000:02:00")
    author_writes(other)
    with pytest.raises(SpecError) as raised:
        allocate(project)
    assert raised.value.message == (
        f"{file_of()}: nvidia-gpu means {GPU}, {AUDIO} now, and not {SECOND_GPU}"
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shares", "shares does not require nvidia-gpu any more"),
        ("debian-vm", "debian-vm does not require nvidia-gpu any more"),
        ("written", "written says which devices it gets"),
    ],
)
def test_a_card_that_is_not_claimed_any_more_is_not_given(
    host: FakeHost, project: Project, name: str, why: str
) -> None:
    """Its devices stand in the file, and would be taken from whoever has it."""
    allocate(project)
    author_writes(file_of().read_text(), name)
    target = project.target(name)
    for fail in (require_cards, allocate_cards):
        with pytest.raises(SpecError) as raised:
            fail(target, project)
        assert raised.value.message == (
            f"{file_of(name)}: the card of nvidia-gpu stands here, and {why}"
        )


@pytest.mark.parametrize(
    ("driver", "hypervisor", "fails"),
    [
        ("nvidia", None, True),
        ("nvidia", Hypervisor("qemu:///system", "", "default", "/images"), True),
        ("nvidia", Hypervisor("qemu+ssh://other/system", "ssh://other", "default", "/x"), False),
        ("vfio-pci", None, False),
        ("", None, False),
    ],
)
def test_no_machine_starts_with_a_card_on_nvidia(
    host: FakeHost, driver: str, hypervisor: Hypervisor | None, fails: bool
) -> None:
    """An author's device is taken from its driver by libvirt, which would wait for its users."""
    (host.root.device(GPU) / "driver").unlink()
    if driver:
        host.bind(GPU, driver)
    devices = {"hostdevs": [{"type": "pci", "source": {"bus": 1, "slot": 0}}]}
    machine = sample_machine(libvirt={"devices": devices}, hypervisor=hypervisor)
    if fails:
        with pytest.raises(HostError, match=f"{GPU} is on nvidia") as raised:
            require_not_on_nvidia(machine)
        assert raised.value.hint == f"charly vm gpu mode vfio {GPU}"
    else:
        require_not_on_nvidia(machine)
    require_not_on_nvidia(sample_machine())


def test_a_machine_that_is_off_is_not_started_with_one(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.bind(GPU, "nvidia")
    devices = {"hostdevs": [{"type": "pci", "source": {"bus": 1, "slot": 0}}]}
    record = replace(sample_record(), machine=sample_machine(libvirt={"devices": devices}))
    started: list[object] = []

    machine = Machine(record)
    backend = SimpleNamespace(start=started.append, state=lambda domain: DomainState.SHUT_OFF)
    monkeypatch.setitem(vars(machine), "backend", backend)
    monkeypatch.setattr(start_module, "settle_snapshots", lambda machine, *, starting: None)
    with pytest.raises(HostError, match=f"{GPU} is on nvidia"):
        start_module.start_machine(machine)
    assert started == []
    host.bind(GPU, "vfio-pci")
    start_module.start_machine(machine)
    assert started == [record.domain]


@dataclass
class Off:
    """The machine of a deploy as it was made, off, with the devices that its files say."""

    project: Project
    name: str = "cuda"
    started: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        target = self.project.target(self.name)
        devices = (*target.libvirt.devices.hostdevs, *written(self.name).hostdevs)
        self.record = replace(
            sample_record(self.name),
            project=str(self.project.file),
            claims=make_wish(["nvidia-gpu"]),
            machine=sample_machine(
                domain=target.domain,
                libvirt={"devices": {"hostdevs": [one.model_dump() for one in devices]}},
            ),
        )

    def start(self) -> None:
        machine = Machine(self.record)
        backend = SimpleNamespace(
            start=self.started.append, state=lambda domain: DomainState.SHUT_OFF
        )
        vars(machine)["backend"] = backend
        start_module.start_machine(machine)

    def refusal(self) -> SpecError:
        """That of the start, which is the one before anything is claimed for it."""
        with pytest.raises(SpecError) as before, claiming_for_start(Machine(self.record)):
            pytest.fail("it has another card")
        with pytest.raises(SpecError) as raised:
            self.start()
        assert raised.value.message == before.value.message
        assert raised.value.hint == (
            "delete `allocated` and `hostdevs` there; a card that is required is detected again by "
            f"`charly vm update {self.name}`"
        )
        assert self.started == []
        return raised.value


def test_a_machine_is_started_with_the_card_that_it_was_allocated(
    host: FakeHost, project: Project
) -> None:
    allocate(project)
    off = Off(project)
    off.start()
    assert off.started == [off.record.domain]
    off.started.clear()
    # Also where nothing says any more what its token means.
    project.file.unlink()
    off.start()
    assert off.started == [off.record.domain]
    (host.root.device(GPU) / "device").write_text("0x2684\n")
    off.started.clear()
    assert off.refusal().message == (
        f"{file_of()}: {GPU} has 0x10de:0x2684 now, and not the card 0x10de:0x28c2 that "
        "nvidia-gpu was allocated"
    )


def test_a_machine_is_not_started_with_a_card_that_its_token_does_not_mean_any_more(
    host: FakeHost, project: Project
) -> None:
    """The claim would take and switch the other one."""
    allocate(project)
    host.add_card("0000:00:05", group=5)
    assert Off(project).refusal().message == (
        f"{file_of()}: nvidia-gpu means 0000:00:05.0, 0000:00:05.1 now, and not {GPU}"
    )


@pytest.mark.parametrize("deleted", [True, False])
def test_a_machine_is_not_started_with_the_address_that_its_card_had(
    host: FakeHost, project: Project, deleted: bool
) -> None:
    """Its file says nothing more of it, or where the card is now; the machine is as it was made."""
    allocate(project)
    off = Off(project)
    for one in (GPU, AUDIO):
        host.root.device(one).rename(host.path / one)
    host.add_card("0000:02:00", group=2, mode="vfio")
    host.write("dev/vfio/2", "")
    file_of().unlink()
    if not deleted:
        allocate(project)
    assert off.refusal().message == (
        f"{file_of()}: nvidia-gpu means {SECOND_GPU}, {SECOND_AUDIO} now, and {SECOND_GPU}, "
        f"{SECOND_AUDIO} is not allocated"
    )


@pytest.mark.parametrize("name", ["cuda", "written"])
def test_a_machine_with_an_authors_devices_is_started_with_them(
    host: FakeHost, project: Project, name: str
) -> None:
    if name == "cuda":
        author_writes(
            "libvirt: {devices: {hostdevs: [{type: pci, source: {bus: 0x07, slot: 0x00}}]}}\n"
        )
    off = Off(project, name)
    off.start()
    assert off.started == [off.record.domain]


def test_a_group_that_has_more_functions_by_now_is_not_given_in_part(
    host: FakeHost, project: Project
) -> None:
    allocate(project)
    host.add_function("0000:01:00.2", pci_class=0x0C0330, device=0x1AD8, driver="vfio-pci")
    with pytest.raises(SpecError) as raised:
        allocate(project)
    assert raised.value.message == (
        f"{file_of()}: nvidia-gpu means {GPU}, {AUDIO}, 0000:01:00.2 now, and 0000:01:00.2 is not "
        "allocated"
    )


@pytest.mark.parametrize("name", ["hostdevs", "allocated"])
def test_who_deletes_the_devices_has_them_detected_again(
    host: FakeHost, project: Project, name: str
) -> None:
    import yaml

    allocate(project)
    data = yaml.safe_load(file_of().read_text())
    del data["libvirt"]["devices"]["hostdevs"]
    if name == "allocated":
        del data["allocated"]
    author_writes(yaml.safe_dump(data))
    (host.root.device(GPU) / "device").write_text("0x2684\n")
    assert len(allocate(project)) == 1
    assert sources(written()) == [GPU, AUDIO]
    assert written().allocated[0].id == "0x10de:0x2684"


def test_what_is_not_on_vfio_is_told_with_what_helps(host: FakeHost, project: Project) -> None:
    host.bind(GPU, "nvidia")
    (host.root.device(AUDIO) / "driver").unlink()
    error = problem(project)
    assert error.message == (
        f"{GPU} is on nvidia, and not on vfio-pci; {AUDIO} is on no driver, and not on vfio-pci"
    )
    assert error.hint == "; ".join([f"charly vm gpu mode vfio {GPU}"] * 2)


def test_a_node_that_this_account_may_not_use_is_told(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = host.root.dev / "vfio/1"
    asked: list[tuple[Path, int]] = []

    def access(path: Path, mode: int) -> bool:
        asked.append((path, mode))
        return False

    assert len(allocate(project)) == 1
    monkeypatch.setattr(os, "access", access)
    error = problem(project)
    assert set(asked) == {(node, os.R_OK | os.W_OK)}
    assert error.message == "this account may not use /dev/vfio/1"
    assert error.hint is not None
    assert "/etc/udev/rules.d/60-charly-vfio.rules" in error.hint


def test_a_node_that_is_new_is_given_a_moment(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """udev sets the rights of a node after the kernel has made it."""
    answers = [False, True]
    monkeypatch.setattr(os, "access", lambda path, mode: answers.pop(0))
    monkeypatch.setattr("charly_vm.machine.card_access.UDEV_SECONDS", 60.0)
    assert len(allocate(project)) == 1
    assert answers == []


@pytest.mark.parametrize("driver", ["vfio-pci", "nvidia"])
def test_memory_that_may_not_be_pinned_is_told_before_the_card_is_claimed(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    host.bind(GPU, driver)
    set_memlock(monkeypatch, 5 * GIB - 1)
    with (
        pytest.raises(HostError) as raised,
        claiming_for_target(project.target("cuda"), project),
    ):
        pytest.fail("it may not pin that")
    assert "the guest and its card need 5G" in raised.value.message
    assert raised.value.hint == (
        f"echo 'ann - memlock {5 * 2**20}' | sudo tee /etc/security/limits.d/charly.conf, and log "
        "in again"
    )
    assert host.drivers() == {GPU: driver, AUDIO: "vfio-pci"}
    assert not file_of().exists()


def test_a_bed_is_told_before_its_disk_is_built(
    host: FakeHost, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_memlock(monkeypatch, GIB)
    run = BedRun(project, project.deploys["bed"], evidence=tmp_path / "evidence")
    monkeypatch.setattr(run, "_build", lambda: pytest.fail("it builds"))
    with pytest.raises(HostError, match="the guest and its card need 5G"):
        run.prepare()


def test_memory_that_the_command_line_asks_for_is_to_be_pinned_as_well(
    host: FakeHost, project: Project
) -> None:
    asked = Overrides(ram=8 * GIB)
    with (
        pytest.raises(HostError, match="the guest and its card need 9G"),
        claiming_for_target(project.target("cuda"), project, overrides=asked),
    ):
        pytest.fail("it may not pin that")


@pytest.mark.parametrize(("limit", "euid"), [(resource.RLIM_INFINITY, 1000), (0, 0)])
def test_root_and_who_has_no_limit_may_pin_all(
    host: FakeHost,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    euid: int,
) -> None:
    set_memlock(monkeypatch, limit, euid=euid)
    require_cards(project.target("cuda"), project)


def test_every_problem_is_told_at_once(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.bind(AUDIO, "snd_hda_intel")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    error = problem(project)
    assert error.message.count("; ") == 1
    assert error.hint is not None
    assert error.hint.count("; ") == 1


def test_a_node_that_does_not_come_is_told(host: FakeHost, project: Project) -> None:
    node = host.root.dev / "vfio/1"
    node.unlink()
    error = problem(project)
    assert error.message == f"/dev/vfio/1 is not there, though all of {GPU} is on vfio-pci"
    # Without its functions on vfio-pci, that is all there is to say.
    host.bind(AUDIO, "snd_hda_intel")
    assert problem(project).message == f"{AUDIO} is on snd_hda_intel, and not on vfio-pci"


def test_a_node_that_comes_late_is_waited_for(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host.root.dev / "vfio/1").unlink()
    monkeypatch.setattr("charly_vm.machine.card_access.UDEV_SECONDS", 60.0)
    udev = threading.Timer(0.1, host.write, ("dev/vfio/1", ""))
    udev.start()
    assert len(allocate(project)) == 1
    udev.join()


def test_a_machine_on_another_host_is_given_no_card_of_this_one(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", ELSEWHERE)
    host.bind(GPU, "nvidia")
    with (
        pytest.raises(HostError) as raised,
        claiming_for_target(project.target("anywhere"), project),
    ):
        pytest.fail("it is on another host")
    assert raised.value.message == (
        "a card can only be given to a machine on this host, and charly-anywhere, which requires "
        f"nvidia-gpu, is to run at {ELSEWHERE}"
    )
    assert "run charly on the host that has the card" in raised.value.hint
    assert host.drivers() == {GPU: "nvidia", AUDIO: "vfio-pci"}
    assert not file_of("anywhere").exists()
    # Plain QEMU is on this host, whatever libvirt is set.
    require_cards(project.target("cuda"), project)


def test_devices_of_another_host_are_claimed_where_that_takes_no_card_of_this_one(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", ELSEWHERE)
    target = project.target("anywhere")
    author_writes(
        "libvirt: {devices: {hostdevs: [{type: pci, source: {bus: 0x07, slot: 0x00}}]}}\n",
        "anywhere",
    )
    with pytest.raises(HostError, match="can only be given to a machine on this host"):
        require_cards(target, project)
    host.bind(GPU, "nouveau")
    require_cards(target, project)


def test_the_system_daemon_needs_neither_our_rights_nor_our_limit(
    host: FakeHost, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = project.target("anywhere")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    set_memlock(monkeypatch, 0)
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", "qemu:///session")
    with pytest.raises(HostError, match="the guest and its card need 5G"):
        require_cards(target, project)
    with pytest.raises(HostError, match="may not use /dev/vfio/1"):
        allocate_cards(target, project)
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", "qemu:///system")
    require_cards(target, project)
    allocate_cards(target, project)
    host.bind(AUDIO, "snd_hda_intel")
    with pytest.raises(HostError, match=f"{AUDIO} is on snd_hda_intel, and not on vfio-pci"):
        allocate_cards(target, project)
