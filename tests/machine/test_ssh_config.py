"""The stanzas for the user's own ssh, as the real ssh reads them."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import HostError
from charly_vm.host.process import require_tool, run
from charly_vm.machine.ssh_config import (
    find_stanzas,
    remove_stanza,
    render_options,
    ssh_config_file,
    write_stanza,
)
from charly_vm.model.resolved import Carrier, Hypervisor, Paths, ResolvedMachine


@pytest.fixture(autouse=True)
def _own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATA", "CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / f"{variable} 100%"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def _machine(name: str) -> ResolvedMachine:
    machine = sample_record(name).machine
    machine.paths.directory.mkdir(exist_ok=True)
    return dataclasses.replace(machine, key=str(machine.paths.user_key))


def _as_ssh_reads_it(host: str) -> dict[str, str]:
    ssh = require_tool("ssh", package="openssh-client")
    said = run([ssh, "-G", "-F", ssh_config_file(), host], timeout=20).stdout
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)


def test_ssh_learns_port_account_key_and_host_key_of_the_machine() -> None:
    machine = _machine("one")
    write_stanza(machine)
    write_stanza(dataclasses.replace(_machine("two"), ssh_port=2300))
    said = _as_ssh_reads_it("charly-one")
    assert said["hostname"] == "127.0.0.1"
    assert said["port"] == "2222"
    assert said["user"] == "charly"
    # `%%` is ssh's way to write a percent sign, blanks are as they are.
    assert said["identityfile"].replace("%%", "%") == machine.key
    assert said["userknownhostsfile"].replace("%%", "%") == str(machine.paths.known_hosts)
    assert said["hostkeyalias"] == "charly-one"
    assert said["identitiesonly"] == "yes"
    assert _as_ssh_reads_it("charly-two")["port"] == "2300"
    assert _as_ssh_reads_it("other.example")["port"] == "22"


def test_without_a_key_of_ours_ssh_uses_what_the_user_has() -> None:
    options = render_options(dataclasses.replace(_machine("one"), key=""))
    assert "IdentitiesOnly" not in options
    assert "IdentityFile" not in options


def test_a_guest_with_an_address_of_its_own_is_looked_up_by_name() -> None:
    machine = _machine("one")
    bridged = dataclasses.replace(machine.network, carrier=Carrier.BRIDGE, source="br0")
    options = render_options(dataclasses.replace(machine, network=bridged))
    assert "HostName" not in options
    assert "Port" not in options


def test_writing_again_replaces_and_removing_leaves_the_others() -> None:
    for name in ("one", "two"):
        write_stanza(_machine(name))
    write_stanza(dataclasses.replace(_machine("one"), ssh_port=2400))
    assert list(find_stanzas(ssh_config_file().read_text())) == ["charly-two", "charly-one"]
    assert _as_ssh_reads_it("charly-one")["port"] == "2400"
    remove_stanza("charly-one")
    assert list(find_stanzas(ssh_config_file().read_text())) == ["charly-two"]
    assert _as_ssh_reads_it("charly-one")["port"] == "22"
    assert ssh_config_file().stat().st_mode & 0o777 == 0o600


def test_a_machine_that_went_without_a_word_goes_with_the_next_change(tmp_path: Path) -> None:
    gone, elsewhere = _machine("gone"), _machine("elsewhere")
    write_stanza(gone)
    directory = tmp_path / "another-data-directory"
    directory.mkdir()
    write_stanza(dataclasses.replace(elsewhere, paths=Paths(directory, elsewhere.paths.runtime)))
    gone.paths.directory.rmdir()
    write_stanza(_machine("new"))
    hosts = list(find_stanzas(ssh_config_file().read_text()))
    assert hosts == ["charly-elsewhere", "charly-new"]


def test_removing_where_nothing_was_written_makes_no_file() -> None:
    remove_stanza("charly-one")
    assert not ssh_config_file().exists()


def test_many_who_write_at_once_lose_nothing() -> None:
    machines = [_machine(f"m{number}") for number in range(8)]
    threads = [threading.Thread(target=write_stanza, args=(one,)) for one in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(find_stanzas(ssh_config_file().read_text())) == [
        f"charly-m{number}" for number in range(8)
    ]


def test_a_path_that_ssh_cannot_be_told_is_an_error() -> None:
    with pytest.raises(HostError, match="cannot name the path"):
        write_stanza(dataclasses.replace(_machine("one"), key='/a"b'))


def test_a_guest_with_an_address_of_its_own_is_found_there_once_it_is_known() -> None:
    machine = _machine("one")
    network = dataclasses.replace(machine.network, carrier=Carrier.BRIDGE, source="br0")
    machine = dataclasses.replace(machine, network=network, ssh_port=22)
    write_stanza(machine, "fe80::5054:ff:fe12:3456%br0")
    said = _as_ssh_reads_it("charly-one")
    assert said["hostname"] == "fe80::5054:ff:fe12:3456%br0"
    assert said["port"] == "22"


def test_a_machine_on_another_host_is_reached_through_the_users_own_ssh_to_that() -> None:
    there = Hypervisor("qemu+ssh://me@lab/system", "ssh://me@lab", "default", "/srv")
    write_stanza(dataclasses.replace(_machine("one"), hypervisor=there))
    said = _as_ssh_reads_it("charly-one")
    assert said["proxycommand"] == "ssh -W [%h]:%p ssh://me@lab"
    assert said["hostname"] == "127.0.0.1"
