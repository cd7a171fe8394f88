"""Options: each as a flag and in the ini file, of which the flag is stronger."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in_project import log_of, write_project

from pytest_charly.options import OPTIONS, Option

pytestmark = pytest.mark.slow

FAILING = "from pytest_charly import Bed\nb = Bed('check-two')\ndef test_x(vm): assert 0\n"

SHOW = """
def pytest_sessionstart(session):
    config = session.config
    from pytest_charly.options import OPTIONS
    with open("values", "a") as file:
        for option in OPTIONS:
            print(option.name, repr(config.getoption(option.name)), file=file)
"""


EXAMPLES = {"charly_bed": ("check-one", "check-two"), "charly_timeout": ("1m", "2m")}
"""Values of options that do not take any word: one for the file, one for the flag."""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    return write_project(pytester)


def set_options(project: pytest.Pytester, *lines: str, table: str = "tool.pytest") -> None:
    text = "\n".join([f"[{table}]", *lines, ""])
    (project.path / "pyproject.toml").write_text(text)


@pytest.mark.parametrize("table", ["tool.pytest", "tool.pytest.ini_options"])
def test_pyproject_may_choose_the_bed_and_everything_else(
    project: pytest.Pytester, table: str
) -> None:
    (project.path / "test_two.py").write_text(FAILING)
    (project.path / "charly.yml").rename(project.path / "other.yml")
    set_options(
        project,
        'charly_bed = ["check-two"]',
        "charly_no_rebuild = true",
        'charly_keep = "failed"',
        'charly_project = "other.yml"',
        'charly_evidence = "what-happened"',
        'charly_timeout = "5m"',
        'charly_image = ["new=https://example.org/new.qcow2"]',
        table=table,
    )
    # A path in the file is meant from there, wherever one stands.
    result = project.runpytest_subprocess("-v", "--rootdir=.", "test_two.py")
    assert dict(result.parseoutcomes()) == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "charly: check-two?new? from *other.yml",
            "test_two.py::test_x?new-deployed? FAILED*",
            f"{project.path}/what-happened/check-two/deployed",
        ]
    )
    kept = ["up check-two-new", "evidence-deployed check-two-new", "keep check-two-new"]
    assert log_of(project) == kept


def test_an_ini_file_may_say_the_same(project: pytest.Pytester) -> None:
    (project.path / "pytest.ini").write_text(
        "[pytest]\ncharly_bed = check-one check-two\ncharly_no_rebuild = yes\n"
    )
    project.runpytest_subprocess()
    assert log_of(project) == ["up check-one", "down check-one", "up check-two", "down check-two"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_flag_beats_the_file(project: pytest.Pytester, option: Option) -> None:
    (project.path / "show.py").write_text(SHOW)
    value, flag = EXAMPLES.get(option.name, option.choices[-2:] or ("x=file", "y=flag"))
    words = [f"{option.flag}={flag}"]
    if option.kind == "switch":
        # Only the file has a word for no.
        value, flag, words = "true", "False", ["-o", f"{option.name}=false"]
    (project.path / "pytest.ini").write_text(f"[pytest]\n{option.name} = {value}\n")
    seen = []
    for more in ([], words):
        # Whatever comes of it: only what the option is matters.
        project.runpytest_subprocess("-p", "show", "--collect-only", *more)
        lines = (project.path / "values").read_text().splitlines()
        seen.append([line for line in lines if line.startswith(f"{option.name} ")][-1])
    assert value.title() in seen[0] or value in seen[0]
    assert flag in seen[1]
    assert value not in seen[1]


def test_without_either_an_option_has_its_default(project: pytest.Pytester) -> None:
    (project.path / "show.py").write_text(SHOW)
    project.runpytest_subprocess("-p", "show", "--collect-only")
    assert (project.path / "values").read_text().splitlines() == [
        "charly_bed []",
        "charly_no_rebuild False",
        "charly_keep 'never'",
        "charly_console False",
        "charly_image []",
        "charly_project None",
        "charly_evidence None",
        "charly_collect 'failed'",
        "charly_timeout None",
        "charly_claims 'wait'",
        "charly_claim_timeout '2h'",
    ]


def test_a_value_that_no_flag_could_have_ends_the_run(project: pytest.Pytester) -> None:
    set_options(project, 'charly_keep = "sometimes"')
    result = project.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*charly_keep = 'sometimes' in *: it is one of never, failed, *")


def test_a_misspelt_setting_is_found_where_pytest_is_strict(project: pytest.Pytester) -> None:
    set_options(project, "charly_keeep = 'failed'")
    result = project.runpytest_subprocess("--strict-config")
    assert result.ret != 0
    result.stderr.fnmatch_lines("*charly_keeep*")


def test_the_help_shows_each_option_in_both_ways(project: pytest.Pytester) -> None:
    shown = project.runpytest_subprocess("--help").stdout.str()
    flags, _, settings = shown.partition("[[pytest]]".replace("[[", "[").replace("]]", "]"))
    for option in OPTIONS:
        assert f"  {option.flag}" in flags
        assert f"  {option.name} (" in settings


def test_a_worker_of_xdist_has_them_too(project: pytest.Pytester) -> None:
    set_options(project, 'charly_bed = ["check-one"]', "charly_no_rebuild = true")
    result = project.runpytest_subprocess("-n1")
    assert dict(result.parseoutcomes()) == {"passed": 4}
    assert log_of(project) == ["up check-one", "down check-one"]


def test_the_project_is_found_upwards_from_the_root_directory(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "conftest.py").rename(project.path / "stand_in.py")
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    inner: Path = project.path / "package" / "tests"
    inner.mkdir(parents=True)
    (inner / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(inner)
    result = project.runpytest_subprocess(
        "-p", "stand_in", "--charly-bed=check-one", "--charly-no-rebuild", f"--rootdir={inner}"
    )
    result.stdout.fnmatch_lines(f"charly: check-one from {project.path}/charly.yml")
    assert dict(result.parseoutcomes())["passed"] == 4
