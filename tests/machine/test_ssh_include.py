"""The line in ~/.ssh/config, and that nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.host.process import require_tool, run
from charly_vm.machine.ssh_config import ssh_config_file
from charly_vm.machine.ssh_include import include_stanzas, includes_stanzas, user_ssh_config


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def test_it_is_put_first_where_there_is_no_file_yet() -> None:
    assert include_stanzas()
    text = user_ssh_config().read_text()
    assert text.startswith(f"Include {ssh_config_file()}\n")
    assert user_ssh_config().stat().st_mode & 0o777 == 0o600
    assert user_ssh_config().parent.stat().st_mode & 0o777 == 0o700
    assert includes_stanzas(text)


def test_what_was_there_stays_and_a_second_time_changes_nothing() -> None:
    user_ssh_config().parent.mkdir()
    user_ssh_config().write_text("Host *\n  Port 7\n")
    user_ssh_config().chmod(0o644)
    assert include_stanzas()
    text = user_ssh_config().read_text()
    assert text.endswith("\n\nHost *\n  Port 7\n")
    assert user_ssh_config().stat().st_mode & 0o777 == 0o644
    assert not include_stanzas()
    assert user_ssh_config().read_text() == text


def test_a_configuration_that_is_kept_elsewhere_is_changed_there(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "ssh"
    real.parent.mkdir()
    real.write_text("Port 7\n")
    user_ssh_config().parent.mkdir()
    user_ssh_config().symlink_to(real)
    assert include_stanzas()
    assert user_ssh_config().is_symlink()
    assert includes_stanzas(real.read_text())


@pytest.mark.parametrize(
    ("text", "included"),
    [
        ("Include ~/.config/charly/ssh_config\n", True),
        ('  include="~/.config/charly/ssh_config"\n', True),
        ("Include other ~/.config/charly/ssh_config # ours\n", True),
        ("Include ../.config/charly/ssh_config\n", False),
        ("# Include ~/.config/charly/ssh_config\n", False),
        ("Host *\nInclude ~/.config/charly/ssh_config\n", False),
        ("match all\nInclude ~/.config/charly/ssh_config\n", False),
        ("ProxyCommand sh -c 'x\nInclude ~/.config/charly/ssh_config\n", True),
        ("", False),
    ],
)
def test_it_counts_only_where_it_holds_for_every_host(text: str, included: bool) -> None:
    assert includes_stanzas(text) is included


def test_the_real_ssh_follows_it() -> None:
    include_stanzas()
    ssh_config_file().write_text("Host charly-x\n    Port 2345\n")
    ssh = require_tool("ssh", package="openssh-client")
    said = run([ssh, "-G", "-F", user_ssh_config(), "charly-x"], timeout=20).stdout
    assert "\nport 2345\n" in said
