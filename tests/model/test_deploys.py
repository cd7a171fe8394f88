"""Deploys: their forms, their rules, those inside others, and groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fixture_projects import GOOD, load, load_text, problems_of

from charly_vm.errors import SpecError
from charly_vm.model.deploy import Deploy
from charly_vm.model.project import Project

ENTITY = "e: {vm: {source: {kind: bootstrap}}}\n"


def deploy(**written: Any) -> Deploy:
    return Deploy.model_validate({"from": "e", **written})


@pytest.fixture(scope="module")
def project() -> Project:
    [file] = [file for file in GOOD if file.stem == "deploys"]
    return load(file)


def test_every_form_of_a_field_means_what_it_says(project: Project) -> None:
    everything = project.deploys["check-everything"].deploy
    assert everything.env == {"EDITOR": "nvim", "GREETING": "hello = world"}
    assert everything.ephemeral is not None
    assert everything.ephemeral.ttl == 9000
    assert everything.requires_amount is not None
    assert everything.requires_amount.ram == 8 * 2**30
    assert everything.preemptible is not None
    assert (everything.preemptible.restore, everything.preemptible.grace) == ("on-success", 90)
    assert everything.matrix == {"firmware": ("bios", "uefi-insecure"), "cpus": (1, 2)}
    assert everything.timeout == 900


def test_blocks_in_children_and_beside_are_part_of_the_body(project: Project) -> None:
    blocks = project.deploys["check-blocks"]
    assert blocks.deploy.requires_exclusive == ("fpga",)
    assert blocks.deploy.add_candy == ("nvidia", "nvidia-driver")
    assert blocks.deploy.preemptible is not None
    assert blocks.deploy.preemptible.holds == ("licence",)
    assert [step.id for step in blocks.steps] == ["step-1", "last"]


def test_variables_are_text_as_they_were_written(project: Project) -> None:
    assert project.deploys["check-blocks"].deploy.env == {
        "K3S_SERVER_HOSTNAME": "127.0.0.1",
        "PORT": "8080",
        "VERSION": "1.10",
        "DEBUG": "true",
        "EMPTY": "",
    }


@pytest.mark.parametrize(
    ("written", "disposable"),
    [
        ({}, False),
        ({"disposable": True}, True),
        ({"ephemeral": True}, True),
        ({"ephemeral": {}}, True),
        ({"ephemeral": False}, False),
        ({"lifecycle": "scratch"}, False),
    ],
)
def test_only_disposable_and_ephemeral_authorise_a_destroy(
    tmp_path: Path, written: dict[str, object], disposable: bool
) -> None:
    body = json.dumps({"from": "e", **written})
    project = load_text(tmp_path, f"{ENTITY}d: {{vm: {body}}}\n")
    assert project.deploys["d"].disposable == disposable
    assert [bed.name for bed in project.beds] == (["d"] if disposable else [])


def test_a_token_is_wanted_in_one_way_and_not_held_as_well() -> None:
    deploy(requires_exclusive=["a"], requires_shared=["b"], preemptible=["c"])
    for wrong in (
        {"requires_exclusive": ["a"], "requires_shared": ["a"]},
        {"requires_exclusive": ["a"], "preemptible": ["a"]},
        {"requires_shared": ["a"], "preemptible": {"holds": ["b", "a"]}},
    ):
        with pytest.raises(ValueError, match="'a' is"):
            deploy(**wrong)


def test_an_unknown_token_near_a_known_one_is_a_warning_and_any_other_a_free_label(
    tmp_path: Path,
) -> None:
    body = "{from: e, requires_exclusive: [nvidia-gpus, licence], preemptible: [nvidia-gp]}"
    project = load_text(tmp_path, f"{ENTITY}d: {{vm: {body}}}\n")
    assert [warning.text for warning in project.warnings] == [
        "requires_exclusive: no resource is called 'nvidia-gpus'; did you mean 'nvidia-gpu'?",
        "preemptible: no resource is called 'nvidia-gp'; did you mean 'nvidia-gpu'?",
    ]


def test_a_candy_that_is_nearly_a_known_one_is_a_warning(tmp_path: Path) -> None:
    text = f"{ENTITY}ripgrep: {{candy: {{}}}}\nd: {{vm: {{from: e, add_candy: [ripgrp, other]}}}}\n"
    [warning] = load_text(tmp_path, text).warnings
    assert warning.text == "no candy is called 'ripgrp'; did you mean 'ripgrep'?"


def test_deploys_stand_inside_deploys_and_may_be_named_by_their_path(project: Project) -> None:
    parents = {name: node.parent for name, node in project.deploys.items() if node.parent}
    assert parents == {
        "check-web": "check-group",
        "check-client": "check-group",
        "inner": "check-web",
        "innermost": "inner",
    }
    assert project.target("check-group.check-web.inner").name == "inner"
    with pytest.raises(SpecError, match="has no VM called"):
        project.target("check-web.innermost")


def test_vm_members_of_a_disposable_group_are_beds_unless_they_say_no(project: Project) -> None:
    assert project.groups["check-group"].members == ("check-web", "check-client")
    assert project.deploys["check-web"].disposable
    assert not project.deploys["check-client"].disposable
    assert not project.deploys["innermost"].disposable
    skipped = {node.name: node.skipped for node in project.nodes if node.skipped}
    assert skipped["check-pod"] == "nodes of kind pod are not run here"


def test_a_group_that_authorises_nothing_makes_no_beds(tmp_path: Path) -> None:
    project = load_text(tmp_path, f"{ENTITY}g: {{group: , m: {{vm: e}}}}\n")
    assert project.beds == []


def test_what_a_group_cannot_hand_down_is_a_warning(tmp_path: Path) -> None:
    group = "g: {group: {requires_shared: [x]}, s: {check: x, port: 22}, m: {vm: e}}"
    told = [warning.text for warning in load_text(tmp_path, f"{ENTITY}{group}\n").warnings]
    assert told == [
        "the step 's' belongs to no machine; put it into a member",
        "requires_shared: is kept, and each member has to say it for itself",
    ]


def test_an_entitys_plan_comes_before_its_deploys_own_steps(tmp_path: Path) -> None:
    text = """\
e:
  vm:
    source: {kind: bootstrap}
    plan:
      - {check: both have it, id: shared, port: 22}
      - {check: the entity's, id: own, port: 22}
      - {check: without a name, port: 22}
d:
  vm: {from: e, plan: [{check: this too, port: 22}]}
  mine: {check: mine, port: 80}
  shared: {check: said otherwise, port: 23}
"""
    steps = load_text(tmp_path, text).deploys["d"].steps
    assert [(step.id, step.prose) for step in steps] == [
        ("own", "the entity's"),
        ("e-3", "without a name"),
        ("step-1", "this too"),
        ("mine", "mine"),
        ("shared", "said otherwise"),
    ]


def test_an_agents_deploy_is_kept_and_not_run(project: Project) -> None:
    [node] = [node for node in project.nodes if node.name == "provisioned"]
    assert node.skipped == "an AI provisions it (agent_provisioned)"
    assert "provisioned" not in project.deploys


def test_an_entity_that_could_not_be_read_is_not_missed_as_well(tmp_path: Path) -> None:
    text = "e: {vm: {source: {kind: bootstrap}, rom: 1G}}\nd: {vm: e}\n"
    assert problems_of(tmp_path, text) == ["1:37: unknown key 'rom'; did you mean 'ram'?"]


def test_tokens_have_what_stands_behind_them(project: Project) -> None:
    gpu = project.resources["nvidia-gpu"].resource.gpu
    assert gpu is not None
    assert (gpu.vendor, gpu.device, gpu.address, gpu.count) == (
        *("0x10de", "0x28c2", "0000:01:00.0", 2),
    )
    assert project.resources["licence"].resource.gpu is None
    fpga = project.resources["fpga"].resource.gpu
    assert fpga is not None
    assert fpga.vendor == "0x10ee"
