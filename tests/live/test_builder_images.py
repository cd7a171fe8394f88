"""What podman and an image say when a disk is to be built by it; a disk that one has built is
booted in test_smbios_keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from builder_stand_in import REFERENCE, have_builder_image

from charly_vm.disk.bootstrap import bootstrap_image
from charly_vm.disk.store import Store
from charly_vm.errors import HostError
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT
from charly_vm.model.source import Bootstrap

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def build(directory: Path, builder: str, distro: str, image: str) -> None:
    source = Bootstrap.model_validate(
        {"kind": "bootstrap", "builder": builder, "distro": distro, "builder_image": image}
    )
    bootstrap_image(source, architecture="x86_64", store=Store(directory), progress=SILENT)


def test_an_image_that_nobody_has_is_one_error(tmp_path: Path) -> None:
    missing = "localhost/charly-tests/nobody-has-this:1"
    with pytest.raises(HostError, match=f"podman has no image {missing}") as raised:
        build(tmp_path, "mmdebstrap", "debian-12", missing)
    assert raised.value.hint.startswith("build or load it for this user")
    assert not list(tmp_path.glob("building/*"))


@pytest.mark.parametrize(
    ("builder", "distro", "missing"),
    [
        ("mmdebstrap", "debian-12", "no mmdebstrap"),
        ("pacstrap", "arch", "no pacstrap, no pacman"),
        ("dnf", "fedora-43", "no dnf"),
    ],
)
def test_an_image_without_the_builder_is_one_error(
    tmp_path: Path, builder: str, distro: str, missing: str
) -> None:
    have_builder_image()
    with pytest.raises(HostError, match=f"the image {REFERENCE} has {missing}"):
        build(tmp_path, builder, distro, REFERENCE)
    # Neither the image's files nor a container of it stay.
    assert not list(tmp_path.glob("building/*"))
    listed = run(["podman", "ps", "--all", "--format={{.Image}}"], timeout=60).stdout
    assert REFERENCE not in listed
