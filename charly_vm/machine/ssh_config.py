"""`ssh charly-<name>` for the user's own ssh, scp and rsync: a stanza per machine.

They stand in `charly/ssh_config` of the XDG config directory, which `~/.ssh/config` has to include
once. Each stanza names its machine's directory, so that those of machines that are gone, and of no
others, go with the next change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.locks import hold
from charly_vm.host.paths import config_directory
from charly_vm.model.resolved import ResolvedMachine

LOCK_SECONDS = 10.0

HEADER = """\
# One stanza per machine, written by charly. `charly doctor --fix` makes ~/.ssh/config include it.
"""
_STANZA = re.compile(r"^Host (?P<host>\S+)\n    # (?P<directory>.*)\n(?:    .*\n)*", re.MULTILINE)


def ssh_config_file() -> Path:
    return config_directory() / "ssh_config"


def render_options(machine: ResolvedMachine, address: str = "") -> dict[str, str]:
    """What ssh has to know to reach a machine, as ssh_config(5) names it.

    `address` is the guest's own, where it has one; without it there is no `HostName`.
    """
    options = {}
    if machine.network.carrier.is_user_network:
        address = "127.0.0.1"
    if address:
        # ssh replaces tokens here too, and an address may have its link behind a %.
        options["HostName"] = address.replace("%", "%%")
        options["Port"] = str(machine.ssh_port)
    if machine.hypervisor and machine.hypervisor.hop:
        # A ssh of its own, with the user's configuration for that host; -J would take ours along.
        options["ProxyCommand"] = f"ssh -W [%h]:%p {machine.hypervisor.hop}"
    options["User"] = machine.user
    options["UserKnownHostsFile"] = _quoted(machine.paths.known_hosts)
    options["HostKeyAlias"] = machine.domain
    options["StrictHostKeyChecking"] = "yes"
    if machine.key:
        # Without a key of ours, whatever the user's own ssh and its agent have.
        options["IdentityFile"] = _quoted(machine.key)
        options["IdentitiesOnly"] = "yes"
    return options


def render_stanza(machine: ResolvedMachine, address: str = "") -> str:
    """The stanza of one machine."""
    lines = [f"# {machine.paths.directory}"]
    lines += [f"{keyword} {value}" for keyword, value in render_options(machine, address).items()]
    return f"Host {machine.domain}\n" + "".join(f"    {line}\n" for line in lines)


def write_stanza(machine: ResolvedMachine, address: str = "") -> None:
    """Write a machine's stanza, in place of an earlier one of the same name."""
    _change(machine.domain, [render_stanza(machine, address)])


def remove_stanza(domain: str) -> None:
    if ssh_config_file().exists():
        _change(domain, [])


def find_stanzas(text: str) -> dict[str, tuple[Path, str]]:
    """The hosts in the file, each with its machine's directory and its stanza."""
    return {found["host"]: (Path(found["directory"]), found[0]) for found in _STANZA.finditer(text)}


def _change(domain: str, stanzas: Iterable[str]) -> None:
    file = ssh_config_file()
    with hold(file.with_suffix(".lock"), timeout=LOCK_SECONDS):
        with explain_os_errors(f"read {file}"):
            text = file.read_text() if file.exists() else ""
        kept = [
            stanza
            for host, (directory, stanza) in find_stanzas(text).items()
            if host != domain and directory.exists()
        ]
        write_atomically(file, "\n".join([HEADER, *kept, *stanzas]))


def _quoted(path: Path | str) -> str:
    """A path as ssh_config(5) takes it: in quotation marks, since it may hold blanks, and without
    tokens that ssh would replace."""
    text = str(path)
    if any(character in text for character in '"\n'):
        raise HostError(f"ssh's configuration cannot name the path {text!r}")
    return '"' + text.replace("%", "%%") + '"'
