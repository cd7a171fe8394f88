"""A project of three files, in an environment that has charly from its wheel, beside other plugins.

The environment shares its third-party packages with ours (`foreign_environment`).
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from foreign_environment import CHECKOUT, build_wheel, install, make_environment
from workspace import Workspace

from charly_vm.host.process import Completed, run

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SETTINGS = """\
[tool.pytest]
charly_bed = ["check-*"]
charly_timeout = "5m"
charly_evidence = "what-happened"
timeout = "300"
"""

CHECKS = '''\
"""Each of these fails the first time on a fresh machine, and passes when run again on the same."""
from pytest_charly import Bed

bed = Bed("check-tiny")


def leaves_its_mark(guest, name):
    missing = guest.run(f"test -e /disk/{name}").rc
    guest.run(f"touch /disk/{name}")
    return not missing


def test_one(guest):
    assert leaves_its_mark(guest, "one")


def test_two(guest, vm):
    assert leaves_its_mark(guest, "two")
    assert vm.name == "charly-check-tiny"
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_environment(tmp_path_factory.mktemp("foreign") / "venv")
    # -P: not from the directory where we stand.
    without = run([made, "-P", "-c", "import pytest_charly"], timeout=60, check=False)
    assert "No module named 'pytest_charly'" in without.stderr
    install(wheel, made)
    return made


@pytest.fixture
def foreign(here: Workspace, python: Path) -> Workspace:
    (here.directory / "pytest.ini").unlink()
    (here.directory / "pyproject.toml").write_text(SETTINGS)
    (here.directory / "check_tiny.py").write_text(CHECKS)
    return here


def run_pytest(foreign: Workspace, python: Path, *words: str) -> Completed:
    done = run(
        [python, "-P", "-m", "pytest", "-v", *words],
        timeout=300,
        check=False,
        env={**foreign.environment, "PYTEST_ADDOPTS": ""},
        cwd=foreign.directory,
    )
    print(done.stdout, done.stderr)
    assert done.status == 0
    assert foreign.is_clean()
    return done


def test_the_wheel_has_all_files_of_both_packages(wheel: Path) -> None:
    packages = [CHECKOUT / "charly_vm", CHECKOUT / "pytest_charly"]
    sources = {
        str(file.relative_to(CHECKOUT))
        for package in packages
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == sources
    assert {"charly_vm/py.typed", "pytest_charly/py.typed"} <= packed


def test_its_commands_are_there(foreign: Workspace, python: Path) -> None:
    done = run(
        [python.with_name("charly"), "check", "list"],
        timeout=60,
        env=foreign.environment,
        cwd=foreign.directory,
    )
    assert "check-tiny" in done.stdout


def test_a_bed_passes_beside_other_plugins(foreign: Workspace, python: Path) -> None:
    done = run_pytest(
        foreign,
        python,
        *("--reruns=1", "--cov=check_tiny", "--alluredir=allure", "--randomly-seed=7"),
    )
    for plugin in ("allure-pytest", "cov", "randomly", "rerunfailures", "timeout", "xdist"):
        assert f"{plugin}-" in done.stdout.split("plugins: ")[1].split("\n")[0]
    # Once more on the same machine, also where it is the phase's or the bed's last.
    assert "6 passed, 4 rerun" in done.stdout
    assert "check_tiny.py      11      0   100%" in done.stdout
    # What failed at first left its evidence where the settings want it.
    assert (foreign.directory / "what-happened" / "check-tiny" / "rebuilt" / "console.log").exists()
    assert list((foreign.directory / "allure").glob("*-result.json"))


def test_a_bed_passes_on_a_worker_of_xdist(foreign: Workspace, python: Path) -> None:
    done = run_pytest(foreign, python, "-n2", "--reruns=1", "--charly-no-rebuild")
    assert "3 passed, 2 rerun" in done.stdout
