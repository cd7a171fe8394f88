"""The report of a run: what became of every check, whichever process it ran in."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from stand_in_project import write_project

from charly_vm import (
    BedRecord,
    CheckRecord,
    Fault,
    MismatchRecord,
    Outcome,
    RunRecord,
    load_project,
)
from charly_vm.report.run_file import read_run
from pytest_charly.check_records import check_name, directory_of

pytestmark = pytest.mark.slow

BEDS = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  good: {check: all is well, command: "true"}
  greets: {check: it greets, command: echo moin, stdout: hello}
check-two:
  vm: {from: shape, disposable: true, matrix: {ram: [2G, 3G]}}
  good: {check: all is well, command: "true"}
"""

MODULE = """\
import pytest
from pytest_charly import Bed
bed = Bed("check-one")

class TestGuest:
    @pytest.mark.parametrize("address", ["::1", "127.0.0.1"])
    def test_address(self, vm, address):
        '''The guest has its address.

        And more.
        '''

def test_compares(vm):
    print("some output")
    assert len("abc") == 4

@pytest.mark.rebuilt_only
def test_skips(vm):
    pytest.skip("not today")

@pytest.mark.deployed_only
@pytest.mark.xfail(reason="known")
def test_known(vm):
    assert False
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    (pytester.path / "charly.yml").write_text(BEDS)
    (pytester.path / "test_two.py").unlink()
    (pytester.path / "test_one.py").write_text(MODULE)
    return pytester


def report(project: pytest.Pytester) -> RunRecord:
    return read_run(project.path / "charly-evidence")


def run(project: pytest.Pytester, *words: str, bed: str = "check-one") -> pytest.RunResult:
    return project.runpytest_subprocess(f"--charly-bed={bed}", *words)


def outcomes(bed: BedRecord, phase: str) -> dict[str, str]:
    return {check.name: check.outcome.value for check in bed.in_phase(phase)}


def find(run: RunRecord, name: str, phase: str = "deployed") -> CheckRecord:
    return next(one for one in run.checks if (one.name, one.phase) == (name, phase))


def test_the_record_has_every_check_with_its_words_and_its_fault(project: pytest.Pytester) -> None:
    result = run(project)
    result.stdout.fnmatch_lines(
        ["charly: 4 checks failed", "charly: report charly-evidence/index.html"]
    )
    record = report(project)
    (bed,) = record.beds
    assert (bed.name, bed.directory, bed.outcome) == ("check-one", "check-one", Outcome.FAILED)
    both = {
        "good": "passed",
        "greets": "failed",
        "test_address[::1]": "passed",
        "test_address[127.0.0.1]": "passed",
        "test_compares": "failed",
    }
    assert outcomes(bed, "deployed") == {**both, "test_known": "skipped"}
    assert outcomes(bed, "rebuilt") == {**both, "test_skips": "skipped"}
    greets = find(record, "greets")
    assert greets.id == "charly.yml::check-one::greets[deployed]"
    assert (greets.title, greets.where, greets.fault) == ("it greets", "charly.yml:6", Fault.CHECK)
    assert greets.mismatches == (MismatchRecord("stdout", "'hello'", "'moin'"),)
    assert greets.reason == "stdout: expected 'hello', found 'moin'"
    compares = find(record, "test_compares")
    assert compares.reason == "AssertionError: assert 3 == 4"
    assert "assert len" in compares.text
    assert "some output" in compares.output
    assert find(record, "test_address[::1]").title == "The guest has its address."
    assert find(record, "test_skips", "rebuilt").reason == "not today"
    assert find(record, "test_known").reason == "expected to fail: known"
    for check in record.checks:
        assert record.began <= check.waited_from <= check.began <= check.ended <= record.ended
    assert record.project == str(project.path / "charly.yml")
    assert "--charly-bed=check-one" in record.command
    assert [one.name for one in record.accelerators if one.works]
    assert record.cut_short == ""
    page = (project.path / "charly-evidence" / "index.html").read_text()
    assert "4 checks failed" in page
    assert "&#39;moin&#39;" in page


def test_workers_give_the_same_record_as_one_process(project: pytest.Pytester) -> None:
    def plain(record: RunRecord) -> object:
        return [
            (bed.name, [(c.id, c.name, c.title, c.where, c.outcome, c.fault, c.mismatches, c.reason)
                        for c in bed.checks])
            for bed in record.beds
        ]  # fmt: skip

    run(project, bed="check-*")
    alone = report(project)
    (project.path / "charly-evidence" / "run.json").unlink()
    result = run(project, "-n2", bed="check-*")
    result.stdout.fnmatch_lines("charly: report charly-evidence/index.html")
    assert plain(report(project)) == plain(alone)
    assert [bed.name for bed in alone.beds] == ["check-one", "check-two[2G]", "check-two[3G]"]


def test_a_variants_evidence_is_looked_for_where_the_engine_puts_it(tmp_path: Path) -> None:
    from charly_vm import BedRun, targets_of

    (tmp_path / "charly.yml").write_text(BEDS)
    loaded = load_project(tmp_path / "charly.yml")
    node = loaded.deploys["check-two"]
    target = targets_of(loaded, node)[0]
    assert BedRun(loaded, node, target=target, evidence=tmp_path).name == "check-two-2G"
    assert directory_of("check-two[2G]") == "check-two-2G"


def test_a_bed_that_does_not_come_up_is_an_error_and_its_rest_is_skipped(
    project: pytest.Pytester,
) -> None:
    (project.path / "broken").touch()
    run(project)
    record = report(project)
    broken = find(record, "good")
    assert (broken.outcome, broken.fault) == (Outcome.ERROR, Fault.BED)
    assert broken.reason == "waited 3 s for SSH; last seen: no banner"
    assert broken.began == 0
    assert record.faults(Fault.BED) == 1
    assert record.count(Outcome.SKIPPED) == len(record.checks) - 1
    assert find(record, "greets", "rebuilt").reason == "check-one did not come up"


def test_a_rebuild_that_fails_is_an_error_of_its_phase(project: pytest.Pytester) -> None:
    (project.path / "rebuild-broken").touch()
    run(project)
    good = find(report(project), "good", "rebuilt")
    assert (good.outcome, good.fault, good.reason) == (Outcome.ERROR, Fault.BED, "the disk is full")


def test_a_defect_is_charlys_own(project: pytest.Pytester) -> None:
    (project.path / "defect").touch()
    run(project)
    good = find(report(project), "good")
    assert (good.outcome, good.fault) == (Outcome.ERROR, Fault.CHARLY)
    assert good.reason == "ZeroDivisionError: a defect"
    assert "in bring_up" in good.text


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "worker"])
def test_what_was_not_reached_did_not_run(project: pytest.Pytester, workers: list[str]) -> None:
    (project.path / "charly.yml").write_text(
        BEDS.replace("command: echo", "command: sleep 1; echo")
    )
    run(project, "-x", *workers)
    record = report(project)
    assert record.cut_short
    # A worker has begun the next one when the controller hears of the failure.
    assert record.count(Outcome.NOT_RUN) >= len(record.checks) - 3
    last = find(record, "test_skips", "rebuilt")
    assert (last.outcome, last.began, last.ended) == (Outcome.NOT_RUN, 0, 0)
    assert "Not finished" not in (project.path / "charly-evidence" / "index.html").read_text()


def test_ctrl_c_leaves_a_report_that_says_so(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nbed = Bed('check-two')\n"
        "def test_it(vm): raise KeyboardInterrupt\n"
    )
    result = run(project, bed="check-two")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    record = report(project)
    assert record.cut_short == "interrupted"
    assert find(record, "test_it").outcome is Outcome.NOT_RUN
    assert "Not finished" in (project.path / "charly-evidence" / "index.html").read_text()


def test_a_worker_that_crashes_is_the_fault_of_no_check(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "import os\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_crash(bed): os._exit(9)\n"
    )
    (project.path / "charly.yml").write_text(BEDS.replace("echo moin", "echo hello"))
    run(project, "-n2", bed="check-*")
    record = report(project)
    crash = find(record, "test_crash")
    assert (crash.outcome, crash.fault) == (Outcome.ERROR, Fault.BED)
    assert "crashed" in crash.reason
    after = find(record, "greets", "rebuilt")
    assert (after.outcome, after.fault) == (Outcome.ERROR, Fault.BED)
    assert [bed.outcome for bed in record.beds] == [Outcome.ERROR, Outcome.PASSED, Outcome.PASSED]


def test_a_bed_that_cannot_be_removed_does_not_hide_what_failed_before(
    project: pytest.Pytester,
) -> None:
    text = (project.path / "conftest.py").read_text()
    (project.path / "conftest.py").write_text(
        text.replace(
            '        self.log("keep" if keep',
            '        raise HostError("busy")\n        self.log("keep" if keep',
        )
    )
    (project.path / "test_one.py").unlink()
    run(project, "--charly-no-rebuild")
    record = report(project)
    assert outcomes(record.beds[0], "deployed") == {
        **{"good": "passed", "greets": "failed", "greets (teardown)": "error"},
    }
    assert find(record, "greets (teardown)").reason == "busy"


def test_the_files_of_this_run_are_listed_and_older_ones_are_not(project: pytest.Pytester) -> None:
    old = project.path / "charly-evidence" / "check-one" / "deployed" / "old.log"
    old.parent.mkdir(parents=True)
    old.write_text("of yesterday")
    os.utime(old, (1_000_000, 1_000_000))
    run(project, "--charly-no-rebuild")
    files = ("console.log", "domain.xml", "machine.json", "screen.png")
    assert report(project).beds[0].files == tuple(f"deployed/{name}" for name in files)
    page = (project.path / "charly-evidence" / "index.html").read_text()
    assert "what console.log &lt;says&gt;" in page
    assert "of yesterday" not in page


@pytest.mark.parametrize("words", [["--collect-only"], ["--setup-plan"], ["-k", "nothing_of_it"]])
def test_where_no_bed_ran_there_is_no_report(project: pytest.Pytester, words: list[str]) -> None:
    result = run(project, *words)
    result.stdout.no_fnmatch_line("charly: report *")
    assert not (project.path / "charly-evidence").exists()


def test_quiet_is_quiet_and_writes_the_report_all_the_same(project: pytest.Pytester) -> None:
    result = run(project, "-q")
    result.stdout.no_fnmatch_line("charly: report *")
    assert report(project).beds


def test_a_report_that_cannot_be_written_is_one_line_and_no_other_verdict(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_one.py").unlink()
    (project.path / "full").touch()
    result = run(project, "--charly-evidence=full", "-k", "good")
    assert result.ret == 0
    result.stdout.fnmatch_lines("charly: no report: HostError: cannot create the directory *full*")


def test_evidence_elsewhere_is_where_the_report_is(project: pytest.Pytester) -> None:
    result = run(project, "--charly-evidence=there/it is", "-k", "good")
    result.stdout.fnmatch_lines("charly: report there/it is/index.html")
    assert read_run(project.path / "there" / "it is").beds


def test_junit_says_bed_phase_and_prose(project: pytest.Pytester) -> None:
    run(project, "--junit-xml=junit.xml", "-p", "junitxml", "-k", "greets")
    cases = ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase")
    said = [{one.get("name"): one.get("value") for one in case.iter("property")} for case in cases]
    assert said == [
        {
            "charly_bed": "check-one",
            "charly_phase": phase,
            "charly_check": "it greets",
            "charly_fault": "check",
        }
        for phase in ("deployed", "rebuilt")
    ]


@pytest.mark.parametrize(
    ("nodeid", "bed", "name"),
    [
        ("charly.yml::check-x::step[deployed]", "check-x", "step"),
        ("charly.yml::check-x::step[f43-deployed]", "check-x[f43]", "step"),
        ("a/test_x.py::test_it[deployed]", "check-x", "test_it"),
        ("a/test_x.py::TestA::test_it[check-x-f43-deployed]", "check-x[f43]", "test_it"),
        ("test_x.py::test_it[check-x-deployed-a-b]", "check-x", "test_it[a-b]"),
        ("test_x.py::test_it[a::b-deployed]", "check-x", "test_it[a::b]"),
        ("test_x.py::test_it[deployed-deployed]", "check-x", "test_it[deployed]"),
        ("test_x.py::test_it", "check-x", "test_it"),
        ("odd", "check-x", "odd"),
    ],
)
def test_a_check_has_the_name_that_its_author_gave_it(nodeid: str, bed: str, name: str) -> None:
    assert check_name(nodeid, bed, "deployed") == name
