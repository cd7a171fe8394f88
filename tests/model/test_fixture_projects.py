"""Whole files, good and bad: what we read in them, and what a stock JSON Schema validator says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from fixture_projects import (
    BAD,
    GOOD,
    PROJECTS,
    TOGETHER,
    WIDER,
    WIDER_FILES,
    complaints,
    is_refused,
    load,
)

from charly_vm.errors import SpecError
from charly_vm.model.document import read_document

SHIPPED = Path(__file__).parents[2] / "beds" / "charly.yml"


def name_of(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", GOOD, ids=name_of)
def test_a_good_file_loads_without_a_warning(file: Path) -> None:
    project = load(file)
    assert project.warnings == ()
    assert len(project.nodes) > 3


@pytest.mark.parametrize("file", [*GOOD, *WIDER_FILES, SHIPPED], ids=str)
def test_the_schema_takes_what_we_take(file: Path) -> None:
    assert complaints(read_document(file).data) == []


@pytest.mark.parametrize("file", [*BAD, *TOGETHER], ids=name_of)
def test_a_bad_file_is_told_everything_at_once(
    file: Path, golden: Callable[[str, str], Path]
) -> None:
    with pytest.raises(SpecError) as caught:
        load(file)
    told = str(caught.value).replace(f"{PROJECTS}/", "")
    golden(f"{file.parent.name}-{file.stem}.txt", f"{told}\n")


@pytest.mark.parametrize("file", BAD, ids=name_of)
def test_the_schema_refuses_the_very_nodes_that_we_refuse(file: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(file)
    lines = {problem.line for problem in caught.value.problems}
    document = read_document(file)
    assert isinstance(document.data, dict)
    names = list(document.data)
    starts = [document.line((name,)) for name in names] + [10**6]
    for name, (start, end) in zip(names, pairwise(starts), strict=True):
        refused = any(start <= line < end for line in lines)
        assert is_refused({name: document.data[name]}) == refused, name


def test_a_project_of_the_wider_ecosystem_loads_lists_and_resolves() -> None:
    project = load(WIDER)
    kinds = {node.kind for node in project.nodes}
    assert len(kinds) > 20
    assert [node.name for node in project.beds] == [
        *("check-k3s-vm", "check-arch", "check-shared", "check-group-vm", "check-group-inner"),
        *("arch.check-arch-itself", "arch.check-arch-more", "check-discovered"),
    ]
    for bed in project.beds:
        target = project.target(bed.name)
        assert target.disposable
        assert target.entity.source.kind in ("cloud_image", "bootstrap")
    for node in project.nodes:
        assert node.runs == (node.skipped == "")
        assert node.runs or node.kind != "resource"


def test_what_does_not_run_here_says_why() -> None:
    why = {node.name: node.skipped for node in load(WIDER).nodes if node.skipped}
    assert why["a-pod"] == "nodes of kind pod are not run here"
    assert why["my-box"] == "container images are not built here"
    assert why["check-structure-innermost"] == (
        "it stands inside check-structure-member, which is not run here"
    )
    assert why["check-fedora"] == (
        "there is no fedora.fedora-vm here, and @github.com/example/fedora:v2026.174.1100 "
        "is not fetched"
    )
    assert why["k3s-vm"] == f"the one in {WIDER}:36 takes precedence"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("check-fedora", "there is no fedora.fedora-vm here"),
        ("a-pod", "nodes of kind pod are not run here"),
        ("check-structure-vm", "it stands inside check-structure"),
    ],
)
def test_what_does_not_run_is_refused_with_its_place_and_reason(name: str, reason: str) -> None:
    with pytest.raises(SpecError, match=f"{name} is kept and not run: {reason}") as caught:
        load(WIDER).target(name)
    assert caught.value.problems[0].line > 0


def test_a_node_may_be_called_vm_and_another_like_its_domain() -> None:
    project = load(WIDER)
    assert project.target("vm").domain == "charly-vm"
    assert project.target("charly-vm").domain == "charly-charly-vm"
    assert project.target("vm:charly-vm").domain == "charly-charly-vm"
    assert project.target("charly-charly-vm").name == "charly-vm"
    assert project.entities["vm"].libvirt.devices.channels
