"""Whatever a file says, it is a project or a located error, and never a crash."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fixture_projects import GOOD, NOWHERE, data_of
from hypothesis import given, settings
from hypothesis import strategies as st

from charly_vm.errors import Problem, SpecError
from charly_vm.model.deploy import Deploy
from charly_vm.model.entity import VmEntity
from charly_vm.model.project import load_project
from charly_vm.model.step import INTENTS, Modifiers
from charly_vm.model.verbs import VERBS

WORDS = (
    *("vm", "candy", "resource", "group", "pod", "import", "discover", "version", "libvirt"),
    *("source", "from", "kind", "plan", "gpu", "plugin", "plugin_input", "base", "a", "a-libvirt"),
    *INTENTS,
    *VERBS,
    *Deploy.known_keys(),
    *VmEntity.known_keys(),
    *Modifiers.known_keys(),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(("bootstrap", "8G", "1h", "true", "@x/y:v1", "a", "", "0x10")),
    st.text(max_size=8),
)
keys = st.one_of(st.sampled_from(WORDS), st.text("abvm-_.", min_size=1, max_size=6))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "charly.yml"


def load(file: Path, data: Any) -> None:
    # JSON is YAML.
    file.write_text(json.dumps(data))
    problems: Sequence[Problem] = ()
    try:
        load_project(file, host=NOWHERE)
    except SpecError as error:
        problems = error.problems
    assert all(problem.line > 0 and problem.text for problem in problems)


@settings(max_examples=300)
@given(data=st.dictionaries(keys, values, max_size=4))
def test_any_nodes_are_a_project_or_located_problems(file: Path, data: dict[str, Any]) -> None:
    load(file, data)


@settings(max_examples=200)
@given(data=st.data())
def test_a_good_file_with_one_value_replaced_by_any_other_never_crashes(
    file: Path, data: st.DataObject
) -> None:
    project = data_of(data.draw(st.sampled_from(GOOD)).read_text())
    holder, key = data.draw(st.sampled_from(list(_places(project))))
    holder[key] = data.draw(values)
    load(file, project)


def _places(value: Any) -> Any:
    """Every mapping or list with each of its keys."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@settings(max_examples=200)
@given(text=st.text(max_size=120))
def test_any_text_is_a_project_or_an_error(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with contextlib.suppress(SpecError):
        load_project(file, host=NOWHERE)


@settings(max_examples=100)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_project_or_an_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with contextlib.suppress(SpecError):
        load_project(file, host=NOWHERE)
