"""A guest as verbs see it: commands as the account of SSH, as root, or as somebody else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from charly_vm.check.guest_distribution import GuestDistribution, read_os_release
from charly_vm.check.surroundings import NOWHERE, Surroundings
from charly_vm.errors import GuestError
from charly_vm.model.protocols import Shell, ShellResult

ROOT = "root"


def text(data: bytes) -> str:
    """Output as text, without the line end that every command adds."""
    return data.decode("utf-8", "replace").removesuffix("\n")


@dataclass
class GuestView:
    """One guest, for as long as its steps run. What it knows of the guest is asked once."""

    shell: Shell
    surroundings: Surroundings = NOWHERE
    variables: dict[str, str] = field(default_factory=dict)
    """What steps have captured, by name."""
    _distribution: GuestDistribution | None = None
    _account: tuple[str, str] | None = None
    _root: bool | None = None
    _reached: set[str] = field(default_factory=set)

    def run(
        self,
        command: str,
        *,
        timeout: float,
        run_as: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> ShellResult:
        """Run a shell command as an account of the guest; None is the one that SSH logs in to.

        Raises `GuestTimeout` and `GuestError` where the guest gives no answer.
        """
        exports = [f"export {name}={shlex.quote(value)}; " for name, value in (env or {}).items()]
        command = "".join((*exports, command))
        if run_as and run_as != self.user(timeout):
            command = f"{self._become(run_as, timeout)} {shlex.quote(command)}"
        return self.shell.run(command, timeout=timeout, stdin=stdin)

    def look(self, command: str, *, timeout: float, as_root: bool = False) -> ShellResult:
        """Run a command of ours that only looks, `as_root` where the account may become root."""
        run_as = ROOT if as_root and self._may_become_root(timeout) else None
        return self.run(command, timeout=timeout, run_as=run_as)

    def user(self, timeout: float) -> str:
        """The account that SSH logs in to."""
        return self._who(timeout)[0]

    def home(self, timeout: float) -> str:
        """Its home directory."""
        return self._who(timeout)[1]

    def distribution(self, timeout: float) -> GuestDistribution:
        """What os-release(5) in the guest says."""
        if self._distribution is None:
            said = self.shell.run("cat /etc/os-release /usr/lib/os-release", timeout=timeout)
            self._distribution = read_os_release(text(said.stdout))
        return self._distribution

    def _become(self, account: str, timeout: float) -> str:
        """What runs a shell command behind it as an account. Raises `GuestError` where it cannot,
        since the status of a refusal would pass for the command's own."""
        # A guest whose account is root need not have sudo, and su asks root for no password.
        is_root = self.user(timeout) == ROOT
        become = "su -s /bin/sh {0} -c" if is_root else "sudo -n -H -u {0} -- sh -c"
        become = become.format(shlex.quote(account))
        if account not in self._reached:
            tried = self.shell.run(f"{become} true", timeout=timeout)
            if tried.status != 0:
                said = text(tried.stderr) or f"exit status {tried.status}"
                raise GuestError(f"{self.user(timeout)} cannot become {account}: {said}")
            self._reached.add(account)
        return become

    def _may_become_root(self, timeout: float) -> bool:
        if self._root is None:
            asked = "[ $(id -u) = 0 ] || sudo -n true"
            self._root = self.shell.run(asked, timeout=timeout).status == 0
        return self._root

    def _who(self, timeout: float) -> tuple[str, str]:
        if self._account is None:
            said = text(self.shell.run('id -un; printf %s "$HOME"', timeout=timeout).stdout)
            name, _, home = said.partition("\n")
            self._account = (name, home)
        return self._account
