"""timings.json: what is right in it is used, whatever else is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from charly_vm.report.model import Span, Timings
from charly_vm.report.timings import read_timings

GOOD = {"phase": "deployed", "what": "boot", "began": 110.0, "seconds": 5, "outcome": "ok"}


def read(directory: Path, data: Any) -> Timings:
    file = directory / "timings.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return read_timings(file, began=100, ended=200)


def test_facts_and_spans_are_read_in_their_order(tmp_path: Path) -> None:
    late = {**GOOD, "began": 150, "outcome": "failed", "depth": 1}
    facts = {"version": 1, "entity": "vm", "backend": "qemu", "accelerator": "tcg"}
    timings = read(tmp_path, {**facts, "spans": [late, GOOD]})
    assert (timings.entity, timings.backend, timings.accelerator) == ("vm", "qemu", "tcg")
    assert timings.spans == (
        Span("deployed", "boot", 110.0, 5.0),
        Span("deployed", "boot", 150.0, 5.0, failed=True, depth=1),
    )
    assert timings.outermost == timings.spans[:1]


def test_what_an_earlier_run_has_noted_is_not_this_ones(tmp_path: Path) -> None:
    data = {"entity": "vm", "spans": [{**GOOD, "began": 10}]}
    assert read(tmp_path, data) == Timings()


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, 3, "x", [], {}),
        *({**GOOD, "began": value} for value in (None, "x", -1, True, 1e400, "NaN")),
        *({**GOOD, "seconds": value} for value in (None, -1, float("nan"))),
        {**GOOD, "began": 10**400},
    ],
)
def test_a_span_that_is_none_is_left_out(tmp_path: Path, wrong: Any) -> None:
    timings = read(tmp_path, {"spans": [wrong, GOOD]})
    assert timings.spans == (Span("deployed", "boot", 110.0, 5.0),)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"spans": 3}', "[" * 100_000, "\0"])
def test_a_file_that_is_nonsense_is_as_none(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Timings()


def test_names_that_are_none_are_empty(tmp_path: Path) -> None:
    timings = read(tmp_path, {"entity": 3, "spans": [{**GOOD, "phase": None, "depth": "x"}]})
    assert timings == Timings(spans=(Span("", "boot", 110.0, 5.0),))


def test_no_file_is_no_timings(tmp_path: Path) -> None:
    assert read_timings(tmp_path / "timings.json", began=0, ended=1) == Timings()
