from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from charly_vm.errors import GuestTimeout
from charly_vm.guest.ssh import SshGuest
from charly_vm.guest.testinfra_host import (
    make_testinfra_host,
)
from charly_vm.host.process import run

pytestmark = pytest.mark.slow


def test_a_command_gets_its_arguments_quoted(guest: SshGuest) -> None:
    result = make_testinfra_host(guest).run("printf '%%s|' %s %s; exit 3", "it's", "$HOME")
    assert (result.rc, result.stdout, result.failed) == (3, "it's|$HOME|", True)


def test_text_is_utf_8_and_bytes_stay_bytes(guest: SshGuest) -> None:
    host = make_testinfra_host(guest)
    assert host.check_output("echo 'é ✓'") == "é ✓"
    odd = host.run("printf 'a\\377b'")
    assert (odd.stdout_bytes, odd.stdout) == (b"a\xffb", "a\N{REPLACEMENT CHARACTER}b")


def test_a_file_is_looked_at_in_the_guest(guest: SshGuest, tmp_path: Path) -> None:
    data = os.urandom(10_000)
    (tmp_path / "a file").write_bytes(data)
    (tmp_path / "a file").chmod(0o640)
    found = make_testinfra_host(guest).file(str(tmp_path / "a file"))
    assert found.exists
    assert found.mode == 0o640
    assert found.size == 10_000
    assert found.content == data
    assert not make_testinfra_host(guest).file(str(tmp_path / "other")).exists


def test_a_command_may_have_a_timeout(guest: SshGuest) -> None:
    with pytest.raises(GuestTimeout, match="waited 1 s for `sleep 50` to end in charly-x"):
        make_testinfra_host(guest).run("sleep 50", timeout=0.6)


def test_a_failed_check_of_output_is_an_assertion(guest: SshGuest) -> None:
    with pytest.raises(AssertionError, match="Unexpected exit code 4"):
        make_testinfra_host(guest).check_output("exit 4")


def test_two_hosts_share_nothing_that_was_found_out(guest: SshGuest) -> None:
    one, two = make_testinfra_host(guest), make_testinfra_host(guest)
    assert one.backend is not two.backend
    assert one.file is not two.file


def test_users_and_programs_are_the_guests(guest: SshGuest) -> None:
    host = make_testinfra_host(guest)
    assert host.user().uid == os.getuid()
    assert host.exists("sh")
    assert not host.exists("no-such-program")


def test_the_guest_alone_does_not_load_testinfra() -> None:
    program = "import sys, charly_vm.guest.readiness; print('testinfra' in sys.modules)"
    assert run([sys.executable, "-c", program], timeout=30).stdout == "False\n"


def test_commands_have_to_succeed_one_after_the_other(guest: SshGuest) -> None:
    host = make_testinfra_host(guest)
    assert host.succeed("echo one", "echo two") == "one\ntwo\n"
    with pytest.raises(AssertionError, match=r"'echo out; exit 4' ended with status 4\nout"):
        host.succeed("true", "echo out; exit 4", "touch /never")


def test_a_host_waits(guest: SshGuest, tmp_path: Path) -> None:
    host = make_testinfra_host(guest)
    (tmp_path / "there").touch()
    host.wait_for_file(str(tmp_path / "there"))
    assert host.wait_until("a word", lambda: host.succeed("echo word")) == "word\n"
