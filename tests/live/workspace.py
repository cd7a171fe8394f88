"""A project of its own for a live test, with `charly` run as its users run it: as a process."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from charly_vm.host.locks import hold
from charly_vm.host.process import Completed, run, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for

if TYPE_CHECKING:
    import subprocess

DEVICES = "  tiny-libvirt: {{libvirt: {{devices: {}}}}}\n"
PROJECT = """\
tiny:
  vm:
    source:
      kind: cloud_image
      url: {url}
      checksum: {{type: sha256, value: {digest}}}
    ram: 256M
    cpu: 1
    ssh: {{port_auto: true, user: tester}}
check-tiny:
  vm: {{from: tiny, disposable: true, timeout: 90s}}
  greets: {{check: the guest has its name, command: hostname, stdout: charly-check-tiny}}
"""


@dataclass
class Background:
    """A `charly` or pytest that runs while the test goes on."""

    child: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        return self.child.wait(seconds)

    @property
    def has_ended(self) -> bool:
        return self.child.poll() is not None

    def kill(self) -> None:
        """kill -9 of the process itself: what it started is left alone."""
        self.child.kill()
        self.child.wait()

    def interrupt(self) -> None:
        """Ctrl-C: the terminal sends it to the whole group."""
        os.killpg(self.child.pid, signal.SIGINT)


class Workspace:
    """A directory with a project, and XDG directories that nothing else uses."""

    def __init__(self, directory: Path, image: Path, backend: str) -> None:
        self.directory = directory
        self.running: list[subprocess.Popen[bytes]] = []
        self.also: tuple[str, ...] = ()
        """Further machines that a test may leave to be removed."""
        self.prefix: list[str | Path] = []
        """What runs each command, where it is not the shell."""
        self.project = directory / "charly.yml"
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        self.project.write_text(PROJECT.format(url=image.as_uri(), digest=digest))
        (directory / "pytest.ini").write_text("[pytest]\n")
        self.environment = {
            f"XDG_{name}_HOME": str(directory / name.lower())
            for name in ("DATA", "CACHE", "STATE", "CONFIG")
        }
        self.environment["CHARLY_VM_BACKEND"] = backend
        self.environment["PYTHONUNBUFFERED"] = "1"

    @property
    def machines(self) -> Path:
        return self.directory / "data" / "charly" / "vm"

    def give_devices(self, devices: str) -> None:
        """Write `devices`, in YAML and on one line, into the machine's libvirt block."""
        text = self.project.read_text()
        added = f"{DEVICES.format(devices)}check-tiny:"
        self.project.write_text(text.replace("check-tiny:", added, 1))

    def charly(self, *words: str, timeout: float = 120, **environment: str) -> Completed:
        return run(
            self.argv(*words),
            timeout=timeout,
            check=False,
            env={**self.environment, **environment},
            cwd=self.directory,
        )

    def start(self, *words: str) -> Background:
        """`charly` in the background, its output in a file."""
        log = self.directory / f"background-{len(list(self.directory.glob('background-*')))}.log"
        with log.open("wb") as output:
            child = spawn(
                ["env", "-C", self.directory, *self.argv(*words)],
                output=output,
                env=self.environment,
            )
        self.running.append(child)
        return Background(child, log)

    def wait_for(self, what: str, holds: object, seconds: float = 60) -> None:
        """Poll `holds`, a callable that returns something true in the end."""
        assert callable(holds)
        wait_for(what, lambda: bool(holds()) or NotYet(self.state()), Deadline(seconds), every=0.02)

    def record(self, domain: str = "charly-check-tiny") -> str:
        """The text of a machine's record, empty where there is none."""
        try:
            return (self.machines / domain / "machine.json").read_text()
        except FileNotFoundError:
            return ""

    def stage(self) -> str:
        """The stage in the record of the bed's machine."""
        for line in self.record().splitlines():
            if line.strip().startswith('"stage"'):
                return line.split('"')[3]
        return ""

    def state(self) -> str:
        logs = [path.read_text(errors="replace") for path in self.directory.glob("background-*")]
        return "\n".join([f"stage {self.stage()!r}", *logs])[-2000:]

    def emulators(self) -> list[int]:
        """The processes of machines whose files are in this workspace, on either backend."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "qemu" in words[0] and any(str(self.directory) in word for word in words):
                found.append(int(entry.name))
        return found

    def is_clean(self) -> bool:
        """Nothing runs and no machine is left; locks stay, and take no room."""
        left = [path for path in self.machines.glob("*") if path.is_dir()]
        return not self.emulators() and left == []

    def argv(self, *words: str) -> list[str | Path]:
        """The command line of `charly` with these words."""
        return [*self.prefix, Path(sys.executable).with_name("charly"), *words]


@contextmanager
def workspace(image: Path, backend: str) -> Iterator[Workspace]:
    """A workspace that has to be clean at the end, whatever the test did."""
    with ExitStack() as stack:
        if backend == "libvirt":
            # Its domains are the user's, in whichever directory their files are.
            lock = user_cache_path("charly-tests") / "libvirt.lock"
            stack.enter_context(hold(lock, timeout=900))
        # Below /tmp and short: sockets live in it, and libvirt puts some beside ours.
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="charly-"))
        made = Workspace(Path(directory), image, backend)
        try:
            yield made
        finally:
            for child in made.running:
                # A test that failed may have left one; its own failure is what should be read.
                child.kill()
                child.wait()
            for name in ("check-tiny", "tiny", *made.also):
                if (made.machines / f"charly-{name}").exists():
                    made.charly("vm", "destroy", name, "--disk")
            left = made.emulators()
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            assert left == [], "emulators were left running"
