"""Reading YAML: positions, and the surprises that are switched off."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import SpecError
from charly_vm.model.document import MOST_BYTES, Document, parse_document, read_document
from charly_vm.model.yaml_nodes import MOST_NODES

FILE = Path("charly.yml")


def parse(text: str) -> Document:
    return parse_document(FILE, text)


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("2224:22", "2224:22"),
        ("12:30", "12:30"),
        ("0644", "0644"),
        ("2026-11-24", "2026-11-24"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("42", 42),
        ("-7", -7),
        ("0x10", 16),
        ("0o17", 15),
        ("1.5", 1.5),
        ("'22'", "22"),
    ],
)
def test_a_scalar_means_what_its_author_meant(written: str, meant: object) -> None:
    data = parse(f"key: {written}").data
    assert data == {"key": meant}
    assert isinstance(data, dict)
    assert type(data["key"]) is type(meant)


def test_every_key_and_item_knows_its_line_and_column() -> None:
    document = parse("a:\n  b: [x, y]\n  c:\n    - d: 1\n")
    assert document.position(("a",)) == (1, 1)
    assert document.position(("a", "b")) == (2, 3)
    assert document.position(("a", "b", 1)) == (2, 10)
    assert document.position(("a", "c", 0, "d")) == (4, 7)


def test_a_problem_below_a_known_key_stands_at_that_key() -> None:
    problem = parse("a:\n  b: 1\n").problem(("a", "b", "missing"), "is required")
    assert str(problem) == "charly.yml:2:3: is required"


def test_a_duplicate_key_names_both_lines() -> None:
    assert problems("a: 1\nb: 2\na: 3\n") == [
        "charly.yml:3:1: the key 'a' is there already, in line 1"
    ]


def test_all_problems_are_found_in_one_go() -> None:
    assert len(problems("a: {x: 1, x: 2}\nb: !!python/object:os.system x\nc: {[1]: 2}\n")) == 3


def test_an_unsafe_tag_is_refused_where_it_stands() -> None:
    [problem] = problems("a:\n  b: !!python/object/apply:os.system ['true']\n")
    assert problem.startswith("charly.yml:2:6: the tag tag:yaml.org,2002:python")


def test_an_alias_that_contains_itself_is_refused() -> None:
    assert "an alias contains itself" in problems("a: &x [*x]\n")[0]


def test_a_document_that_multiplies_itself_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "expands to more than" in problems("\n".join(lines))[0]


def test_a_deeply_nested_document_is_an_error_and_not_a_crash() -> None:
    assert problems("[" * 100_000)


def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    data = parse("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\n").data
    assert data == {"base": {"x": 1, "y": 2}, "mine": {"x": 1, "y": 3}}


def test_broken_yaml_names_the_place() -> None:
    assert problems("a: [1, 2\nb: 3\n")[0].startswith("charly.yml:2:2: is not YAML")


def test_a_file_that_is_larger_than_any_project_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SpecError, match="is larger than 8 MiB"):
        read_document(file)


def test_a_document_of_too_many_values_is_refused_before_it_is_composed() -> None:
    assert "has more than" in problems(f"[{'x,' * (MOST_NODES + 1)}]")[0]


def test_a_control_character_is_told_with_its_place() -> None:
    assert problems("a: 1\nb: \x07\n") == [
        "charly.yml:2:4: is not YAML: control characters are not allowed"
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_document(file).data == {"a": 1}


@pytest.mark.parametrize("written", ["1.10", "0x10de", "0o17", "+5", "1.", "007"])
def test_a_scalar_is_also_known_as_it_was_written(written: str) -> None:
    document = parse(f"a: {{b: [{written}]}}\n")
    assert document.written(("a", "b", 0)) == written
    assert document.written(("a", "b")) is None
    assert document.written(("a", "c")) is None


def test_what_is_merged_in_stands_where_it_was_written() -> None:
    document = parse("base: &b\n  x: 1\n  y: {z: 2}\nmine:\n  <<: *b\n  x: 3\n")
    assert document.position(("mine", "x")) == (6, 3)
    assert document.position(("mine", "y", "z")) == (3, 7)


@pytest.mark.parametrize("merged", ["[1]", "1", "{<<: 3}", "[*b, 4]"])
def test_only_mappings_can_be_merged(merged: str) -> None:
    assert (
        "only a mapping can be merged" in problems(f"base: &b {{x: 1}}\na: {{<<: {merged}}}\n")[0]
    )


def test_of_several_merged_mappings_the_first_one_wins() -> None:
    data = parse("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n").data
    assert isinstance(data, dict)
    assert data["c"] == {"x": 1, "y": 2}


@given(st.text(max_size=200))
def test_any_text_is_either_data_or_a_located_error(text: str) -> None:
    with contextlib.suppress(SpecError):
        assert parse(text).position(()) == (1, 1)
