"""run.json: what is written can be read again, and what cannot be read is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_run import write_sample

from charly_vm.errors import HostError, StateError
from charly_vm.report.index import write_report
from charly_vm.report.run_file import NAME, read_run, write_run


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = write_sample(tmp_path, beds=2)
    write_run(run, tmp_path)
    assert read_run(tmp_path) == run
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_what_is_no_unicode_does_not_keep_a_run_from_being_written(tmp_path: Path) -> None:
    run = replace(write_sample(tmp_path, beds=1), command="pytest \udcff")
    write_run(run, tmp_path)
    assert read_run(tmp_path).command == "pytest ?"


def test_no_run_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"there is no run in .*\n.*charly check run NAME"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged"),
        ("\xff", "is damaged"),
        ("[]", "format None, not 1"),
        ('{"version": 2}', "format 2, not 1"),
        ('{"version": 1, "project": 3}', "is not the record of a run"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="latin-1")
    with pytest.raises(StateError, match=said):
        read_run(tmp_path)


def test_an_unknown_outcome_is_refused_and_not_taken_for_a_pass(tmp_path: Path) -> None:
    file = write_run(write_sample(tmp_path, beds=1), tmp_path)
    data = json.loads(file.read_text())
    data["beds"][0]["checks"][0]["outcome"] = "fine"
    file.write_text(json.dumps(data))
    with pytest.raises(StateError, match="not the record of a run"):
        read_run(tmp_path)


def test_a_place_where_nothing_can_be_written_is_an_error_of_the_host(tmp_path: Path) -> None:
    run = write_sample(tmp_path / "there", beds=1)
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot create the directory"):
        write_run(run, tmp_path / "file")


def test_a_failure_without_end_is_kept_by_its_beginning_and_its_end(tmp_path: Path) -> None:
    run = write_sample(tmp_path, beds=2)
    checks = [replace(one, text="x" * 1_000_000 + "end") for one in run.beds[1].checks]
    run = replace(run, beds=(run.beds[0], replace(run.beds[1], checks=tuple(checks))))
    write_report(run, tmp_path)
    for check in read_run(tmp_path).beds[1].checks:
        assert len(check.text) < 21_000
        assert check.text.endswith("xend")
