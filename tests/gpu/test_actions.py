"""What each step does to the kernel, and what is said where it refuses."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from fake_host import AUDIO, GPU, FakeHost

from charly_vm.gpu import actions
from charly_vm.gpu.actions import ActionFailed, perform, read_overrides, wait_until_bound
from charly_vm.gpu.steps import Kind, Step


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    made = FakeHost(tmp_path)
    made.add_card(mode="vfio")
    made.write("sys/bus/pci/drivers/vfio-pci/unbind", "")
    made.write("sys/bus/pci/drivers_probe", "")
    return made


def test_who_is_on_a_driver_is_taken_from_it(host: FakeHost) -> None:
    perform(host.root, Step(Kind.UNBIND, GPU, "vfio-pci"))
    assert (host.root.drivers / "vfio-pci/unbind").read_text().startswith(GPU)


def test_who_is_on_none_is_left_alone(host: FakeHost) -> None:
    (host.root.device(GPU) / "driver").unlink()
    perform(host.root, Step(Kind.UNBIND, GPU, "vfio-pci"))
    assert (host.root.drivers / "vfio-pci/unbind").read_text().strip() == ""


def test_who_is_on_another_driver_is_not_taken_from_that(host: FakeHost) -> None:
    host.bind(GPU, "nvidia")
    unbind = host.write("sys/bus/pci/drivers/nvidia/unbind", "")
    with pytest.raises(ActionFailed, match=f"{GPU} is on nvidia, and not on vfio-pci"):
        perform(host.root, Step(Kind.UNBIND, GPU, "vfio-pci"))
    assert unbind.read_text() == "\n"


def test_an_override_is_set_and_taken_back_by_an_empty_line(host: FakeHost) -> None:
    file = host.root.device(GPU) / "driver_override"
    file.write_text("")
    perform(host.root, Step(Kind.OVERRIDE, GPU, "vfio-pci"))
    assert file.read_text() == "vfio-pci"
    file.write_text("")
    perform(host.root, Step(Kind.OVERRIDE, GPU))
    assert file.read_text() == "\n"


def test_overrides_are_read_of_each_function(host: FakeHost) -> None:
    (host.root.device(AUDIO) / "driver_override").write_text("vfio-pci\n")
    assert read_overrides(host.root, (GPU, AUDIO)) == {GPU: "", AUDIO: "vfio-pci"}


def test_a_driver_is_looked_for_where_there_is_none(host: FakeHost) -> None:
    perform(host.root, Step(Kind.BIND, GPU, "vfio-pci"))
    assert host.root.probe.read_text() == "\n"
    (host.root.device(GPU) / "driver").unlink()
    perform(host.root, Step(Kind.BIND, GPU, "vfio-pci"))
    assert host.root.probe.read_text().startswith(GPU)


def test_a_file_that_is_not_there_is_not_made(host: FakeHost) -> None:
    file = host.root.device(GPU) / "driver_override"
    file.unlink()
    with pytest.raises(ActionFailed, match="driver_override: No such file or directory"):
        perform(host.root, Step(Kind.OVERRIDE, GPU, "vfio-pci"))
    assert not file.exists()


@pytest.mark.parametrize(
    ("step", "argv"),
    [
        (Step(Kind.LOAD, name="vfio-pci"), ["modprobe", "vfio-pci"]),
        (Step(Kind.UNLOAD, name="nvidia"), ["rmmod", "nvidia"]),
        (Step(Kind.STOP_SERVICE, name="x.service"), ["systemctl", "stop", "x.service"]),
        (Step(Kind.START_SERVICE, name="x.service"), ["systemctl", "start", "x.service"]),
        (Step(Kind.REFRESH_CDI), ["nvidia-ctk", "cdi", "generate", "--output={cdi}"]),
    ],
)
def test_programs_take_the_place_of_the_child(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, argv: list[str]
) -> None:
    cdi = tmp_path / "etc/cdi/nvidia.yaml"
    monkeypatch.setattr(actions, "CDI_FILE", cdi)
    monkeypatch.setattr(actions, "find_tool", lambda name: Path("/sbin") / name)
    became: list[tuple[object, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *words: became.append(words))
    perform(host.root, step)
    [(program, words, environment)] = became
    assert program == Path("/sbin") / argv[0]
    assert words == [word.format(cdi=cdi) for word in argv]
    # Nothing of what its caller has in the environment.
    assert environment["LC_ALL"] == "C.UTF-8"
    # Lines of modprobe.d name modprobe without its directory.
    assert {"/usr/sbin", "/sbin"} <= set(environment["PATH"].split(":"))
    assert cdi.parent.is_dir() == (step.kind is Kind.REFRESH_CDI)


def test_a_program_that_is_not_there_is_told(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "find_tool", lambda name: None)
    with pytest.raises(ActionFailed, match="the program modprobe is not installed"):
        perform(host.root, Step(Kind.LOAD, name="nvidia"))


def test_every_kind_of_step_can_be_done() -> None:
    assert set(actions._ACTIONS) == set(Kind)


def test_a_driver_that_binds_late_is_waited_for(host: FakeHost) -> None:
    (host.root.device(GPU) / "driver").unlink()
    late = threading.Timer(0.1, host.bind, (GPU, "nvidia"))
    late.start()
    assert wait_until_bound(host.root, GPU, "nvidia", 60.0) == "nvidia"
    late.join()
    assert wait_until_bound(host.root, GPU, "vfio-pci", 0.0) == "nvidia"
