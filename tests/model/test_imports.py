"""Files that bring in files: flat, under an alias, discovered, from the host; and circles."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixture_projects import load, load_text, problems_of

from charly_vm.errors import SpecError

ENTITY = "{vm: {source: {kind: bootstrap}}}"


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_yml", ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_flat_import_adds_nodes_and_the_importing_file_wins(tmp_path: Path) -> None:
    write(tmp_path, a_yml=f"x: {ENTITY}\ny: {{vm: {{source: {{kind: bootstrap}}, cpu: 7}}}}\n")
    project = load_text(tmp_path, f"import: [a.yml]\ny: {ENTITY}\nd: {{vm: x}}\n")
    assert project.target("d").entity_name == "x"
    assert project.entities["y"].vm.cpu == 2
    [hidden] = [node for node in project.nodes if not node.runs]
    assert hidden.skipped == f"the one in {tmp_path / 'charly.yml'}:2 takes precedence"
    assert project.warnings == ()


def test_of_two_imports_the_later_wins_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, a_yml=f"x: {ENTITY}\n", b_yml="x: {vm: {source: {kind: bootstrap}, cpu: 5}}\n")
    project = load_text(tmp_path, "import: [a.yml, b.yml]\n")
    assert project.entities["x"].vm.cpu == 5
    [warning] = project.warnings
    assert str(warning) == (
        f"{tmp_path / 'b.yml'}:1:1: x: hides the one of the same name in {tmp_path / 'a.yml'}:1"
    )


def test_an_alias_stands_in_front_of_names_and_references_stay_inside(tmp_path: Path) -> None:
    write(
        tmp_path,
        sub__charly_yml=f"x: {ENTITY}\nd: {{vm: x}}\nimport: [{{deep: deep.yml}}]\n",
        sub__deep_yml="e: {vm: x}\n",
    )
    project = load_text(tmp_path, f"import: [{{sub: sub}}]\nx: {ENTITY}\nd: {{vm: sub.x}}\n")
    assert list(project.entities) == ["x", "sub.x"]
    assert project.target("sub.d").entity_name == "sub.x"
    assert project.target("d").entity_name == "sub.x"
    assert project.target("sub.deep.e").entity_name == "sub.x"
    assert project.target("sub.d").domain == "charly-sub.d"


def test_a_file_that_is_imported_twice_is_read_once_and_complains_once(tmp_path: Path) -> None:
    write(tmp_path, a_yml="import: [c.yml]\n", b_yml="import: [c.yml]\n", c_yml="x: {vm: 3}\n")
    with pytest.raises(SpecError) as caught:
        load_text(tmp_path, "import: [a.yml, b.yml, {again: c.yml}]\n")
    assert len(caught.value.problems) == 1


def test_a_circle_is_refused_where_it_closes(tmp_path: Path) -> None:
    write(tmp_path, a_yml="import: [b.yml]\n", b_yml="import: [a.yml]\n")
    [problem] = problems_of(tmp_path, "import: [a.yml]\n")
    assert problem.endswith("b.yml:1:10: import: goes in a circle: a.yml -> b.yml -> a.yml")


def test_a_circle_through_an_alias_or_the_project_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a_yml="import: [{me: charly.yml}]\n")
    [problem] = problems_of(tmp_path, "import: [a.yml]\n")
    assert "goes in a circle" in problem


def test_everything_that_is_wrong_in_all_files_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, a_yml="x: {vm: 3}\n", b_yml="a: [\n", c_yml="y: {vn: 3}\n")
    told = problems_of(tmp_path, "import: [a.yml, b.yml, c.yml, gone.yml]\nz: 3\n")
    assert [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in told] == [
        *("1:31", "2:1", "a.yml:1:5", "b.yml:2:1", "c.yml:1:5")
    ]


def test_discovery_finds_files_below_a_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        candy__a__charly_yml="a: {candy: {}}\n",
        candy__deep__er__charly_yml="b: {candy: {}}\n",
        candy__output__charly_yml="generated: {candy: {}}\n",
    )
    shallow = load_text(tmp_path, "discover: [{path: candy}]\n")
    assert list(shallow.candies) == ["a"]
    deep = load_text(tmp_path, "discover: [{path: candy, recursive: true}]\n")
    assert list(deep.candies) == ["a", "b"]


def test_discovery_passes_over_links_that_lead_back(tmp_path: Path) -> None:
    write(tmp_path, candy__charly_yml="a: {candy: {}}\n")
    (tmp_path / "candy" / "loop").symlink_to(tmp_path)
    project = load_text(tmp_path, "discover: [{path: ., recursive: true}]\n")
    assert list(project.candies) == ["a"]


def test_a_reference_to_a_repository_is_a_known_unknown(tmp_path: Path) -> None:
    text = (
        "import: ['@github.com/x/y:v1', {alias: '@github.com/x/z:v1'}]\n"
        f"e: {ENTITY}\na: {{vm: alias.thing}}\nb: {{vm: thing}}\nc: {{vm: '@github.com/x/q:v1'}}\n"
    )
    project = load_text(tmp_path, text)
    assert [one.namespace for one in project.unfetched] == ["", "alias."]
    assert not any(project.deploys[name].entity for name in "abc")
    for name, reference in (("a", "x/z"), ("b", "x/y"), ("c", "x/q")):
        with pytest.raises(SpecError, match=f"{reference}:v1 is not fetched"):
            project.target(name)


def test_a_name_that_is_nearly_one_of_ours_is_a_mistake_and_no_unknown(tmp_path: Path) -> None:
    text = f"import: ['@github.com/x/y:v1']\ndebian-vm: {ENTITY}\na: {{vm: debain-vm}}\n"
    assert problems_of(tmp_path, text) == [
        "3:5: there is no VM entity 'debain-vm'; did you mean 'debian-vm'?"
    ]


class TestTheHostsFile:
    def test_its_nodes_take_precedence_and_may_be_about_other_projects(
        self, tmp_path: Path
    ) -> None:
        host = tmp_path / "host.yml"
        host.write_text("d: {vm: {from: e, disposable: true}}\nother: {vm: elsewhere}\n")
        project = load_text(tmp_path, f"e: {ENTITY}\nd: {{vm: e}}\n", host)
        assert project.target("d").disposable
        assert project.deploys["d"].file == str(host)
        with pytest.raises(SpecError, match="its entity elsewhere is not in this project"):
            project.target("other")

    def test_it_adds_to_a_deploy_without_naming_its_entity(self, tmp_path: Path) -> None:
        host = tmp_path / "host.yml"
        host.write_text("d: {vm: {preemptible: [nvidia-gpu]}}\nother: {vm: {ram: 1G}}\n")
        step = "s: {check: x, port: 22}"
        text = f"e: {ENTITY}\nd:\n  vm: {{from: e, disposable: true}}\n  {step}\n"
        project = load_text(tmp_path, text, host)
        listed = [(one.name, one.role, one.skipped) for one in project.nodes]
        assert ("d", "overlay", "") in listed
        assert ("other", "overlay", "it adds to a deploy that is not in this project") in listed
        node = project.deploys["d"]
        assert node.deploy.preemptible is not None
        assert node.deploy.preemptible.holds == ("nvidia-gpu",)
        assert node.disposable
        assert [step.id for step in node.steps] == ["s"]

    def test_what_it_adds_is_checked_against_the_rest(self, tmp_path: Path) -> None:
        host = tmp_path / "host.yml"
        host.write_text("d: {vm: {preemptible: [gpu]}}\n")
        text = f"e: {ENTITY}\nd: {{vm: {{from: e, requires_exclusive: [gpu]}}}}\n"
        [problem] = problems_of(tmp_path, text, host)
        assert problem.startswith(f"{host}:1:10: preemptible: 'gpu' is required by the same")

    def test_a_mistake_in_it_is_told_with_its_own_name(self, tmp_path: Path) -> None:
        host = tmp_path / "host.yml"
        host.write_text("d: {vm: {from: e, disposabl: true}}\n")
        [problem] = problems_of(tmp_path, f"e: {ENTITY}\n", host)
        assert problem.startswith(f"{host}:1:19: unknown key 'disposabl'")

    def test_it_is_found_in_the_config_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from charly_vm.model.host_file import host_file

        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert host_file() == tmp_path / "charly" / "charly.yml"


def test_what_ships_with_charly_may_be_said_otherwise(tmp_path: Path) -> None:
    shipped = load_text(tmp_path, "")
    assert shipped.resources["nvidia-gpu"].resource.gpu.vendor == "0x10de"  # type: ignore[union-attr]
    project = load_text(tmp_path, "nvidia-gpu: {resource: {gpu: {vendor: '1234'}}}\n")
    assert project.resources["nvidia-gpu"].resource.gpu.vendor == "0x1234"  # type: ignore[union-attr]
    assert project.warnings == ()


def test_a_project_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load(tmp_path / "charly.yml")
