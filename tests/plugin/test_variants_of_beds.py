"""One bed over several images, several beds in one module, and beds that a module declares."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

MATRIX = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true, matrix: {firmware: [bios, uefi-insecure]}}
  says: {check: hello, command: echo hello, stdout: hello}
check-two:
  vm: {from: shape, disposable: true}
  says: {check: hello, command: echo hello, stdout: hello}
"""

MODULE = """\
from pytest_charly import Bed
bed = Bed("check-one")
def test_it(vm): assert vm.target.entity.firmware in ("bios", "uefi-insecure")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    for module in pytester.path.glob("test_*.py"):
        module.unlink()
    (pytester.path / "charly.yml").write_text(MATRIX)
    return pytester


def ran(result: pytest.RunResult) -> list[str]:
    lines = [line for line in result.outlines if "::" in line and "%]" in line]
    return [line.rpartition(" [")[0].strip() for line in lines]


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-v", "--charly-no-rebuild", *words)


def test_each_variant_of_a_matrix_is_a_bed_with_its_name_in_the_id(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_one.py").write_text(MODULE)
    result = project.runpytest_subprocess("-v", "--charly-bed=check-one")
    expected = []
    for variant in ("bios", "uefi-insecure"):
        for phase in ("deployed", "rebuilt"):
            expected += [
                f"charly.yml::check-one::says[{variant}-{phase}] PASSED",
                f"test_one.py::test_it[{variant}-{phase}] PASSED",
            ]
    assert ran(result) == expected
    result.stdout.fnmatch_lines("charly: check-one?bios?, check-one?uefi-insecure? from *")
    beds = ("check-one-bios", "check-one-uefi-insecure")
    assert log_of(project) == [
        f"{what} {bed}" for bed in beds for what in ("up", "rebuild", "down")
    ]
    named = run(project, "--charly-bed=check-one", "charly.yml::check-one::says[bios-deployed]")
    assert ran(named) == ["charly.yml::check-one::says[bios-deployed] PASSED"]


def test_images_of_the_command_line_are_variants(project: pytest.Pytester) -> None:
    (project.path / "a.qcow2").touch()
    images = ("--charly-image=f43=a.qcow2", "--charly-image=f44=http://127.0.0.1:1/x.qcow2")
    assert ran(run(project, "--charly-bed=check-two", *images)) == [
        "charly.yml::check-two::says[f43-deployed] PASSED",
        "charly.yml::check-two::says[f44-deployed] PASSED",
    ]


def test_an_image_by_an_entitys_name_takes_the_place_of_its_source(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_two.py").write_text(
        'from pytest_charly import Bed\nbed = Bed("check-two")\n'
        'def test_it(vm): assert vm.target.entity.source.url == "http://127.0.0.1:1/x"\n'
    )
    assert ran(
        run(project, "--charly-bed=check-two", "--charly-image=shape=http://127.0.0.1:1/x")
    ) == [
        "charly.yml::check-two::says[deployed] PASSED",
        "test_two.py::test_it[deployed] PASSED",
    ]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("f43", "*--charly-image=f43: write it as NAME=PATH or NAME=URL"),
        ("f43=none.qcow2", "*cannot read the image*none.qcow2*"),
    ],
)
def test_an_image_that_is_none_ends_the_run(
    project: pytest.Pytester, image: str, said: str
) -> None:
    result = run(project, "--charly-bed=check-two", f"--charly-image={image}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(said)


def test_a_module_may_have_several_beds(project: pytest.Pytester) -> None:
    (project.path / "test_both.py").write_text(
        "from pytest_charly import Bed\n"
        'beds = [Bed("check-one"), Bed("check-two")]\n'
        "class TestBoth:\n    def test_it(self, bed): assert bed.phase == 'deployed'\n"
    )
    result = run(project, "--charly-bed=*", "-k", "test_it")
    assert ran(result) == [
        f"test_both.py::TestBoth::test_it[{name}-deployed] PASSED"
        for name in ("check-one-bios", "check-one-uefi-insecure", "check-two")
    ]
    only = run(project, "--charly-bed=check-two", "-k", "test_it")
    assert ran(only) == ["test_both.py::TestBoth::test_it[check-two-deployed] PASSED"]


DECLARED = """\
from pytest_charly import Bed
bed = Bed("check-mine", vm={"source": {"kind": "bootstrap"}, "ram": "2G"}, timeout="5m")
def test_it(vm):
    assert vm.target.entity.ram == 2 * 1024**3
    assert vm.target.deploy.deploy.timeout == 300
"""


@pytest.mark.parametrize("pattern", ["check-mine", "check-m*"])
@pytest.mark.parametrize("has_project", [True, False])
def test_a_module_may_declare_a_bed(
    project: pytest.Pytester, pattern: str, has_project: bool
) -> None:
    (project.path / "check_mine.py").write_text(DECLARED)
    if not has_project:
        (project.path / "charly.yml").unlink()
    result = run(project, f"--charly-bed={pattern}")
    assert ran(result) == ["check_mine.py::test_it[deployed] PASSED"]
    assert log_of(project) == ["up check-mine", "down check-mine"]
    listed = run(project, "--charly-bed=check-nobody")
    assert listed.ret == pytest.ExitCode.USAGE_ERROR
    listed.stderr.fnmatch_lines("*has no bed 'check-nobody'; the beds are: *check-mine")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"ram": "2G"', "*check_mine.py:2:1: check-mine: source: Field required"),
        (
            '"source": {"kind": "bootstrap"}, "rum": "2G"',
            "*check_mine.py:2:1: check-mine: rum: *",
        ),
    ],
)
def test_a_mistake_in_a_declared_bed_is_found_at_collection(
    project: pytest.Pytester, written: str, said: str
) -> None:
    (project.path / "check_mine.py").write_text(
        f'from pytest_charly import Bed\nbed = Bed("check-mine", vm={{{written}}})\n'
        "def test(vm): pass\n"
    )
    result = run(project, "--charly-bed=check-mine")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(said)
    assert log_of(project) == []


def test_a_declared_bed_that_stands_in_the_project_too_is_refused(
    project: pytest.Pytester,
) -> None:
    (project.path / "check_mine.py").write_text(DECLARED.replace("check-mine", "check-two"))
    result = run(project, "--charly-bed=check-two")
    result.stdout.fnmatch_lines("*check-two stands in *charly.yml already")
