"""The connection to libvirt: where it is looked for, what it offers, and reasons in words."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from charly_vm.backend.libvirt_daemon import find_session_socket, start_session_daemon
from charly_vm.backend.libvirt_session import (
    find_domain_types,
    libvirt_uri,
    offers_passt,
    probe_libvirt,
    with_connection,
)
from charly_vm.errors import HostError
from charly_vm.host.facts import LibvirtFacts
from charly_vm.host.process import run

pytest.importorskip("libvirt")

CAPABILITIES = """
<capabilities>
  <guest><os_type>hvm</os_type>
    <arch name='i686'><domain type='qemu'/></arch></guest>
  <guest><os_type>hvm</os_type>
    <arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
  <guest><os_type>xen</os_type><arch name='x86_64'><domain type='xen'/></arch></guest>
</capabilities>"""

DOMAIN_CAPABILITIES = """
<domainCapabilities><devices>
  <interface supported='yes'><enum name='backendType'>
    <value>default</value><value>passt</value></enum></interface>
</devices></domainCapabilities>"""


def listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    return listener


def test_the_modular_daemons_socket_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert find_session_socket() is None
    with listen(tmp_path / "libvirt" / "libvirt-sock"):
        assert find_session_socket() == tmp_path / "libvirt" / "libvirt-sock"
        with listen(tmp_path / "libvirt" / "virtqemud-sock"):
            assert find_session_socket() == tmp_path / "libvirt" / "virtqemud-sock"
        # The file is still there, and nobody listens any more.
        assert find_session_socket() == tmp_path / "libvirt" / "libvirt-sock"


def test_without_a_runtime_directory_the_socket_is_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with listen(tmp_path / ".cache" / "libvirt" / "libvirt-sock"):
        assert find_session_socket() == tmp_path / ".cache" / "libvirt" / "libvirt-sock"


def test_the_domain_types_are_those_of_full_virtualization_on_the_architecture() -> None:
    assert find_domain_types(CAPABILITIES, "x86_64") == ("qemu", "kvm")
    assert find_domain_types(CAPABILITIES, "aarch64") == ()


def test_passt_is_on_offer_where_the_domain_capabilities_say_so() -> None:
    assert offers_passt(DOMAIN_CAPABILITIES)
    assert not offers_passt(DOMAIN_CAPABILITIES.replace("<value>passt</value>", ""))
    assert not offers_passt(DOMAIN_CAPABILITIES.replace("'yes'", "'no'"))
    assert not offers_passt("<domainCapabilities/>")


def test_the_environment_chooses_another_hypervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHARLY_LIBVIRT_URI", raising=False)
    assert libvirt_uri() == "qemu:///session"
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", "qemu+ssh://user@host/session")
    assert libvirt_uri() == "qemu+ssh://user@host/session"


def test_root_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.delenv("CHARLY_LIBVIRT_URI", raising=False)
    assert probe_libvirt() == "root has no libvirt session"


def test_a_hypervisor_that_cannot_be_reached_gives_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = f"qemu+unix:///session?socket={tmp_path}/none"
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", uri)
    reason = probe_libvirt()
    assert isinstance(reason, str)
    assert uri in reason
    assert "No such file or directory" in reason


def test_a_daemon_that_accepts_and_stays_mute_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("charly_vm.backend.libvirt_session.OPEN_SECONDS", 0.3)
    with listen(tmp_path / "mute"):
        monkeypatch.setenv("CHARLY_LIBVIRT_URI", f"qemu+unix:///session?socket={tmp_path}/mute")
        reason = probe_libvirt()
    assert isinstance(reason, str)
    assert "no answer within" in reason


def test_libvirts_own_words_are_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", "test:///default")
    with pytest.raises(HostError, match="Domain not found"):
        with_connection(lambda connection: connection.lookupByName("nobody"))


def test_a_host_without_the_python_module_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    reason = probe_libvirt()
    assert isinstance(reason, str)
    assert "the Python module libvirt cannot be used" in reason


def test_a_process_that_has_used_libvirt_ends_quietly() -> None:
    program = (
        "from charly_vm.backend.libvirt_session import with_connection\n"
        "print(with_connection(lambda connection: connection.getType()))"
    )
    done = run(
        [sys.executable, "-X", "dev", "-c", program],
        timeout=30,
        env={"CHARLY_LIBVIRT_URI": "test:///default"},
    )
    assert (done.stdout, done.stderr) == ("TEST\n", "")


def test_where_the_user_has_a_systemd_it_is_asked_to_start_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemctl is a stand-in that knows no virtqemud, as with libvirt's older single daemon."""
    said = tmp_path / "said"
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{said}\n[ "$3" = libvirtd.service ]\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    start_session_daemon()
    assert not said.exists(), "there is no systemd to ask"
    (tmp_path / "run" / "systemd").mkdir(parents=True)
    with listen(tmp_path / "run" / "libvirt" / "libvirt-sock"):
        start_session_daemon()
        assert not said.exists(), "a daemon answers already"
    start_session_daemon()
    assert said.read_text().splitlines() == [
        "--user start virtqemud.service",
        "--user start libvirtd.service",
    ]


@pytest.mark.session
@pytest.mark.live
def test_the_session_daemon_is_started_on_demand_and_replaced_when_it_has_died(
    tmp_path: Path,
) -> None:
    """In directories of its own, whose daemon is nobody else's and knows no domain."""
    program = """
import os, signal
from pathlib import Path
from charly_vm.backend.libvirt_daemon import find_session_socket
from charly_vm.backend.libvirt_session import probe_libvirt, with_connection

assert find_session_socket() is None
facts = probe_libvirt()
print(type(facts).__name__)
assert find_session_socket() is not None
pid_file = next(Path(os.environ["XDG_RUNTIME_DIR"], "libvirt").glob("*.pid"))
pid = int(pid_file.read_text())
os.kill(pid, signal.SIGKILL)
print(with_connection(lambda connection: connection.listAllDomains()))
child = os.fork()
if child == 0:
    with_connection(lambda connection: connection.listAllDomains())
    raise SystemExit
print(os.waitpid(child, 0)[1])
print(with_connection(lambda connection: connection.listAllDomains()))
os.kill(int(next(pid_file.parent.glob("*.pid")).read_text()), signal.SIGTERM)
"""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    done = run(
        [sys.executable, "-u", "-W", "ignore::DeprecationWarning", "-c", program],
        timeout=60,
        env={"XDG_RUNTIME_DIR": str(runtime), "XDG_CONFIG_HOME": str(tmp_path / "config")},
    )
    assert done.stdout.split() == ["LibvirtFacts", "[]", "0", "[]"]
    assert done.stderr == ""


@pytest.mark.session
@pytest.mark.live
def test_what_a_session_offers_is_complete() -> None:
    facts = probe_libvirt()
    assert isinstance(facts, LibvirtFacts)
    assert facts.uri == "qemu:///session"
    assert facts.version >= (8, 0, 0)
    assert "qemu" in facts.domain_types
