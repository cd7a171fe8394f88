"""`pytest` and `charly` as processes that start at once: forked from one that has the engine.

The engine's imports are most of a second of each start, and the tests of the two faces are a
hundred starts. A run has a process, directory, environment and output of its own, as it has from a
shell.

Run as a program this file is the process that forks: a request a line, as JSON, on its standard
input, and the status of the run on its standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charly_vm.host.process import Completed


class WarmStart:
    """Starts runs, one at a time."""

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, program: str, words: Sequence[str], *, directory: Path, environment: Mapping[str, str]
    ) -> Completed:
        """Run `pytest` or `charly` to its end, with `environment` added to ours."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
            request = {
                "program": program,
                "words": list(words),
                "directory": str(directory),
                "environment": {**os.environ, **environment},
                "streams": [output.name, errors.name],
            }
            print(json.dumps(request), file=self._forker.stdin, flush=True)
            status = int(self._forker.stdout.readline())
            said, complained = (
                Path(one.name).read_text(errors="replace") for one in (output, errors)
            )
        return Completed((program, *words), status, said, complained)

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
    charly_vm.load_project(Path(__file__).parents[1] / "beds" / "charly.yml")


def _become(request: dict[str, Any]) -> None:
    """Be the program as a shell would have started it, to the end of the process."""
    os.setsid()
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate([os.devnull, *request["streams"]]):
        opened = os.open(name, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    # As `python -m` has it.
    sys.path[0] = request["directory"]
    program = Path(sys.executable).with_name(request["program"])
    sys.argv = [str(program), *request["words"]]
    status = 1
    try:
        status = _run(program.name, request["words"])
    except BaseException:
        # What Python itself would do at the end of a program.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(program: str, words: list[str]) -> int:
    if program == "pytest":
        import pytest

        return int(pytest.main(words))
    from charly_vm.cli import run

    return run(words)


if __name__ == "__main__":
    main()
