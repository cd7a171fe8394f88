"""The bed of the card loads, resolves, and is rendered for libvirt; on a host without the card it
ends with one error that says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from charly_vm.errors import HostError
from charly_vm.gpu.allocation import render_instance
from charly_vm.gpu.cards import Card
from charly_vm.gpu.pci import Function
from charly_vm.host.facts import Accelerator, Facts, Firmware, LibvirtFacts, QemuFacts
from charly_vm.machine import card_allocation, gpu_switch
from charly_vm.model.instance import read_instance
from charly_vm.model.project import Project, load_project
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolve.keys import LoginKey
from charly_vm.model.resolved import Paths
from charly_vm.render.domain_xml import render_domain_xml

FIRMWARE = Firmware(
    architecture="x86_64",
    machines=("pc-q35-*",),
    code="/usr/share/OVMF/OVMF_CODE_4M.fd",
    vars_template="/usr/share/OVMF/OVMF_VARS_4M.fd",
    format="raw",
    secure_boot=False,
    keys_enrolled=False,
    smm=False,
)
HOST = Facts(
    hostname="host",
    architecture="x86_64",
    uid=1000,
    accelerators=(Accelerator("kvm", True, "runs guest code"),),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True),
    firmware=(FIRMWARE,),
    memory=64 * 2**30,
    cpus=16,
)
BEDS = Path(__file__).parents[2] / "beds"
NAME = "check-cachyos-gpu-vm"


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(BEDS / "charly.yml")


def test_it_is_rendered_with_its_card(
    project: Project, golden: Callable[[str, str], Path], tmp_path: Path
) -> None:
    target = project.target(NAME)
    card = Card(
        12,
        (
            Function("0000:01:00.0", 0x10DE, 0x2684, 0x030000),
            Function("0000:01:00.1", 0x10DE, 0x22BA, 0x040300),
        ),
    )
    file = tmp_path / "instance.yml"
    file.write_text(render_instance({}, [card], "why it is here"))
    placement = Placement(
        "5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
        2222,
        Paths(Path("/data/m"), Path("/run/m")),
        key=LoginKey("/home/me/.ssh/id", "ssh-ed25519 AAAA me"),
        hostdevs=read_instance(file).hostdevs,
    )
    xml = render_domain_xml(resolve(target, HOST, placement))
    golden("check-cachyos-gpu-vm.xml", xml)
    for wanted in ('<hidden state="on"', '<vendor_id state="on"', 'type="spice"', "hostdev"):
        assert wanted in xml


def test_it_claims_the_card_alone(project: Project) -> None:
    deploy = project.deploys[NAME].deploy
    assert deploy.requires_exclusive == ("nvidia-gpu",)
    assert project.deploys[NAME].disposable


def test_without_the_card_one_error_says_what_is_missing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_switch, "cards_of", lambda *_: [])
    with pytest.raises(HostError) as caught:
        card_allocation.require_cards(project.target(NAME), project)
    assert caught.value.message.startswith("this host has no card for nvidia-gpu (vendor 0x10de)")
    assert "charly vm gpu status" in caught.value.hint
