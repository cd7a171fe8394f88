"""The projects beside the tests: good ones, bad ones, and a large one of many files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from charly_vm.errors import SpecError
from charly_vm.model.document import parse_document
from charly_vm.model.project import Project, load_project
from charly_vm.model.schema import render_schema

PROJECTS = Path(__file__).parent / "projects"
NOWHERE = Path("/nonexistent/charly.yml")
"""Stands for a per-host file that nobody has written."""

GOOD = sorted((PROJECTS / "good").glob("*.yml"))
BAD = sorted((PROJECTS / "bad").glob("*.yml"))
TOGETHER = sorted((PROJECTS / "together").glob("*.yml"))
"""Bad ones, whose parts are good each by itself."""

WIDER = PROJECTS / "wider" / "charly.yml"
WIDER_FILES = [
    file for file in sorted((PROJECTS / "wider").rglob("*.yml")) if ".hidden" not in file.parts
]


def load(file: Path, host: Path = NOWHERE) -> Project:
    return load_project(file, host=host)


def load_text(directory: Path, text: str, host: Path = NOWHERE) -> Project:
    file = directory / "charly.yml"
    file.write_text(text)
    return load_project(file, host=host)


def problems_of(directory: Path, text: str, host: Path = NOWHERE) -> list[str]:
    """What is wrong with a project, without the name of its file in front."""
    try:
        load_text(directory, text, host)
    except SpecError as error:
        prefix = f"{directory / 'charly.yml'}:"
        return [str(problem).removeprefix(prefix) for problem in error.problems]
    return []


@cache
def validator() -> Any:
    """A stock validator with our schema."""
    import jsonschema

    schema = render_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def is_refused(data: Any) -> bool:
    """Whether the JSON Schema refuses a file's data."""
    return not validator().is_valid(data)


def complaints(data: Any) -> list[str]:
    """What the stock validator says, in a line each."""
    return [f"{error.json_path}: {error.message[:200]}" for error in validator().iter_errors(data)]


def data_of(text: str) -> Any:
    return parse_document(Path("charly.yml"), text).data
