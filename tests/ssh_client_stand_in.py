"""The user's own ssh, with a configuration in which there is a host `lab`.

ssh takes its configuration from the account's home, whatever the environment says. So this is an
`ssh` in front of it that names another file.
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.host.process import require_tool


def install_ssh(directory: Path, *, port: int, key: Path, known_hosts: Path, alias: str) -> Path:
    """A directory for PATH whose `ssh lab` leads to that port of 127.0.0.1.

    `alias` is the name of its host key in `known_hosts`.
    """
    config = directory / "ssh_config"
    config.write_text(
        f"""\
Host lab
    HostName 127.0.0.1
    Port {port}
    User somebody
    IdentityFile {key}
    UserKnownHostsFile {known_hosts}
    HostKeyAlias {alias}
"""
    )
    programs = directory / "programs"
    programs.mkdir()
    ssh = programs / "ssh"
    real = require_tool("ssh", package="openssh-client")
    ssh.write_text(f'#!/bin/sh\nexec {real} -F {config} "$@"\n')
    ssh.chmod(0o755)
    return programs
