"""The page as a document: what stands in it, and that no guest's text gets out of its place."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sample_run import BEGAN, bed_of, write_sample

from charly_vm.report.evidence import gather_evidence
from charly_vm.report.model import (
    BedEvidence,
    BedRecord,
    EvidenceFile,
    Fault,
    Outcome,
    Picture,
    RunRecord,
    Span,
    Timings,
)
from charly_vm.report.page import Page, render_page, size

HOSTILE = (
    "</pre></title></style><script>alert(1)</script>'\"<img src=x onerror=y>&amp;\x1b[31m\0\ud800"
)


class Parsed(HTMLParser):
    """A document's elements, ids, links and text. Raises where an element is closed out of turn."""

    EMPTY = ("meta", "link", "input", "img")

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(document)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        known = {name: value or "" for name, value in attrs}
        self.attributes += known.items()
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known["href"]] if "href" in known else []
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data


def run_of(*beds: BedRecord, cut_short: str = "") -> RunRecord:
    return RunRecord("p.yml", "pytest", "h", "0", "", (), BEGAN, BEGAN + 90, beds, cut_short)


def page_of(*beds: BedRecord, cut_short: str = "") -> Page:
    return Page(run_of(*beds, cut_short=cut_short), {bed.name: BedEvidence() for bed in beds})


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def document(directory: Path) -> str:
    run = write_sample(directory, beds=4)
    return render_page(run, gather_evidence(run, directory))


def test_every_link_leads_somewhere_and_every_anchor_is_one(document: str, directory: Path) -> None:
    from urllib.parse import unquote

    (directory / "run.json").touch()
    parsed = Parsed(document)
    assert sorted(set(parsed.ids)) == sorted(parsed.ids)
    inside = [link for link in parsed.links if link.startswith("#")]
    files = [unquote(link) for link in parsed.links if link[0] != "#" and link != "data:,"]
    assert len(inside) >= 10
    assert [link for link in inside if link[1:] not in parsed.ids] == []
    assert len(files) > 80
    assert [link for link in files if not (directory / link).is_file()] == []


def test_nothing_outside_of_the_page_is_asked_for(document: str) -> None:
    parsed = Parsed(document)
    sources = [value for name, value in parsed.attributes if name in ("src", "srcset", "action")]
    assert sources
    assert all(value.startswith("data:image/webp;base64,") for value in sources)
    assert not re.search(r"@import|url\(|https?://", document)


def test_failures_come_with_prose_place_expectation_and_finding(document: str) -> None:
    text = " ".join(Parsed(document).text.split())
    assert "2 checks failed; 1 bed could not be had" in text
    assert (
        "the image greets with its own message motd [deployed] and [rebuilt] · the guest is not as "
        "the check wants it · beds/charly.yml:14 · 0.5 s stdout: expected "
        "contains 'Welcome to the lab image' found 'Debian GNU/Linux 12 \\\\n \\\\l'"
    ) in text
    assert "waited 600 s for SSH; last seen: connection refused" in text


def test_beds_that_failed_come_first(document: str) -> None:
    beds = [one for one in Parsed(document).ids if one.startswith("bed-")]
    assert beds == [
        *("bed-check-debian-1", "bed-check-matrix-f43"),
        *("bed-check-matrix-f40", "bed-check-debian-2"),
    ]


def test_hostile_text_stays_text_wherever_it_comes_from() -> None:
    bed = bed_of("check-x", BEGAN, bad="check")
    checks = [
        replace(
            check,
            id=f"{HOSTILE}::{HOSTILE}[{check.phase}]",
            name=HOSTILE,
            title=HOSTILE,
            where=HOSTILE,
            reason=HOSTILE,
            text=HOSTILE,
            output=HOSTILE,
            mismatches=tuple(replace(one, found=HOSTILE) for one in check.mismatches),
        )
        for check in bed.checks
    ]
    broken = [replace(check, mismatches=(), phase=HOSTILE) for check in checks[2:3]]
    bed = replace(bed, name=HOSTILE, directory=HOSTILE, checks=(*checks, *broken))
    file = EvidenceFile(HOSTILE, HOSTILE, HOSTILE, 1, text=HOSTILE, part=HOSTILE)
    picture = replace(file, text="", picture=Picture("data:,", 1, 1))
    spans = (Span("deployed", HOSTILE, BEGAN, 1), Span(HOSTILE, HOSTILE, BEGAN, 1))
    evidence = BedEvidence(Timings(HOSTILE, HOSTILE, HOSTILE, spans), (file, picture))
    run = replace(run_of(bed), project=HOSTILE, command=HOSTILE, commit=HOSTILE, cut_short=HOSTILE)
    document = render_page(run, {HOSTILE: evidence})
    parsed = Parsed(document)
    assert parsed.elements.count("script") == 1
    assert parsed.elements.count("img") == 1
    assert "alert(1)" in parsed.text
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", document)


def test_no_style_and_no_script_but_the_pages_own_is_allowed(document: str) -> None:
    parsed = Parsed(document)
    policy = next(value for name, value in parsed.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert [name for name, _ in parsed.attributes if name == "style"] == []


def test_many_failures_keep_the_page_small() -> None:
    bed = bed_of("check-x", BEGAN, bad="check")
    failed = replace(bed.checks[2], text="why " * 5_000, mismatches=())
    checks = [
        replace(failed, id=f"charly.yml::x::c{number}[deployed]", name=f"c{number}")
        for number in range(1000)
    ]
    assert len(
        render_page(run_of(replace(bed, checks=tuple(checks))), {"check-x": BedEvidence()})
    ) < (3_000_000)


def with_outcome(outcome: Outcome, fault: Fault | None = None) -> BedRecord:
    bed = bed_of("check-x", BEGAN)
    return replace(bed, checks=(replace(bed.checks[0], outcome=outcome, fault=fault),))


@pytest.mark.parametrize(
    ("bed", "verdict", "mood"),
    [
        (with_outcome(Outcome.PASSED), "1 check passed", "good"),
        (bed_of("check-x", BEGAN), "12 checks passed", "good"),
        (with_outcome(Outcome.FAILED, Fault.CHECK), "1 check failed", "bad"),
        (with_outcome(Outcome.ERROR, Fault.BED), "1 bed could not be had", "unsure"),
        (with_outcome(Outcome.ERROR, Fault.CHARLY), "1 error of charly itself", "bad"),
        (with_outcome(Outcome.SKIPPED), "Nothing was checked", "unsure"),
        (with_outcome(Outcome.NOT_RUN), "Not finished", "unsure"),
    ],
)
def test_the_verdict_keeps_whose_fault_apart(bed: BedRecord, verdict: str, mood: str) -> None:
    page = page_of(bed)
    assert (page.verdict, page.mood) == (verdict, mood)


def test_a_run_that_ended_early_is_no_pass() -> None:
    page = page_of(bed_of("check-x", BEGAN), cut_short="interrupted")
    assert (page.verdict, page.mood) == ("Not finished", "unsure")


def test_a_bed_whose_rest_did_not_run_is_no_pass() -> None:
    bed = bed_of("check-x", BEGAN)
    bed = replace(bed, checks=(replace(bed.checks[0], outcome=Outcome.NOT_RUN), *bed.checks[1:]))
    assert bed.outcome is Outcome.NOT_RUN
    assert (page_of(bed).verdict, page_of(bed).mood) == ("Not finished", "unsure")


def test_a_bed_of_which_a_part_was_skipped_passed() -> None:
    bed = bed_of("check-x", BEGAN)
    bed = replace(bed, checks=(replace(bed.checks[0], outcome=Outcome.SKIPPED), *bed.checks[1:]))
    assert bed.outcome is Outcome.PASSED
    assert (page_of(bed).verdict, page_of(bed).mood) == ("11 checks passed, 1 skipped", "good")


def test_tests_of_one_name_have_anchors_of_their_own() -> None:
    bed = bed_of("check-x", BEGAN)
    ids = [
        *("a/test_x.py::test_it[deployed]", "b/test_x.py::test_it[deployed]"),
        *("a/test_x.py::TestA::test_it[deployed]", "a/test_x.py::TestB::test_it[deployed]"),
    ]
    checks = [replace(bed.checks[0], id=one, name="test_it") for one in ids]
    parsed = Parsed(
        render_page(run_of(replace(bed, checks=tuple(checks))), {"check-x": BedEvidence()})
    )
    assert sorted(set(parsed.ids)) == sorted(parsed.ids)
    assert sum(one.startswith("check-") for one in parsed.ids) == 4


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (1023, "1023 B"), (8192, "8 KiB"), (3_500_000, "3.3 MiB")]
)
def test_sizes_are_for_people(count: int, told: str) -> None:
    assert size(count) == told
