"""`charly list`, `charly schema`, and what every command says of a project that is doubtful."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from charly_process import Charly

PROJECT = """\
import: ['@github.com/example/candies:v2026.174.1100', {far: '@github.com/example/far:v1'}]
shape:
  vm: {source: {kind: bootstrap}}
check-shape:
  vm: {from: shape, disposable: true, from_snapshot: clean, requires_exclusive: [nvidia-gpus]}
  inner:
    pod: {image: web}
check-far:
  vm: {from: far.shape, disposable: true}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "charly.yml"
    file.write_text(PROJECT)
    return file


def test_the_list_has_every_node_with_its_place_and_why_it_does_not_run(
    charly: Charly, project: Path
) -> None:
    done = charly("list")
    assert done.status == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines == [
        "NAME KIND RUNS WHERE WHY NOT",
        f"shape vm entity yes {project}:2",
        f"check-shape vm deploy yes {project}:4 as a bed: from_snapshot not carried out",
        f"inner (in check-shape) pod no {project}:6 nodes of kind pod are not run here",
        f"check-far vm deploy no {project}:8 there is no far.shape here, and "
        "@github.com/example/far:v1 is not fetched",
        *(
            f"{token} resource yes (shipped with charly):{line}"
            for line, token in ((1, "nvidia-gpu"), (3, "amd-gpu"), (5, "intel-gpu"), (7, "ram"))
        ),
        "cpus resource yes (shipped with charly):9",
    ]
    for told in (
        "more nodes may be behind @github.com/example/candies:v2026.174.1100, which is not fetched",
        "what begins with far. is behind @github.com/example/far:v1, which is not fetched",
    ):
        assert f"{project}:1: {told}" in done.stderr


def test_the_list_as_json_says_the_same(charly: Charly, project: Path) -> None:
    listed = json.loads(charly("list", "--json").stdout)
    assert listed["file"] == str(project)
    assert listed["nodes"][2] == {
        "name": "inner",
        "kind": "pod",
        "file": str(project),
        "line": 6,
        "role": "",
        "parent": "check-shape",
        "skipped": "nodes of kind pod are not run here",
        "runs": False,
    }
    assert [one["namespace"] for one in listed["unfetched"]] == ["", "far."]


def test_what_is_doubtful_is_a_warning_on_standard_error(charly: Charly, project: Path) -> None:
    done = charly("check", "list")
    assert done.status == 0
    assert done.stderr.splitlines() == [
        f"charly: warning: {project}:5:61: requires_exclusive: no resource is called "
        "'nvidia-gpus'; did you mean 'nvidia-gpu'?"
    ]


def test_everything_that_is_wrong_is_one_message(charly: Charly, project: Path) -> None:
    project.write_text("a: {vn: 1}\nb: 3\n")
    done = charly("list")
    assert done.status == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"charly: {project}:1:5: unknown kind 'vn'; did you mean 'vm'?",
        f"{project}:2:1: b: a node is a mapping with one kind, such as vm, not 3",
    ]


def test_the_schema_is_printed_as_json_and_needs_no_project(charly: Charly, project: Path) -> None:
    project.unlink()
    schema = json.loads(charly("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "VmEntity" in schema["$defs"]


def test_what_a_build_has_no_use_for_is_refused_and_not_dropped(
    charly: Charly, project: Path
) -> None:
    done = charly("vm", "build", "shape", "--transport", "oci")
    assert done.status == 1
    assert "--transport has no meaning for a disk of kind bootstrap" in done.stderr
    image = project.with_name("image.raw")
    image.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1024**2))
    for option in (["--root-size", "4G"], ["--console"]):
        done = charly("vm", "build", "shape", "--source", str(image), *option)
        assert done.status == 1
        assert f"{option[0]} has no meaning for a disk of kind cloud_image, which is what" in (
            done.stderr
        )


def test_an_image_by_its_checksum_cannot_be_newer(charly: Charly, project: Path) -> None:
    image = project.with_name("image.raw")
    image.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1024**2))
    done = charly("vm", "build", "shape", "--source", str(image), "--refresh")
    assert done.status == 0, done.stderr
    assert "image.raw is what its checksum says: fetched again where that changes" in (done.stderr)
