"""`run.json` in the directory of evidence: what became of the latest run, for programs and for
rendering the page anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from charly_vm.errors import StateError
from charly_vm.host.files import explain_os_errors, make_ignored_directory, write_atomically
from charly_vm.report.model import RunRecord

VERSION = 1
NAME = "run.json"

EVIDENCE_DIRECTORY = "charly-evidence"
"""Where evidence goes beside a project, unless somebody says otherwise."""


def write_run(run: RunRecord, directory: Path) -> Path:
    """Write the record into a directory of evidence, which git ignores. Raises `HostError`."""
    file = make_ignored_directory(directory) / NAME
    write_atomically(file, run_as_json(run).encode(errors="replace"))
    return file


def run_as_json(run: RunRecord) -> str:
    data = {"version": VERSION, **dataclasses.asdict(run)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def read_run(directory: Path) -> RunRecord:
    """The record of the latest run. Raises `StateError` where there is none to be read."""
    # Half of a second of validators, which writing does without.
    from pydantic import TypeAdapter, ValidationError

    file = directory / NAME
    try:
        with explain_os_errors(f"read {file}"):
            data = json.loads(file.read_bytes()) if file.exists() else None
    except ValueError as error:
        raise StateError(
            f"{file} is damaged: {error}", hint="run the beds again; that writes it anew"
        ) from error
    if data is None:
        raise StateError(
            f"there is no run in {directory}",
            hint="run a bed first, as in `charly check run NAME`, "
            "or name the directory of its evidence with --evidence",
        )
    version = data.pop("version", None) if isinstance(data, dict) else None
    if version != VERSION:
        raise StateError(
            f"{file} is not a record that this charly reads (format {version}, not {VERSION})",
            hint="run the beds again; that writes it anew",
        )
    try:
        return TypeAdapter(RunRecord).validate_python(data)
    except ValidationError as error:
        raise StateError(
            f"{file} is not the record of a run: {error.errors()[0]['msg']}",
            hint="run the beds again; that writes it anew",
        ) from error
