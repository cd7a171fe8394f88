from __future__ import annotations

from typing import Any

import pytest

from charly_vm.model.distribution import ARCH, DEBIAN, FEDORA, find_distribution
from charly_vm.model.source import Bootstrap, CloudImage


def image(url: str, **more: Any) -> CloudImage:
    return CloudImage.model_validate({"kind": "cloud_image", "url": url, **more})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Bootstrap(kind="bootstrap", distro="debian-13"), "debian"),
        (image("https://h/Arch-Linux-x86_64-cloudimg.qcow2"), "arch"),
        (image("https://cloud-images.ubuntu.example/noble-server-cloudimg-amd64.img"), "ubuntu"),
        (image("https://h/debian/Fedora-Cloud-Base-Generic-42.x86_64.qcow2"), "fedora"),
        (image("https://h/x.qcow2", base_user="rocky"), "rocky"),
        (image("https://h/debian-12.qcow2", distro="ubuntu-24.04", base_user="arch"), "ubuntu"),
        (image("https://h/cachyos/x.qcow2"), "cachyos"),
    ],
)
def test_a_distribution_is_known_by_what_the_source_says(source: Any, name: str) -> None:
    found = find_distribution(source)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("url", ["https://h/x.qcow2", "https://h/archive/search/x.qcow2"])
def test_of_what_nobody_knows_nothing_is_guessed(url: str) -> None:
    assert find_distribution(image(url)) is None


def test_families_differ_in_what_they_call_things() -> None:
    assert {family.packages[0] for family in (DEBIAN, FEDORA, ARCH)} == {
        "openssh-server",
        "openssh",
    }
    assert [family.admins for family in (DEBIAN, FEDORA, ARCH)] == ["sudo", "wheel", "wheel"]
