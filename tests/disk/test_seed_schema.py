"""Where cloud-init's schemas are found, and what they have against a document."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from charly_vm.disk.seed_schema import SCHEMAS, VARIABLE, find_schemas, find_violations
from charly_vm.errors import HostError

USERS = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "allOf": [{"properties": {"users": {"type": "array", "items": {"$ref": "#/$defs/user"}}}}],
    "$defs": {
        "user": {
            "oneOf": [
                {"type": "string"},
                {"type": "object", "properties": {"uid": {"type": "integer"}}},
            ]
        }
    },
}


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    (tmp_path / SCHEMAS["user-data"]).write_text(json.dumps(USERS))
    return tmp_path


def test_schemas_that_somebody_names_are_taken(
    schemas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(schemas))
    assert find_schemas() == schemas


def test_none_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "none")
    assert find_schemas() is None


def test_a_directory_without_schemas_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(HostError, match=rf"{VARIABLE} names {tmp_path}, where there is no"):
        find_schemas()


def test_those_of_the_set_up_are_found_beside_our_own_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    fetched = tmp_path / "share/cloud-init/schemas"
    fetched.mkdir(parents=True)
    (fetched / SCHEMAS["user-data"]).write_text(json.dumps(USERS))
    assert find_schemas() == fetched


def test_a_violation_names_its_place_and_the_nearest_alternative(schemas: Path) -> None:
    document = "#cloud-config\nusers: [default, {uid: seven}]\n"
    assert find_violations({"user-data": document}, schemas) == [
        "user-data: users.1.uid: 'seven' is not of type 'integer'"
    ]


def test_a_document_that_is_allowed_has_no_violations(schemas: Path) -> None:
    assert find_violations({"user-data": "#cloud-config\nusers: [default]\n"}, schemas) == []


def test_documents_without_a_schema_are_not_judged(schemas: Path) -> None:
    documents = {"meta-data": "- odd\n", "network-config": "- odd\n"}
    assert find_violations(documents, schemas) == []


def test_a_schema_that_is_none_is_named(schemas: Path) -> None:
    (schemas / SCHEMAS["user-data"]).write_text("{")
    with pytest.raises(HostError, match="cannot read cloud-init's schema"):
        find_violations({"user-data": "a: 1\n"}, schemas)
