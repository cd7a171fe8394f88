"""Probes asked by the name of a method, with stand-ins for the probes themselves."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.waiting import Deadline
from charly_vm.machine import probes
from charly_vm.machine.probes import ask_probe
from charly_vm.model.probes import WrongArguments
from charly_vm.model.protocols import ProbeAnswer
from charly_vm.probe.libvirt import Ran


def picture(*, red: int = 0) -> bytes:
    image = Image.new("RGB", (20, 10), "black")
    for x in range(red):
        image.putpixel((x, 0), (255, 0, 0))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


@dataclass(frozen=True)
class Found:
    """What a method may return: a path, bytes and a tuple inside of it."""

    state: str
    path: Path
    said: bytes
    names: tuple[str, ...]


class Guest:
    def os_info(self) -> dict[str, str]:
        return {"id": "debian"}

    def exec(self, command: str, timeout: float = 60.0) -> Ran:
        return Ran(3 if command == "false" else 0, f"{command} within {timeout:.0f}", "oh", False)


class StandIn:
    """Stands in for both probes."""

    guest = Guest()

    def __init__(self) -> None:
        self.screen = picture()
        self.done: list[object] = []

    def info(self) -> Found:
        return Found("running", Path("/x"), b"\xff!", ("a", "b"))

    def screenshot(self, screen: int = 0) -> bytes:
        return self.screen

    def domain_xml(self) -> str:
        return "<domain/>"

    def click(self, x: int, y: int, button: str = "left", double: bool = False) -> None:
        self.done.append((x, y, button, double))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    one = StandIn()
    monkeypatch.setattr(probes, "libvirt_probe_of", lambda machine, *, held: one)

    def spice(machine: object, **opened: object) -> StandIn:
        one.done.append(opened)
        return one

    monkeypatch.setattr(probes, "spice_probe_of", spice)
    return one


def ask(probe: str, method: str, directory: Path = Path(), **written: Any) -> ProbeAnswer:
    deadline = Deadline(20)
    machine: Any = None
    return ask_probe(machine, probe, method, written, directory=directory, deadline=deadline)


@pytest.mark.usefixtures("stand_in")
def test_what_is_more_than_a_text_is_json() -> None:
    assert json.loads(ask("libvirt", "info").output) == {
        "state": "running",
        "path": "/x",
        "said": "\\xff!",
        "names": ["a", "b"],
    }
    assert ask("libvirt", "domain-xml").output == "<domain/>"


@pytest.mark.usefixtures("stand_in")
def test_a_method_of_the_guest_agents_is_asked_with_what_was_written_alone() -> None:
    assert json.loads(ask("libvirt", "guest/os-info").output) == {"id": "debian"}
    assert ask("libvirt", "guest/exec", command="id", timeout="5s").output == "id within 5"
    assert ask("libvirt", "guest/exec", command="id").output == "id within 20"


@pytest.mark.usefixtures("stand_in")
def test_a_commands_status_and_words_are_those_of_the_answer() -> None:
    answer = ask("libvirt", "guest/exec", command="false")
    assert (answer.status, answer.output, answer.complaint) == (3, "false within 20", "oh")


def test_nothing_is_said_of_what_is_done(stand_in: StandIn) -> None:
    assert ask("spice", "click", x=3, y=4, button="right") == ProbeAnswer("")
    assert stand_in.done[-1] == (3, 4, "right", False)


def test_the_ticket_opens_the_server_and_is_no_argument_of_the_method(
    stand_in: StandIn, tmp_path: Path
) -> None:
    ask("spice", "click", tmp_path, x=3, y=4, password="secret", ca_file="ca.pem")
    opened, clicked = stand_in.done
    assert isinstance(opened, dict)
    assert (opened["password"], opened["ca_file"]) == ("secret", tmp_path / "ca.pem")
    assert clicked == (3, 4, "left", False)


def test_a_picture_is_there_and_described(stand_in: StandIn) -> None:
    answer = ask("libvirt", "screenshot")
    assert answer.pictures == {"screen": stand_in.screen}
    assert answer.output == f"a picture of 20x10, {len(stand_in.screen)} bytes"


def test_a_screen_that_is_like_its_picture(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "wall.png").write_bytes(picture(red=2))
    answer = ask("spice", "compare", tmp_path, image="wall.png", tolerance=0.01)
    assert answer.output == "2 of 200 pixels differ"
    assert not answer.status


def test_a_screen_that_differs_is_shown_with_where(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "wall.png").write_bytes(picture(red=3))
    answer = ask("libvirt", "compare", tmp_path, image="wall.png", tolerance=0.01)
    assert answer.complaint == ("3 of 200 pixels differ from wall.png (1.50%; at most 1.00% may)")
    assert list(answer.pictures) == ["screen", "expected", "difference"]


def test_a_picture_that_is_not_there_is_named(stand_in: StandIn, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot read .*/none\.png: No such file"):
        ask("libvirt", "compare", tmp_path, image="none.png")


def test_a_text_that_does_not_come_is_a_failure_with_the_screen(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(text: str, screenshot: Any, deadline: Deadline) -> str:
        screenshot()
        if text == "login:":
            return "debian login:"
        raise GuestTimeout("it", seconds=deadline.seconds, seen="GRUB")

    monkeypatch.setattr("charly_vm.probe.screen.text.wait_for_text", wait)
    assert ask("spice", "wait-for-text", text="login:").output == "debian login:"
    answer = ask("libvirt", "wait-for-text", text="ready", timeout=3)
    assert answer.complaint == "waited 3 s for it; last seen: GRUB"
    assert answer.pictures == {"screen": stand_in.screen}


@pytest.mark.usefixtures("stand_in")
def test_what_there_is_not_cannot_be_asked() -> None:
    with pytest.raises(WrongArguments, match="did you mean info"):
        ask("libvirt", "inf")
