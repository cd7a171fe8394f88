"""The environment of somebody who has charly from its wheel, in a directory of its own.

Ours and theirs share the third-party packages, as links into our virtual environment, so that
nothing is fetched. Of charly itself there is the wheel and nothing else.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

from charly_vm.host.process import run

CHECKOUT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "charly_vm", "pytest_charly")


def build_wheel(directory: Path) -> Path:
    """charly's wheel, built from a copy: setuptools would find again what it once left here."""
    source = directory / "source"
    source.mkdir()
    for name in SOURCES:
        if (CHECKOUT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / name, source / name, ignore=ignored)
        else:
            shutil.copy(CHECKOUT / name, source)
    _pip("wheel", "--no-build-isolation", f"--wheel-dir={directory}", source)
    return next(directory.glob("*.whl"))


def make_environment(directory: Path) -> Path:
    """The Python of a new virtual environment that has all but charly."""
    run([sys.executable, "-m", "venv", "--without-pip", directory], timeout=60)
    python = directory / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    theirs = Path(run([python, "-c", ask], timeout=60).stdout.strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "charly" not in entry.name:
            (theirs / entry.name).symlink_to(entry)
    return python


def install(wheel: Path, python: Path) -> None:
    """Install the wheel into an environment, with its commands."""
    _pip(f"--python={python}", "install", wheel)


def _pip(*words: str | Path) -> None:
    options = ("--no-deps", "--no-index")
    command = [word for word in words if str(word).startswith("--python")]
    rest = [word for word in words if word not in command]
    run([sys.executable, "-m", "pip", "-q", *command, *rest, *options], timeout=300)
