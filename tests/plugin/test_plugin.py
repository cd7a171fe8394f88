"""The plugin as its users meet it: selection, phases, order, errors, teardown."""

from __future__ import annotations

import sys

import neighbours
import pytest
from stand_in_project import log_of, write_project

from charly_vm.host.process import run

pytestmark = pytest.mark.slow


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    return write_project(pytester)


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    return dict(result.parseoutcomes())


def test_without_a_bed_the_plugin_adds_nothing(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-v", "-rs")
    assert outcomes(result) == {"passed": 1, "skipped": 3}
    result.stdout.no_fnmatch_line("*charly: *")
    result.stdout.no_fnmatch_line("*deployed*")
    result.stdout.fnmatch_lines("*no bed is chosen; choose one with --charly-bed NAME*")
    assert log_of(project) == []


def test_without_a_bed_the_engine_is_not_loaded(project: pytest.Pytester) -> None:
    (project.path / "test_a_plain.py").write_text(
        "import sys\ndef test_plain():\n"
        "    assert 'pytest_charly.plugin' in sys.modules\n"
        "    assert not [name for name in sys.modules if name.startswith('charly_vm')]\n"
        "    assert 'asyncssh' not in sys.modules and 'pydantic' not in sys.modules\n"
    )
    # Not the start that these tests have, which has loaded all beforehand.
    words = [sys.executable, "-P", "-m", "pytest", "-p", "no:hypothesispytest", *neighbours.WITHOUT]
    (project.path / "conftest.py").unlink()
    done = run([*words, "test_a_plain.py"], timeout=60, check=False, cwd=project.path)
    assert done.status == 0, done.stdout


def test_a_bed_is_checked_rebuilt_checked_again_and_removed(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-v", "--charly-bed", "check-one")
    assert outcomes(result) == {"passed": 7}
    result.stdout.fnmatch_lines(
        [
            "test_a_plain.py::test_plain PASSED*",
            "charly.yml::check-one::says-hello?deployed? PASSED*",
            "test_one.py::test_first?deployed? PASSED*",
            "test_one.py::test_second?deployed? PASSED*",
            "charly.yml::check-one::says-hello?rebuilt? PASSED*",
            "test_one.py::test_first?rebuilt? PASSED*",
            "test_one.py::test_second?rebuilt? PASSED*",
        ]
    )
    assert log_of(project) == ["up check-one", "rebuild check-one", "down check-one"]


def test_without_the_rebuild_there_is_one_phase(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-one", "--charly-no-rebuild")
    assert outcomes(result) == {"passed": 4}
    assert log_of(project) == ["up check-one", "down check-one"]


def test_beds_come_one_after_the_other_however_they_were_named(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-two", "--charly-bed=check-*")
    assert outcomes(result) == {"passed": 9}
    assert log_of(project) == [
        *("up check-one", "rebuild check-one", "down check-one"),
        *("up check-two", "rebuild check-two", "down check-two"),
    ]


def test_an_unknown_bed_ends_with_status_4_and_lists_the_known(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-thre")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*has no bed 'check-thre'; the beds are: check-one, check-two")


def test_a_glob_that_matches_nothing_is_an_unknown_bed(project: pytest.Pytester) -> None:
    assert project.runpytest_subprocess("--charly-bed=x*").ret == pytest.ExitCode.USAGE_ERROR


def test_what_is_not_disposable_is_no_bed_and_the_message_says_how_to_allow_it(
    project: pytest.Pytester,
) -> None:
    result = project.runpytest_subprocess("--charly-bed=precious")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*charly.yml:9:1: precious is not disposable*", "*disposable: true*"]
    )
    assert log_of(project) == []


def test_a_project_with_mistakes_ends_with_status_4_and_names_them_all(
    project: pytest.Pytester,
) -> None:
    (project.path / "charly.yml").write_text("a: {vm: {from: b, x: 1}}\nc: 3\n")
    result = project.runpytest_subprocess("--charly-bed=a")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*charly.yml:1:*unknown key 'x'*", "*charly.yml:2:1:*"])


def test_a_bed_that_does_not_come_up_is_one_error_and_is_not_tried_again(
    project: pytest.Pytester,
) -> None:
    (project.path / "broken").touch()
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert outcomes(result) == {"passed": 1, "errors": 1, "skipped": 5}
    result.stdout.fnmatch_lines(
        [
            "check-one did not come up (deployed)",
            "waited 3 s for SSH; last seen: no banner",
            "  hint: look at the console",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*runs.py*Error*")
    result.stdout.no_fnmatch_line("*another exception occurred*")
    assert log_of(project) == ["up check-one"]


def test_a_rebuild_that_fails_is_an_error_of_its_own(project: pytest.Pytester) -> None:
    (project.path / "rebuild-broken").touch()
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert outcomes(result) == {"passed": 4, "errors": 1, "skipped": 2}
    result.stdout.fnmatch_lines(
        ["check-one did not come up again from a fresh disk (rebuilt)", "the disk is full"]
    )


def test_a_defect_of_charlys_own_shows_its_traceback(project: pytest.Pytester) -> None:
    (project.path / "defect").touch()
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert outcomes(result) == {"passed": 1, "errors": 1, "skipped": 5}
    result.stdout.fnmatch_lines(
        [
            "*ZeroDivisionError: a defect",
            "this is a defect of charly itself; please report it with the lines above",
            "charly: 1 error of charly itself",
        ]
    )


def test_a_failed_step_shows_expected_and_found_without_python_frames(
    project: pytest.Pytester,
) -> None:
    text = (project.path / "charly.yml").read_text().replace("stdout: hello", "stdout: bye")
    (project.path / "charly.yml").write_text(text)
    result = project.runpytest_subprocess("--charly-bed=check-one", "--charly-no-rebuild")
    assert outcomes(result) == {"passed": 3, "failed": 1}
    result.stdout.fnmatch_lines(
        [
            "*charly.yml:6: it says hello",
            "*stdout: expected 'bye'",
            "*found 'hello'",
            "*charly evidence*",
            "*charly-evidence/check-one/deployed",
        ]
    )
    result.stdout.no_fnmatch_line("*verbs.py*")
    assert log_of(project) == ["up check-one", "evidence-deployed check-one", "down check-one"]


@pytest.mark.parametrize(
    ("keep", "end"), [("never", "down"), ("failed", "keep"), ("always", "keep")]
)
def test_a_bed_with_a_failed_check_is_kept_when_asked(
    project: pytest.Pytester, keep: str, end: str
) -> None:
    (project.path / "test_two.py").write_text(
        "from pytest_charly import Bed\nb = Bed('check-two')\ndef test_x(): assert 0\n"
    )
    project.runpytest_subprocess(
        "--charly-bed=check-two", "--charly-no-rebuild", f"--charly-keep={keep}"
    )
    assert log_of(project)[-1] == f"{end} check-two"


def test_a_good_bed_is_kept_only_always(project: pytest.Pytester) -> None:
    options = ("--charly-bed=check-two", "--charly-no-rebuild")
    project.runpytest_subprocess(*options, "--charly-keep=failed")
    project.runpytest_subprocess(*options, "--charly-keep=always")
    assert log_of(project) == ["up check-two", "down check-two", "up check-two", "keep check-two"]


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1"])
def test_a_run_that_stops_early_tears_down(project: pytest.Pytester, stop: str) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nb = Bed('check-one')\ndef test_x(): assert 0\n"
    )
    project.runpytest_subprocess("--charly-bed=check-one", stop)
    assert log_of(project)[-1] == "down check-one"


def test_an_interrupted_run_tears_down(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "from pytest_charly import Bed\nb = Bed('check-one')\n"
        "def test_x(): raise KeyboardInterrupt\n"
    )
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert log_of(project) == ["up check-one", "down check-one"]


def test_the_rebuilt_phase_alone_is_still_a_rebuild(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("--charly-bed=check-one", "-k", "rebuilt")
    assert log_of(project) == ["up check-one", "rebuild check-one", "down check-one"]


def test_collecting_alone_brings_nothing_up(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-one", "--collect-only", "-q")
    result.stdout.fnmatch_lines("charly.yml::check-one::says-hello?rebuilt?")
    assert log_of(project) == []


def test_a_step_can_be_named_by_its_id(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "--charly-bed=check-one", "charly.yml::check-one::says-hello[deployed]"
    )
    assert outcomes(result) == {"passed": 1}
    assert log_of(project) == ["up check-one", "down check-one"]


def test_the_project_is_found_above_the_root_or_named(project: pytest.Pytester) -> None:
    elsewhere = project.mkdir("elsewhere")
    (elsewhere / "pytest.ini").write_text("[pytest]\n")
    (project.path / "charly.yml").rename(project.path / "other.yml")
    missing = project.runpytest_subprocess("--charly-bed=check-one", f"--rootdir={elsewhere}")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines("*there is no charly.yml in*")
    named = project.runpytest_subprocess(
        "--charly-bed=check-one", "--charly-project=other.yml", "--charly-no-rebuild"
    )
    assert outcomes(named)["passed"] == 4


def test_a_project_may_be_named_from_beside_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = project.mkdir("elsewhere")
    (project.path / "conftest.py").rename(project.path / "stand_in.py")
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    options = ("-p", "stand_in", "--charly-bed=check-one", "--charly-no-rebuild")
    monkeypatch.chdir(elsewhere)
    named = f"--charly-project={elsewhere}/../charly.yml"
    result = project.runpytest_subprocess(*options, named)
    assert outcomes(result)["passed"] == 4


def test_a_bed_that_the_project_has_not_is_a_mistake_of_its_module(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_typo.py").write_text(
        "from pytest_charly import Bed\nbed = Bed('check-onee')\ndef test_x(): pass\n"
    )
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*Bed('check-onee'): *charly.yml has no such deploy")


def test_the_header_says_which_accelerator_is_used_and_why(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-one", "--charly-no-rebuild")
    result.stdout.fnmatch_lines(
        ["charly: check-one from *charly.yml", "charly accelerators: *tcg works*"]
    )


def test_check_modules_are_collected_whatever_the_ini_file_says(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "test_one.py").rename(project.path / "check_one.py")
    # Not a conftest.py, which pytest would find too late: nothing on the command line leads there.
    (project.path / "conftest.py").rename(project.path / "stand_in.py")
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    options = ("-p", "stand_in", "--charly-bed=check-one", "--charly-no-rebuild")
    elsewhere = project.mkdir("elsewhere")
    result = project.runpytest_subprocess(
        *options, f"--rootdir={elsewhere}", f"--charly-project={project.path / 'charly.yml'}"
    )
    assert outcomes(result) == {"passed": 4}
    once = project.runpytest_subprocess(*options, "-o", "python_files=check_*.py")
    assert outcomes(once) == {"passed": 3}


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
@pytest.mark.parametrize("place", [".", "lab", "lab/deeper"])
def test_an_assertion_of_a_check_module_shows_its_values(
    project: pytest.Pytester, mode: str, place: str
) -> None:
    module = (project.path / "test_one.py").read_text()
    (project.path / "test_one.py").unlink()
    directory = project.path / place
    directory.mkdir(parents=True, exist_ok=True)
    # A package, as which pytest gives a module a longer name.
    (directory / "__init__.py").touch()
    (directory / "check_one.py").write_text(module.replace('vm.name == "', 'vm.name == "not-'))
    result = project.runpytest_subprocess(
        "--charly-bed=check-one", "--charly-no-rebuild", f"--import-mode={mode}"
    )
    result.stdout.fnmatch_lines("E *AssertionError: assert 'check-one' == 'not-check-one'")


def test_a_directory_of_ours_that_cannot_be_made_is_one_message(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "blocked").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(project.path / "blocked"))
    result = project.runpytest_subprocess("--charly-bed=check-one")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*cannot create the directory*blocked*")
    result.stderr.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_setup_that_fails_is_a_reason_to_keep_the_bed(project: pytest.Pytester) -> None:
    (project.path / "test_two.py").write_text(
        "import pytest\nfrom pytest_charly import Bed\nb = Bed('check-two')\n"
        "@pytest.fixture\ndef broken(vm): assert 0\ndef test_x(broken): pass\n"
    )
    project.runpytest_subprocess(
        "--charly-bed=check-two", "--charly-no-rebuild", "--charly-keep=failed"
    )
    assert log_of(project) == ["up check-two", "evidence-deployed check-two", "keep check-two"]
