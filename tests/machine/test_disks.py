"""What `vm build` was told, and who may forget it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from charly_vm.errors import HostError
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT
from charly_vm.machine.disks import BuildOptions, build_disk, find_chosen_disk
from charly_vm.model.project import Target, load_project

MEBIBYTE = 1024**2
PROJECT = """\
shape:
  vm:
    source: {{kind: cloud_image, url: "{url}", checksum: {{value: {digest}}}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose image is an empty disk of 1 MiB."""
    image = tmp_path / "image.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], timeout=20)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    file = tmp_path / "charly.yml"
    file.write_text(PROJECT.format(url=image.as_uri(), digest=digest))
    return file


@pytest.fixture
def target(project: Path) -> Target:
    return load_project(project, host=project.with_name("none")).target("shape")


def test_a_choice_stays_until_somebody_builds_without_it(project: Path, target: Target) -> None:
    larger = build_disk(target, project, SILENT, BuildOptions(size=3 * MEBIBYTE))
    assert larger.virtual_size == 3 * MEBIBYTE
    # As a bed and `vm create` do, which build what the file says.
    assert build_disk(target, project, SILENT).virtual_size == MEBIBYTE
    assert find_chosen_disk(target, project) == (larger.path, "--size 3M")
    build_disk(target, project, SILENT, BuildOptions())
    assert find_chosen_disk(target, project) is None


def test_a_choice_that_cannot_be_kept_is_an_error_and_a_link_is_not(
    project: Path, target: Target
) -> None:
    project.with_name("output").write_text("in the way")
    build_disk(target, project, SILENT)
    with pytest.raises(HostError, match="`vm create` cannot learn of --size 3M"):
        build_disk(target, project, SILENT, BuildOptions(size=3 * MEBIBYTE))
