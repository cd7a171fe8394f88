"""Steps: each spelling means the same, and what is not ours is kept with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixture_projects import GOOD, load, load_text

from charly_vm.model.matchers import Condition, read_matcher, read_substrings
from charly_vm.model.step import Step
from charly_vm.model.verbs import (
    VERBS,
    CommandVerb,
    CopyVerb,
    FileVerb,
    HttpVerb,
    KernelParamVerb,
    LibvirtVerb,
    PackageVerb,
    PortVerb,
)

ENTITY = "e: {vm: {source: {kind: bootstrap}}}\n"


def steps_of(directory: Path, *written: str) -> list[Step]:
    children = "".join(f"  s{number}: {{{step}}}\n" for number, step in enumerate(written))
    return list(load_text(directory, f"{ENTITY}d:\n  vm: e\n{children}").deploys["d"].steps)


@pytest.fixture(scope="module")
def steps() -> dict[str, Step]:
    [file] = [file for file in GOOD if file.stem == "steps"]
    return {step.id: step for step in load(file).deploys["check-steps"].steps}


def test_there_is_a_good_step_of_every_verb(steps: dict[str, Step]) -> None:
    assert {type(step.verb).name for step in steps.values() if step.verb} == set(VERBS)


def test_all_spellings_of_a_step_mean_the_same(tmp_path: Path) -> None:
    spellings = steps_of(
        tmp_path,
        "check: x, command: uname, stdout: Linux, exit_status: 0, timeout: 5s",
        "check: x, command: {command: uname, stdout: Linux, exit_status: 0}, timeout: 5s",
        "check: x, command: {command: uname}, stdout: Linux, exit_status: 0, timeout: 5s",
        "check: x, plugin: command, timeout: 5s, "
        "plugin_input: {command: uname, stdout: Linux, exit_status: 0}",
    )
    first, *others = spellings
    assert first.timeout == 5
    assert all((one.verb, one.modifiers) == (first.verb, first.modifiers) for one in others)


def test_a_probes_method_is_its_main_argument(tmp_path: Path) -> None:
    scalar, mapping, plugin = steps_of(
        tmp_path,
        "check: x, libvirt: info",
        "check: x, libvirt: {method: info, depth: 3}",
        "check: x, plugin: libvirt, plugin_input: {libvirt: info}",
    )
    assert isinstance(scalar.verb, LibvirtVerb)
    assert isinstance(mapping.verb, LibvirtVerb)
    assert scalar.verb == plugin.verb
    assert mapping.verb.model_extra == {"depth": 3}


def test_arguments_are_read_as_they_are_meant(steps: dict[str, Step]) -> None:
    file, page = steps["a-file"].verb, steps["a-page"].verb
    assert isinstance(file, FileVerb)
    assert isinstance(page, HttpVerb)
    assert file.mode == "0644"
    assert file.contains == (Condition("contains", "localhost"), Condition("matches", "^127"))
    assert page.status == (Condition("equals", 200),)
    assert page.header == (Condition("contains", "Server: nginx"), Condition("matches", "^Content"))
    assert isinstance(steps["a-parameter"].verb, KernelParamVerb)
    assert isinstance(steps["copied"].verb, CopyVerb)
    package = steps["a-package"].verb
    assert isinstance(package, PackageVerb)
    assert package.version == ("1.10", "9.2")


def test_modifiers_stand_beside_every_verb_also_in_the_plural(steps: dict[str, Step]) -> None:
    step = steps["release"]
    assert step.modifiers.exclude_distro == ("arch",)
    assert step.modifiers.tag == ("slow",)
    assert step.modifiers.env == {"LANG": "C", "N": "3"}
    assert (step.timeout, step.modifiers.eventually) == (90, 120)
    assert steps["a-port"].timeout == 60


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a-cluster", "the verb kube is not one of ours"),
        ("a-plugin", "the verb helm is not one of ours"),
        ("unheard-of", "the verb frobnicate is not one of ours"),
        ("plugged", "the verb frobnicate is not one of ours"),
        ("an-agent-check", "agent-check is an instruction to an AI"),
        ("an-agent-run", "agent-run is an instruction to an AI"),
    ],
)
def test_what_is_not_ours_is_kept_with_the_reason(
    steps: dict[str, Step], name: str, reason: str
) -> None:
    step = steps[name]
    assert step.verb is None
    assert step.skipped == reason
    assert step.written


@pytest.mark.parametrize(
    ("modifiers", "reason"),
    [
        ("skip: true", "skip: true"),
        ("context: [build]", "context: build"),
        ("context: [build, runtime]", ""),
        ("context: [deploy]", ""),
        ("tag: [x]", ""),
    ],
)
def test_a_step_may_say_itself_that_a_bed_passes_over_it(
    tmp_path: Path, modifiers: str, reason: str
) -> None:
    [step] = steps_of(tmp_path, f"check: x, port: 22, {modifiers}")
    assert step.skipped == reason


def test_an_include_names_a_candy(steps: dict[str, Step]) -> None:
    step = steps["candy-steps"]
    assert (step.intent, step.prose, step.timeout) == ("include", "nvidia", 300)
    assert step.verb is None
    assert step.skipped == ""


def test_an_id_takes_the_place_of_the_nodes_name(tmp_path: Path) -> None:
    named, unnamed = steps_of(tmp_path, "check: x, port: 22, id: other", "check: x, port: 22")
    assert (named.id, unnamed.id) == ("other", "s1")


def test_defaults_ask_for_what_people_mean(tmp_path: Path) -> None:
    port, command = steps_of(tmp_path, "check: x, port: 22", "check: x, command: 'true'")
    assert port.verb == PortVerb(port=22)
    assert isinstance(command.verb, CommandVerb)
    assert command.verb.exit_status == (Condition("equals", 0),)


@pytest.mark.parametrize(
    ("written", "conditions"),
    [
        (3, [("equals", 3)]),
        ("", [("equals", "")]),
        (["a", {"matches": "b"}], [("contains", "a"), ("matches", "b")]),
        ({"contains": ["a", "b"], "lt": 3}, [("contains", "a"), ("contains", "b"), ("lt", 3)]),
        ({"not_contains": "a"}, [("not_contains", "a")]),
    ],
)
def test_matchers(written: object, conditions: list[tuple[str, object]]) -> None:
    assert [(one.operator, one.value) for one in read_matcher(written)] == conditions


def test_a_plain_word_of_a_files_content_is_a_part_of_it() -> None:
    assert read_substrings("a") == (Condition("contains", "a"),)
    assert read_substrings({"equals": "a"}) == (Condition("equals", "a"),)


def test_steps_keep_the_files_order(steps: dict[str, Step]) -> None:
    assert list(steps)[:3] == ["a-file", "a-command", "a-package"]
    assert list(steps)[-1] == "plugged"
    assert [step.line for step in steps.values()] == sorted(step.line for step in steps.values())
