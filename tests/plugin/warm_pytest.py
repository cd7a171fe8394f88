"""pytest as a process that starts at once: forked from one that has imported the engine.

The engine's imports are most of a second of each start, and here are forty. A run has a process,
directory, environment and output of its own, as it has from a shell.

Run as a program this file is the process that forks: a request a line, as JSON, on its standard
input, and the status of the run on its standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WORDS = (
    # Installed for our own tests, and half a second of each start.
    *("-p", "no:hypothesispytest"),
    # The engine is here before pytest, which would like to rewrite its assertions.
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


class WarmPytest:
    """Starts runs, one at a time."""

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, pytester: pytest.Pytester, *words: str | os.PathLike[str]) -> pytest.RunResult:
        """What `pytester.runpytest_subprocess` does."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        started = time.perf_counter()
        output, errors = pytester.path / "stdout", pytester.path / "stderr"
        request = {
            "words": [*WORDS, *map(str, words)],
            "directory": str(Path.cwd()),
            "environment": dict(os.environ),
            "streams": [str(output), str(errors)],
        }
        print(json.dumps(request), file=self._forker.stdin, flush=True)
        status = int(self._forker.stdout.readline())
        said, complained = (path.read_text().splitlines() for path in (output, errors))
        output.unlink()
        errors.unlink()
        print("\n".join(said + complained))
        return pytest.RunResult(status, said, complained, time.perf_counter() - started)

    def close(self) -> None:
        self._forker.communicate(timeout=10)


def main() -> None:
    _import_the_engine()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _import_the_engine() -> None:
    """And have pydantic build its validators. The plugin is left to pytest, which rewrites it."""
    import charly_vm

    for name in charly_vm.__all__:
        getattr(charly_vm, name)
    charly_vm.load_project(Path(__file__).parents[2] / "beds" / "charly.yml")


def _become(request: dict[str, Any]) -> None:
    """Be pytest as a shell would have started it, to the end of the process."""
    os.setsid()
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate([os.devnull, *request["streams"]]):
        opened = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    # As `python -m pytest` has it.
    sys.path[0] = request["directory"]
    sys.argv = [str(Path(sys.executable).with_name("pytest")), *request["words"]]
    status = 1
    try:
        status = int(pytest.main(request["words"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
