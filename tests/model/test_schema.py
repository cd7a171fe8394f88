"""The JSON Schema itself: whole, pure, and as strict as the models that it is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fixture_projects import complaints, data_of, is_refused, problems_of, validator

from charly_vm.model.schema import render_schema

ENTITY = "e: {vm: {source: {kind: bootstrap}}}\n"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return render_schema()


def references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if not isinstance(schema, dict):
        return set()
    found = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return found.union(*map(references, schema.values()))


def test_it_is_a_schema_of_draft_2020_12(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert type(validator()).__name__ == "Draft202012Validator"


def test_it_has_every_definition_that_it_refers_to_and_no_other(schema: dict[str, Any]) -> None:
    assert references(schema) == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_it_is_the_same_every_time(schema: dict[str, Any]) -> None:
    assert render_schema() == schema


UNUSUAL = (
    "d: {vm: e, s: {check: 3, port: 22}}",
    "d: {vm: {from: e, env: {A: 1, B: true, C: }}}",
    "d: {vm: {from: e, disposable: yes, ephemeral: {ttl: 1h30m}}}",
    "d: {vm: {from: e, ephemeral: true, disposable: true}}",
    "d: {vm: e, vm-libvirt: {env: {A: b}}}",
    "d: {vm: e, pod: {check: a step called like a kind, port: 22}}",
    "d: {vm: e, env: {check: a step called like a block, port: 22}}",
    "d: {vm: e, db: {vm: {from: e}}}",
    "d: {someplugin: {vmm: 3}, db: {vm: {from: anything at all, goes: here}}}",
    "d: {someplugin: 3}",
    "d: {someplugin: {a: 1}, vm: {vm: {from: anything}}, pod: {check: x, port: 22}}",
    "d: {candy: {package: [x]}}",
    "d: {pod: {image: x}, resource: {vm: e}}",
    "d: {candy: {description: x, package: [y]}, vm: {vm: e}}",
    "d: {candy: {base: x}, anything: [goes]}",
    "d: {vm: e, inner: {someplugin: {a: 1}, innermost: {pod: {}}}}",
    "import: []\ndiscover:\ndefaults: {anything: goes}\nversion: 2026.174",
    "'@odd name/':\n  pod: {}",
)

WRONG = (
    "d: {vm: e, s: {check: x, port: 22, foo: 1}}",
    "d: {vm: e, s: {check: x, port: {port: 22, foo: 1}}}",
    "d: {vm: e, s: {check: x, port: {listening: true}}}",
    "d: {vm: e, s: {check: x, plugin: port, plugin_input: {port: 22, foo: 1}}}",
    "d: {vm: e, s: {check: x, plugin: port}}",
    "d: {vm: e, s: {run: x, copy: a}}",
    "d: {vm: e, s: {check: x}}",
    "d: {vm: e, t: {ram: 3}}",
    "d: {vm: {check: x, port: 22}}",
    "d: {candy: {package: [x]}, add_candy: [y]}",
    "d: {resource: {gpu: {vendor: 10de}}, other: 3}",
    "x: {vm: {source: {kind: bootstrap}, network: {mac: 3}}}",
    "x: {vm: {source: {kind: bootstrap}, ssh: {key_source: 0}}}",
    "d: {vm: e, t: {a: 1, b: 2}}",
    "d: {vm: e, vn: {from: e}}",
    "d: {vm: e, group: {description: x}}",
    "d: {vm: {from: e, ephemeral: true, disposable: false}}",
    "d: {vm: {agent_provisioned: true, libvirt: {}}}",
    "d: {vm: {agent_provisioned: false}}",
    "d: {a: 1, b: 2, vmm: 3}",
    "resorce: {nvidia: {gpu: {vendor: 10de}}, other: }",
    "import: [{a.b: c}]",
    "discover: [{path: x, recursive: maybe}]",
    "x: {vm: {source: {kind: bootstrap, url: https://x}}}",
    "x: {vm: {source: {kind: bootstrap}, ssh: {port: 22, port_auto: true}}}",
    "x: {vm: {source: {kind: bootstrap}, network: {port_forwards: [80]}}}",
)


@pytest.mark.parametrize("written", UNUSUAL)
def test_what_is_unusual_and_good_is_taken_by_both(written: str, tmp_path: Path) -> None:
    assert problems_of(tmp_path, ENTITY + written) == []
    assert complaints(data_of(ENTITY + written)) == []


@pytest.mark.parametrize("written", WRONG)
def test_what_is_wrong_is_refused_by_both(written: str, tmp_path: Path) -> None:
    assert problems_of(tmp_path, ENTITY + written)
    assert is_refused(data_of(ENTITY + written))
