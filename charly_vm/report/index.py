"""`index.html`: what is in a directory of evidence, as a page beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from charly_vm.host.files import write_atomically
from charly_vm.report.evidence import gather_evidence, list_evidence
from charly_vm.report.model import CheckRecord, RunRecord
from charly_vm.report.page import render_page
from charly_vm.report.run_file import write_run
from charly_vm.report.text import shortened

NAME = "index.html"

TEXT_LIMIT = 20_000
"""Characters of a failure that are kept, and of what a check has printed."""


def write_index(run: RunRecord, directory: Path) -> Path:
    """Render the page of a run from the files in `directory`, and return its path.

    Raises `HostError` where it cannot be written.
    """
    page = render_page(run, gather_evidence(run, directory))
    file = directory / NAME
    write_atomically(file, page.encode(errors="replace"))
    return file


def write_report(run: RunRecord, directory: Path) -> Path:
    """Record a run that is over, with the evidence that its beds have left in `directory`, and
    render its page. Returns the page's path; raises `HostError` where something cannot be written.
    """
    beds = tuple(
        replace(
            bed,
            files=list_evidence(directory / bed.directory, since=run.began),
            checks=tuple(map(_bounded, bed.checks)),
        )
        for bed in run.beds
    )
    run = replace(run, beds=beds)
    write_run(run, directory)
    return write_index(run, directory)


def _bounded(check: CheckRecord) -> CheckRecord:
    mismatches = tuple(
        replace(
            one,
            expected=shortened(one.expected, TEXT_LIMIT),
            found=shortened(one.found, TEXT_LIMIT),
        )
        for one in check.mismatches
    )
    text, output = (shortened(text, TEXT_LIMIT) for text in (check.text, check.output))
    return replace(check, mismatches=mismatches, text=text, output=output)
