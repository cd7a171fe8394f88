"""Accounts of a test's own, and charly as each of them runs it.

They are in a copy of /etc that only the test's processes see, and gone with it, however it ends: no
account of this host is made or changed, and two runs at once are not in each other's way. To the
kernel they are as real as any. An ordinary user makes them of his subordinate ids.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from own_namespaces import OWN_ETC, Namespaces, namespaces
from required_distributions import find_required

import charly_vm
from charly_vm.host.process import Completed, run
from charly_vm.host.waiting import Deadline, NotYet, wait_for

ACCOUNTS = ("charly-ledger-a", "charly-ledger-b", "charly-ledger-c")
SETTING_UP = f"""
{OWN_ETC}
PATH=$PATH:/usr/sbin:/sbin
mkdir "$1/homes"
chmod 755 "$1/homes"
! getent group charly >/dev/null || groupdel charly
for name in {" ".join(ACCOUNTS)}; do
  useradd --create-home --home-dir "$1/homes/$name" "$name"
  chmod 700 "$1/homes/$name"
done
echo ready
exec sleep 1200
"""
CHARLY = "import sys; from charly_vm.cli import main; sys.argv[0] = 'charly'; main()"
# The umask of the careful, which takes every right from the group.
CLOSED = 'umask 077; exec "$@"'


@dataclass
class Running:
    """A process of an account's, which is kept until its standard input is closed."""

    child: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 20) -> None:
        def probe() -> bool | NotYet:
            if text in self.output:
                return True
            if self.child.poll() is not None:
                raise AssertionError(f"it has ended: {self.output}")
            return NotYet(self.output[-500:])

        wait_for(text, probe, Deadline(seconds), every=0.02)

    def end(self) -> None:
        """Have it end by itself."""
        assert self.child.stdin
        self.child.stdin.close()
        assert self.child.wait(20) == 0, self.output

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()
        if self.child.stdin:
            self.child.stdin.close()


@dataclass
class Accounts:
    """Three accounts, of which none is in a group of the others yet, and root."""

    directory: Path
    """Which all of them reach."""
    namespaces: Namespaces
    environment: dict[str, str] = field(default_factory=dict)
    """For all of them."""
    started: list[Running] = field(default_factory=list)

    def command(
        self, account: str, words: list[str], *, fresh_login: bool = True
    ) -> list[str | Path]:
        """`account` is empty for root; without `fresh_login` it is in no group but its own."""
        home = self.directory / "homes" / account if account else self.directory / "root"
        variables: Mapping[str, object] = {
            **{"HOME": home, "XDG_RUNTIME_DIR": home / "run", "LANG": "C.UTF-8"},
            **{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": self.directory / "code"},
            **{"PYTHONDONTWRITEBYTECODE": 1, **self.environment},
        }
        groups = "--init-groups" if fresh_login else "--clear-groups"
        become = ["setpriv", "--reuid", account, "--regid", account, groups] if account else []
        return [
            *self.namespaces.prefix(Path("/")),
            *become,
            *("env", "--ignore-environment", *(f"{key}={one}" for key, one in variables.items())),
            *("sh", "-c", CLOSED, "sh", *words),
        ]

    def charly(self, account: str, *words: str, fresh_login: bool = True) -> Completed:
        argv = self.command(account, [_python(), "-c", CHARLY, *words], fresh_login=fresh_login)
        return run(argv, timeout=120, check=False)

    def python(self, account: str, code: str, *words: str) -> Any:
        """What the code prints, as JSON."""
        done = run(self.command(account, [_python(), "-c", code, *words]), timeout=60)
        return json.loads(done.stdout)

    def start(self, account: str, code: str, *words: str) -> Running:
        log = self.directory / f"{len(self.started)}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [str(one) for one in self.command(account, [_python(), "-c", code, *words])],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Running(child, log))
        return self.started[-1]

    def as_root(self, *words: str | Path) -> str:
        return run(self.command("", [str(word) for word in words]), timeout=60).stdout


@contextmanager
def several_accounts() -> Iterator[Accounts]:
    """Ended with the block, with all that they run."""
    directory = Path(tempfile.mkdtemp(prefix="charly-accounts-"))
    directory.chmod(0o755)
    try:
        _copy_code(directory / "code")
        with namespaces(directory, SETTING_UP) as own:
            made = Accounts(directory, own)
            try:
                yield made
            finally:
                for running in made.started:
                    running.kill()
                # What is theirs only root may remove, be it of the namespaces.
                own.run("rm", "-rf", directory / "homes", *directory.glob("leases*"))
    finally:
        shutil.rmtree(directory)


def _python() -> str:
    """The one that our environment was made from: that may be in a closed directory."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _copy_code(target: Path) -> None:
    """The engine and what it needs, for all to read: a checkout of root's may be closed."""
    shutil.copytree(Path(charly_vm.__file__).parent, target / "charly_vm")
    for distribution in find_required("charly-vm"):
        names = {file.parts[0] for file in distribution.files or () if ".." not in file.parts}
        for name in names - {"__pycache__"}:
            source = Path(str(distribution.locate_file(name)))
            if source.is_dir():
                shutil.copytree(source, target / name, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copy2(source, target)
    run(["chmod", "--recursive", "a+rX", target], timeout=60)
