"""Each verb, passing and failing. The guest is a stand-in: a shell on this very host."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from charly_vm.check.verbs import listening_ports, run_step
from charly_vm.host.process import run
from charly_vm.model.project import load_project


@dataclass(frozen=True)
class Result:
    status: int
    stdout: bytes
    stderr: bytes


class HostShell:
    """Stands in for a guest's shell."""

    def run(self, command: str, *, timeout: float) -> Result:
        done = run(["sh", "-c", command], timeout=timeout, check=False)
        return Result(done.status, done.stdout.encode(), done.stderr.encode())


class Systemctl:
    """Stands in for a guest whose systemd gives this answer."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def run(self, command: str, *, timeout: float) -> Result:
        self.asked.append(command)
        return Result(0, self.answer.encode(), b"")


def explain(tmp_path: Path, step: str, shell: HostShell | Systemctl | None = None) -> str:
    """What a step, as written in YAML, has to say of this host; empty where it passes."""
    file = tmp_path / "charly.yml"
    entity = "e: {vm: {source: {kind: bootstrap}}}"
    file.write_text(f"{entity}\nd:\n  vm: e\n  s: {{check: it holds, {step}}}\n")
    [parsed] = load_project(file).deploys["d"].steps
    result = run_step(parsed, shell or HostShell())
    return "" if result.passed else result.explain()


def test_a_command_passes_with_status_0(tmp_path: Path) -> None:
    assert explain(tmp_path, "command: 'true'") == ""


def test_a_failing_step_says_where_it_stands_what_it_expects_and_what_was_found(
    tmp_path: Path,
) -> None:
    text = explain(tmp_path, "command: 'echo out; echo err >&2; exit 3', stdout: in")
    assert text.splitlines() == [
        f"{tmp_path / 'charly.yml'}:4: it holds",
        "  exit status: expected 0",
        "                  found 3",
        "  stdout: expected 'in'",
        "             found 'out'",
        "  stderr: expected (not checked)",
        "             found 'err'",
    ]


def test_output_is_compared_without_its_last_line_end(tmp_path: Path) -> None:
    assert explain(tmp_path, 'command: echo hello, stdout: hello, stderr: ""') == ""
    assert "found 'hello\\n'" in explain(tmp_path, "command: 'echo hello; echo', stdout: hello")


def test_another_exit_status_may_be_wanted(tmp_path: Path) -> None:
    assert explain(tmp_path, "command: exit 3, exit_status: 3") == ""
    assert explain(tmp_path, "command: exit 3, exit_status: {gt: 3}") != ""


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_is_listened_on_or_not(tmp_path: Path, port: int) -> None:
    assert explain(tmp_path, f"port: {port}") == ""
    text = explain(tmp_path, f"port: {{port: {port}, listening: false}}")
    assert f"port {port}: expected not listening" in text
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        silent = bound.getsockname()[1]
        assert explain(tmp_path, f"port: {silent}, listening: false") == ""
        assert "found not listening" in explain(tmp_path, f"port: {silent}")


def test_only_sockets_in_state_listen_count() -> None:
    table = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000\n"
        "   1: 0100007F:0050 0100007F:ABCD 01 00000000:00000000\n"
        "   0: 00000000000000000000000000000000:01BB 0000:0000 0A 0\n"
    )
    assert listening_ports(table) == {22, 443}


def test_a_file_is_there_or_not(tmp_path: Path) -> None:
    here, absent = tmp_path / "it's here", tmp_path / "absent"
    here.write_text("one\ntwo\n")
    here.chmod(0o640)
    name = f'"{here}"'
    assert explain(tmp_path, f"file: {name}") == ""
    assert explain(tmp_path, f"file: {absent}, exists: false") == ""
    assert explain(tmp_path, f"file: {absent}/below, exists: false") == ""
    assert "No such file" in explain(tmp_path, f"file: {absent}")
    assert "expected absent" in explain(tmp_path, f"file: {name}, exists: false")


def test_a_file_has_a_mode_an_owner_and_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("one\ntwo\n")
    path.chmod(0o640)
    owner = getpass.getuser()
    assert explain(tmp_path, f"file: {path}, mode: '0640', owner: {owner}, contains: [two]") == ""
    assert explain(tmp_path, f"file: {path}, mode: 0640") == ""
    assert "found 640" in explain(tmp_path, f"file: {path}, mode: '0600'")
    assert f"found {owner}" in explain(tmp_path, f"file: {path}, owner: nobody-{owner}")
    assert "something with 'three'" in explain(tmp_path, f"file: {path}, contains: [three]")


RUNNING = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
DEAD = "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"


def test_a_service_runs_and_is_enabled(tmp_path: Path) -> None:
    shell = Systemctl(RUNNING)
    assert explain(tmp_path, "service: ssh, enabled: true", shell) == ""
    assert shell.asked[0].endswith(" ssh.service")
    assert explain(tmp_path, "service: ssh.socket, running: false", Systemctl(DEAD)) == ""


def test_a_service_that_does_not_run_says_what_it_does(tmp_path: Path) -> None:
    assert "found inactive" in explain(tmp_path, "service: ssh", Systemctl(DEAD))
    assert "found inactive (not-found)" in explain(tmp_path, "service: sshh", Systemctl(ABSENT))
    assert "found disabled" in explain(
        tmp_path, "service: ssh, running: false, enabled: true", Systemctl(DEAD)
    )


def test_a_service_may_be_asked_for_being_enabled_alone(tmp_path: Path) -> None:
    stopped = "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
    assert explain(tmp_path, "service: ssh, enabled: true", Systemctl(stopped)) == ""
    assert "found disabled" in explain(tmp_path, "service: ssh, enabled: true", Systemctl(DEAD))


def test_a_file_has_a_group_a_type_and_a_digest(tmp_path: Path) -> None:
    path, link = tmp_path / "f", tmp_path / "l"
    path.write_text("one\n")
    link.symlink_to("nowhere")
    group = path.group()
    digest = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    assert explain(tmp_path, f"file: {path}, group_of: {group}, filetype: file") == ""
    assert explain(tmp_path, f"file: {tmp_path}, filetype: directory") == ""
    assert explain(tmp_path, f"file: {link}, filetype: symlink") == ""
    assert explain(tmp_path, f"file: {path}, sha256: {digest}") == ""
    assert "No such file" in explain(tmp_path, f"file: {link}")
    assert f"found {group}" in explain(tmp_path, f"file: {path}, group_of: not-{group}")
    assert "found directory" in explain(tmp_path, f"file: {tmp_path}, filetype: file")
    assert f"found {digest}" in explain(tmp_path, f"file: {path}, sha256: {'0' * 64}")
