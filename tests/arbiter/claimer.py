"""A claimant in a process of its own, told what to do line by line.

Run as a program this file is that process: a request a line, as JSON, on its standard input, and
what happens on its standard output.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60.0
"""For what surely happens, on a machine that does much else."""


def environment() -> dict[str, str]:
    """One in which a child imports this tree, wherever the installed package is."""
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


class Claimer:
    """The process, from its start to the end of the block."""

    def __init__(
        self,
        ledger: Path,
        *,
        yard: Path | None = None,
        name: str = "other",
        capacity: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        words = [str(ledger), str(yard or ""), name, json.dumps(dict(capacity or {}))]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._said: queue.Queue[tuple[str, str]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.expect("ready")

    @property
    def pid(self) -> int:
        return self.process.pid

    def claim(self, *exclusive: str, **more: Any) -> None:
        """Ask for it, and do not wait for it."""
        self.send("claim", exclusive=exclusive, **more)

    def have(self, *exclusive: str, **more: Any) -> None:
        self.claim(*exclusive, **more)
        self.expect("granted")

    def wait(self, *exclusive: str, **more: Any) -> str:
        """Ask for it, and come back when it stands in the line; what it says of that."""
        self.claim(*exclusive, **more)
        return self.expect("waits")

    def release(self, *, success: bool = True) -> None:
        self.send("release", success=success)
        self.expect("released")

    def send(self, what: str, **words: Any) -> None:
        assert self.process.stdin is not None
        print(json.dumps({"what": what, **words}), file=self.process.stdin, flush=True)

    def expect(self, what: str) -> str:
        """The next that it says of this kind; the kinds before that are left out."""
        while True:
            kind, text = self._said.get(timeout=PATIENCE)
            if kind == what:
                return text
            if kind in ("failed", "eof"):
                raise AssertionError(f"{self.name}: {what} was expected: {kind} {text}")

    def has_said(self, what: str) -> bool:
        """Whether it has said it by now; what else it has said is forgotten."""
        found = False
        while not self._said.empty():
            found |= self._said.get()[0] == what
        return found

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def __enter__(self) -> Claimer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            kind, text = json.loads(line)
            self._said.put((kind, text))
        self._said.put(("eof", ""))


def main() -> None:
    from yard import Yard

    import charly_vm.arbiter.waiting as waiting_module
    from charly_vm.arbiter.claiming import Arbiter, Lease
    from charly_vm.arbiter.ledger import Ledger
    from charly_vm.arbiter.records import Claimant
    from charly_vm.arbiter.wish import make_wish
    from charly_vm.errors import CharlyError
    from charly_vm.host.progress import Silent

    # Who waits has to be told: no test passes by looking again after a while.
    waiting_module.LOOK_AGAIN_SECONDS = 10 * PATIENCE

    def say(kind: str, text: str = "") -> None:
        print(json.dumps([kind, text]), flush=True)

    class Told(Silent):
        @contextmanager
        def phase(self, text: str) -> Iterator[Any]:
            yield lambda seen: say("waits", seen)

        def note(self, text: str) -> None:
            say("note", text)

    ledger, yard, name, capacity = sys.argv[1:]
    arbiter = Arbiter(
        Ledger(Path(ledger)),
        Yard(Path(yard)) if yard else None,
        capacity=json.loads(capacity),
        progress=Told(),
    )
    leases: list[Lease] = []
    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        what = request.pop("what")
        try:
            if what == "claim":
                parts = [request.pop(kind, ()) for kind in ("exclusive", "shared", "amounts")]
                wish = make_wish(parts[0], parts[1], dict(parts[2]))
                claimant = Claimant(request.pop("name", name), "me", os.getuid(), os.getpid())
                leases.append(arbiter.claim(wish, claimant, **request))
                say("granted", leases[-1].id)
            elif what == "release":
                leases.pop().release(success=request["success"])
                say("released")
            elif what == "child":
                # A command that has the lock as well, as `charly claim` starts it.
                fds = (leases[-1].descriptor,) if request["keeps"] else ()
                words = ["sleep", "600"]
                say("child", str(subprocess.Popen(words, pass_fds=fds, stdout=2).pid))
            elif what == "fork":
                child = os.fork()
                if child == 0:
                    if request["releases"]:
                        leases[-1].release()
                        os._exit(0)
                    signal.pause()
                say("child", str(child))
                if request["releases"]:
                    os.waitpid(child, 0)
                    say("done")
        except CharlyError as error:
            say("failed", str(error))
        except KeyboardInterrupt:
            say("interrupted")


if __name__ == "__main__":
    main()
