"""Each phase of a bed has its time, and what takes longer is an error that says where it was."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

IMPATIENT = """\
import pytest_charly.deadline, pytest_charly.time_limits
pytest_charly.time_limits.PREPARATION_SECONDS = 1.0
pytest_charly.time_limits.HOST_SECONDS = 0.5
pytest_charly.deadline.CHECK_AGAIN_SECONDS = 0.3
pytest_charly.deadline.CLEAN_UP_SECONDS = 1.0
"""

HANGS = """\
import os, subprocess, threading, time
import pytest
from pytest_charly import Bed

bed = Bed("check-one")


def test_first(vm): pass


def test_hangs(vm):
    {statement}


def test_last(vm): pass
"""

STATEMENTS = {
    "a loop": "while True: time.sleep(1)",
    "a read": "os.read(os.pipe()[0], 1)",
    "a process": "subprocess.run(['sleep', '60'])",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "the guest": "vm.guest.run('sleep 60', timeout=90)",
}

CATCHES = """
    while True:
        try:
            time.sleep(60)
        except {exception}:
            pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    conftest = pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text() + IMPATIENT)
    return pytester


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-v", "-rs", "--charly-bed=check-*", *words)


def hang(project: pytest.Pytester, statement: str) -> None:
    (project.path / "test_one.py").write_text(HANGS.format(statement=statement))


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    return dict(result.parseoutcomes())


NEXT_BED = ["up check-two", "rebuild check-two", "down check-two"]


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_check_that_never_ends_fails_at_its_line_and_the_next_bed_runs(
    project: pytest.Pytester, what: str
) -> None:
    hang(project, STATEMENTS[what])
    result = run(project, "--charly-timeout=2s")
    # Of check-one a step and a test pass, one fails, and in both phases five are not run.
    assert outcomes(result) == {"passed": 5, "failed": 1, "skipped": 5}
    result.stdout.fnmatch_lines(
        [
            "the checks of check-one ?deployed? have taken more than 2s (--charly-timeout); *",
            f"  *test_one.py:12: test_hangs: {STATEMENTS[what]}".replace("[", "[[]"),
            "*charly-evidence/check-one/deployed",
            "charly: 1 check failed",
        ]
    )
    result.stdout.fnmatch_lines("SKIPPED [[]5]*not run: the time of check-one is over")
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*process.py*")
    assert log_of(project) == [
        *("up check-one", "evidence-deployed check-one", "down check-one"),
        *NEXT_BED,
    ]


@pytest.mark.parametrize("exception", ["Exception", "BaseException"])
def test_a_check_that_catches_what_it_can_fails_all_the_same(
    project: pytest.Pytester, exception: str
) -> None:
    hang(project, CATCHES.format(exception=exception).strip())
    if exception == "BaseException":
        # Nothing else would end it.
        text = (project.path / "test_one.py").read_text()
        text = text.replace("while True", "for _ in range(4)")
        (project.path / "test_one.py").write_text(text)
    result = run(project, "--charly-timeout=2s")
    assert outcomes(result) == {"passed": 5, "failed": 1, "skipped": 5}
    result.stdout.fnmatch_lines("*test_one.py:1?: test_hangs: *")


def test_a_step_that_never_ends_is_named_with_its_line(project: pytest.Pytester) -> None:
    file = project.path / "charly.yml"
    file.write_text(file.read_text().replace("echo hello,", "sleep 50,"))
    result = run(project, "--charly-timeout=1s")
    assert outcomes(result) == {"passed": 3, "failed": 1, "skipped": 5}
    result.stdout.fnmatch_lines(
        ["the checks of check-one ?deployed?*", "  *charly.yml:6: says-hello?deployed?"]
    )


@pytest.mark.parametrize(
    ("place", "counts"),
    [
        ("    time.sleep(60)\n    yield", {"errors": 1, "skipped": 5, "passed": 5}),
        # The last test of check-one has been good by then.
        ("    yield\n    time.sleep(60)", {"errors": 1, "skipped": 5, "passed": 6}),
    ],
    ids=["setup", "teardown"],
)
def test_so_does_a_fixture(project: pytest.Pytester, place: str, counts: dict[str, int]) -> None:
    fixture = f"@pytest.fixture\ndef slow(vm):\n{place}\n\n\ndef test_hangs(slow):"
    text = HANGS.format(statement="pass").replace("def test_hangs(vm):", fixture)
    (project.path / "test_one.py").write_text(text)
    result = run(project, "--charly-timeout=2s")
    assert outcomes(result) == counts
    result.stdout.fnmatch_lines("*test_one.py:1?: slow: time.sleep(60)")
    assert log_of(project)[:3] == [
        *("up check-one", "evidence-deployed check-one", "down check-one"),
    ]


def test_a_check_that_comes_after_the_time_is_an_error_of_the_bed(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_one.py").write_text(
        "import time\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_first(vm): pass\n"
        # A failure of its own, after the time is over.
        "def test_slow(vm):\n"
        "    try: time.sleep(60)\n"
        "    except BaseException: raise ValueError\n"
        "def test_next(vm): pass\ndef test_last(vm): pass\n"
    )
    result = run(project, "--charly-timeout=2s", "--charly-no-rebuild")
    assert outcomes(result) == {"passed": 4, "failed": 1, "errors": 1, "skipped": 1}
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_next?deployed?*",
            "the checks of check-one * more than 2s (--charly-timeout); this check and the rest*",
            "charly: 1 check failed; 1 bed could not be had",
        ]
    )
    assert log_of(project)[:3] == [
        *("up check-one", "evidence-deployed check-one", "down check-one"),
    ]


def test_the_time_of_a_phase_is_that_of_its_checks_alone(project: pytest.Pytester) -> None:
    conftest = project.path / "conftest.py"
    text = conftest.read_text().replace('self.log("up")', 'self.log("up"); time.sleep(1.2)')
    conftest.write_text("import time\n" + text)
    # Two phases of 0.6 s are more than 1 s.
    hang(project, "time.sleep(0.6)")
    result = run(project, "--charly-timeout=1s")
    assert outcomes(result) == {"passed": 11}


@pytest.mark.parametrize(
    ("work", "says", "done"),
    [
        ("preparation", "check-one had not got its turn and its disk after 1s (the default)", []),
        ("boot", "booting had not ended after 1s (--charly-timeout) and what*", ["up check-one"]),
        (
            "rebuild",
            "the rebuild had not ended after 1s (--charly-timeout) and what*",
            ["up check-one", "rebuild check-one"],
        ),
    ],
)
def test_an_engine_that_stalls_is_an_error_of_the_bed_and_the_next_bed_runs(
    project: pytest.Pytester, work: str, says: str, done: list[str]
) -> None:
    conftest = project.path / "conftest.py"
    # The other bed does not.
    only = f'if self.node.name == "check-one": stall_in("{work}")'
    conftest.write_text(conftest.read_text().replace(f'stall_in("{work}")', only))
    (project.path / f"{work}-stalls").touch()
    result = run(project, "--charly-timeout=1s")
    assert outcomes(result)["errors"] == 1
    assert "failed" not in outcomes(result)
    result.stdout.fnmatch_lines(
        [
            "check-one did not come up*",
            says,
            "  charly was at *process.py:*: run: *communicate*",
            "charly: 1 bed could not be had",
        ]
    )
    assert log_of(project) == [*done, "down check-one", *NEXT_BED]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--charly-timeout=2s", "-o", "charly_timeout=9m"), "2s (--charly-timeout)"),
        (("-o", "charly_timeout=2"), "2s (charly_timeout in *)"),
        ((), "3s (`timeout` of check-one, *charly.yml:4)"),
    ],
)
def test_the_flag_beats_the_ini_file_which_beats_the_bed(
    project: pytest.Pytester, words: tuple[str, ...], says: str
) -> None:
    file = project.path / "charly.yml"
    file.write_text(file.read_text().replace("disposable: true}", "disposable: true, timeout: 3s}"))
    hang(project, "while True: time.sleep(1)")
    result = run(project, *words, "--charly-bed=check-one")
    result.stdout.fnmatch_lines(f"the checks of check-one ?deployed? have taken more than {says}*")


def test_a_variant_has_the_time_that_it_says(project: pytest.Pytester) -> None:
    file = project.path / "charly.yml"
    matrix = "disposable: true, timeout: 9m, matrix: {timeout: [2s]}}"
    file.write_text(file.read_text().replace("disposable: true}", matrix, 1))
    hang(project, "while True: time.sleep(1)")
    result = run(project)
    result.stdout.fnmatch_lines("the checks of check-one?2s? * more than 2s (`timeout` of *")


@pytest.mark.parametrize(
    ("written", "says"),
    [("soon", "*--charly-timeout: 'soon' is not a duration*"), ("0s", "*in no time at all*")],
)
def test_a_limit_that_is_none_ends_the_run(
    project: pytest.Pytester, written: str, says: str
) -> None:
    result = run(project, f"--charly-timeout={written}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(says)


@pytest.mark.parametrize(
    ("theirs", "says"),
    [("1", "*Timeout (>1.0s) from pytest-timeout*"), ("60", "the checks of check-one *2s*")],
)
def test_beside_pytest_timeout_the_earlier_of_the_two_ends_a_check(
    project: pytest.Pytester, theirs: str, says: str
) -> None:
    hang(project, "while True: time.sleep(1)")
    result = run(project, "--charly-timeout=2s", f"--timeout={theirs}")
    assert outcomes(result)["failed"] == (2 if theirs == "1" else 1)
    result.stdout.fnmatch_lines(says)


def test_a_limit_of_pytest_timeouts_that_a_bed_does_not_keep_is_the_beds_error(
    project: pytest.Pytester,
) -> None:
    (project.path / "boot-stalls").touch()
    result = run(project, "--timeout=1", "--charly-bed=check-one", "--deselect=test_two.py")
    result.stdout.fnmatch_lines(
        ["check-one did not come up*", "*from pytest-timeout*", "charly: 1 bed could not be had"]
    )


def test_a_worker_of_xdist_ends_its_checks_too(project: pytest.Pytester) -> None:
    hang(project, "while True: time.sleep(1)")
    result = run(project, "-n2", "--charly-timeout=2s")
    assert outcomes(result) == {"passed": 5, "failed": 1, "skipped": 5}
    result.stdout.fnmatch_lines("*test_one.py:12: test_hangs: while True*")
    assert log_of(project).count("down check-one") == 1


@pytest.mark.parametrize("work", ["boot", "check"])
def test_what_has_had_its_time_is_an_error_however_often_it_is_run_again(
    project: pytest.Pytester, work: str
) -> None:
    (project.path / "again.py").write_text(RERUN)
    if work == "boot":
        (project.path / "boot-stalls").touch()
    hang(project, "while True: time.sleep(1)")
    result = run(project, "-p", "again", "--charly-timeout=1s", "--charly-bed=check-one")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert log_of(project).count("up check-one") == 1


RERUN = '''
"""Runs what failed once more and forgets that it did, as pytest-rerunfailures does."""
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
'''


def test_collecting_has_no_limit(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text("import time\ntime.sleep(1.2)\n")
    result = run(project, "--collect-only", "--charly-timeout=1s")
    assert result.ret == 0
