"""The probe's part `guest`, by the recorded answers of a real agent and by odd ones."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest
from agent_stand_in import RECORDED, BackendStandIn, answer_as_recorded, probe_with

from charly_vm.errors import GuestError, GuestTimeout, SpecError
from charly_vm.probe.libvirt import guest_files
from charly_vm.probe.libvirt.guest import GuestAgent
from charly_vm.probe.libvirt.guest_facts import Address, AgentCommand, Interface, Trimmed, Vcpu


def agent(play: Any = answer_as_recorded) -> GuestAgent:
    return probe_with(BackendStandIn(play)).guest


def answering(**answers: Any) -> GuestAgent:
    """As recorded, with other answers to some commands."""
    changed = {name.replace("_", "-"): answer for name, answer in answers.items()}
    return agent(lambda command, arguments: {**RECORDED, **changed}[command])


def test_what_a_real_agent_says_is_read() -> None:
    guest = agent()
    assert guest.ping().seconds >= 0
    assert guest.info().version == "7.2.22"
    assert AgentCommand("guest-get-devices", enabled=False) in guest.info().commands
    assert guest.os_info().id == "debian"
    assert guest.os_info().variant == ""
    assert guest.time().utc == "2026-11-30T12:41:27Z"
    assert guest.hostname() == "vm"
    [user] = guest.users()
    assert (user.user, user.login_time) == ("charly", 1515975891.567572)
    lo = next(one for one in guest.interfaces() if one.name == "lo")
    assert lo == Interface(
        "lo",
        "00:00:00:00:00:00",
        (Address("ipv4", "127.0.0.1", 8), Address("ipv6", "::1", 128)),
    )
    assert [one.addresses for one in guest.interfaces() if one.name == "ifb0"] == [()]
    [disk] = guest.disks()
    assert (disk.name, disk.partition, disk.dependencies) == ("/dev/vda", False, ())
    [root] = guest.fsinfo()
    assert (root.mountpoint, root.type, root.devices) == ("/", "ext4", ("/dev/vda",))
    assert root.used is not None
    assert root.total is not None
    assert 0 < root.used < root.total
    assert guest.vcpus() == (Vcpu(1, True, True), Vcpu(0, True, False))
    assert guest.fstrim() == (
        Trimmed("/", 4096, ""),
        Trimmed("/boot", None, "trim not supported"),
    )
    ran = guest.exec("echo one; echo two >&2; exit 3")
    assert (ran.status, ran.stdout, ran.stderr, ran.truncated) == (3, "one\n", "two\n", False)
    assert guest.fsfreeze().status == "thawed"


def test_all_that_is_returned_can_be_shown_as_json() -> None:
    guest = agent()
    answers: list[Any] = [guest.info(), guest.os_info(), guest.time(), *guest.interfaces()]
    for answer in answers:
        assert json.loads(json.dumps(dataclasses.asdict(answer)))


@pytest.mark.parametrize(
    ("answers", "ask", "words"),
    [
        ({"guest_get_vcpus": None}, "vcpus", "it is no list"),
        ({"guest_get_vcpus": [{"online": True}]}, "vcpus", r"it\[0\] has no 'logical-id'"),
        (
            {"guest_get_vcpus": [{"logical-id": -1, "online": True}]},
            "vcpus",
            "logical-id is not between 0",
        ),
        (
            {"guest_get_vcpus": [{"logical-id": True, "online": True}]},
            "vcpus",
            "logical-id is no whole number",
        ),
        ({"guest_get_vcpus": [{}] * 10_001}, "vcpus", "has 10001 members"),
        ({"guest_get_time": 10**40}, "time", "not between 0 and"),
        ({"guest_get_time": "now"}, "time", "no whole number"),
        ({"guest_get_host_name": {"host-name": "x" * 70_000}}, "hostname", "70000 characters"),
        ({"guest_get_host_name": ["vm"]}, "hostname", "is no object"),
        ({"guest_get_users": [{"user": "u", "login-time": float("nan")}]}, "users", "login-time"),
        ({"guest_fsfreeze_status": "molten"}, "fsfreeze", "'molten'"),
    ],
)
def test_an_odd_answer_is_one_error_that_names_the_place(
    answers: dict[str, Any], ask: str, words: str
) -> None:
    with pytest.raises(GuestError, match=f"answer to guest-.* is odd: .*{words}") as caught:
        getattr(answering(**answers), ask)()
    assert len(str(caught.value)) < 500


def test_half_a_character_does_not_get_out() -> None:
    name = answering(guest_get_host_name={"host-name": "a\ud800b"}).hostname()
    assert name.encode() == b"a?b"


def test_a_command_of_several_words_is_run_as_it_is_with_its_input() -> None:
    asked: dict[str, object] = {}

    def play(command: str, arguments: Mapping[str, object]) -> Any:
        if command == "guest-exec":
            asked.update(arguments)
        return RECORDED[command]

    agent(play).exec(["/bin/cat", "-n"], stdin="héllo")
    assert asked == {
        "path": "/bin/cat",
        "arg": ["-n"],
        "capture-output": True,
        "input-data": base64.b64encode("héllo".encode()).decode(),
    }


def test_a_command_that_a_signal_has_ended_has_the_shells_status() -> None:
    ran = answering(guest_exec_status={"exited": True, "signal": 9}).exec("kill -9 $$")
    assert ran.status == 137


def test_a_command_that_overruns_is_a_timeout() -> None:
    with pytest.raises(GuestTimeout, match="the command /bin/sh in charly-guest"):
        answering(guest_exec_status={"exited": False}).exec("sleep 60", timeout=0.05)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"exited": 1},
        {"exited": True},
        {"exited": True, "exitcode": "0"},
        {"exited": True, "exitcode": 0, "out-data": "***"},
        {"exited": True, "exitcode": 0, "out-data": "A" * (23 * 1024**2)},
        [],
        None,
    ],
)
def test_an_odd_end_of_a_command_is_an_error(status: object) -> None:
    with pytest.raises(GuestError, match="odd"):
        answering(guest_exec_status=status).exec("true")


@pytest.mark.parametrize("command", ["x" * 10, [], [""]])
def test_a_command_has_a_program_and_no_more_input_than_can_be_passed_on(command: Any) -> None:
    with pytest.raises(SpecError, match=r"there is no command|stdin is"):
        agent().exec(command, stdin="x" * 100_000 if command else "")


class FileStandIn:
    """A guest with one file; the agent reads and writes `most` bytes at a time."""

    def __init__(self, content: bytes = b"", most: int = 1 << 30) -> None:
        self.content = bytearray(content)
        self.most = most
        self.at = 0
        self.open = False
        self.pieces: list[int] = []

    def __call__(self, command: str, arguments: Mapping[str, object]) -> Any:
        match command.removeprefix("guest-file-"):
            case "open":
                assert arguments["path"] == "/file"
                self.open = True
                if arguments["mode"] == "w":
                    self.content.clear()
                return 1000
            case "read":
                count = min(int(str(arguments["count"])), self.most)
                piece = bytes(self.content[self.at : self.at + count])
                self.pieces.append(count)
                self.at += len(piece)
                eof = self.at == len(self.content)
                data = base64.b64encode(piece).decode()
                return {"count": len(piece), "buf-b64": data, "eof": eof}
            case "write":
                piece = base64.b64decode(str(arguments["buf-b64"]))[: self.most]
                self.content += piece
                self.pieces.append(len(piece))
                return {"count": len(piece), "eof": False}
            case "close":
                self.open = False
        return {}


@pytest.mark.parametrize("most", [1 << 30, 100_000])
def test_a_file_is_written_and_read_in_pieces(most: int) -> None:
    text = "Grüße\n" * 100_000
    file = FileStandIn(b"before", most)
    guest = agent(file)
    assert guest.write("/file", text).size == len(text.encode())
    assert guest.read("/file") == text
    assert not file.open
    assert max(file.pieces) <= guest_files.READ_PIECE


def test_a_file_may_be_appended_to_and_hold_any_bytes() -> None:
    file = FileStandIn(b"\xff\0")
    guest = agent(file)
    guest.write("/file", base64.b64encode(b"\xfe").decode(), encoding="base64", append=True)
    assert base64.b64decode(guest.read("/file", encoding="base64")) == b"\xff\0\xfe"
    file.at = 0
    with pytest.raises(GuestError, match="is no text") as caught:
        guest.read("/file")
    assert "base64" in caught.value.hint


def test_a_file_that_is_too_large_is_read_no_further_than_that() -> None:
    file = FileStandIn(b"x" * 3000)
    with pytest.raises(GuestError, match="larger than 1000 bytes"):
        agent(file).read("/file", limit=1000)
    assert sum(file.pieces) == 1001
    assert not file.open


@pytest.mark.parametrize(
    "piece",
    [
        {"count": 0, "buf-b64": "", "eof": False},
        {"count": -1, "buf-b64": "", "eof": True},
        {"count": 10**12, "buf-b64": "", "eof": True},
        {"count": 2, "buf-b64": "YQ==", "eof": True},
        {"count": 1, "buf-b64": "YQ=="},
        {"count": 1, "eof": True},
    ],
)
def test_an_odd_piece_of_a_file_is_an_error_and_the_file_is_closed(piece: object) -> None:
    backend = BackendStandIn(
        lambda command, arguments: {"guest-file-open": 1, "guest-file-read": piece}.get(command)
    )
    with pytest.raises(GuestError, match="odd"):
        probe_with(backend).guest.read("/file")
    assert backend.asked[-1] == "guest-file-close"


def test_a_file_that_comes_for_ever_in_small_pieces_ends_in_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guest_files, "FILE_SECONDS", 0.05)
    piece = {"count": 1, "buf-b64": "YQ==", "eof": False}
    with pytest.raises(GuestTimeout, match="all of /dev/zero"):
        answering(guest_file_read=piece).read("/dev/zero")


def test_what_cannot_be_meant_is_told_before_the_guest_is_asked() -> None:
    backend = BackendStandIn(answer_as_recorded)
    guest = probe_with(backend).guest
    attempts: list[Any] = [
        lambda: guest.read("/file", encoding="latin1"),  # type: ignore[arg-type]
        lambda: guest.read("/file", limit=-1),
        lambda: guest.write("/file", "***", encoding="base64"),
        lambda: guest.fsfreeze("melt"),  # type: ignore[arg-type]
    ]
    for attempt in attempts:
        with pytest.raises(SpecError, match="guest/"):
            attempt()
    assert backend.asked == []
