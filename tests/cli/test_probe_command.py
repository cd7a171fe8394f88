"""`charly check libvirt | spice METHOD NAME`, with a stand-in for the machine's probes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from charly_vm.cli.root import charly
from charly_vm.model.protocols import ProbeAnswer

PICTURES = {"screen": b"\x89PNG s", "expected": b"\x89PNG e", "difference": b"\x89PNG d"}


class Machine:
    """Stands in for a machine that runs."""

    def close(self) -> None:
        pass


class Asked:
    """Stands in for the machine's probes."""

    def __init__(self) -> None:
        self.answer = ProbeAnswer("")
        self.seen: list[tuple[object, ...]] = []

    def __call__(
        self, machine: object, probe: str, method: str, written: Mapping[str, Any], **_: object
    ) -> ProbeAnswer:
        self.seen.append((probe, method, dict(written)))
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    one = Asked()
    monkeypatch.setattr("charly_vm.machine.probes.ask_probe", one)
    monkeypatch.setattr("charly_vm.machine.machine.require_machine", lambda domain: Machine())
    return one


def check(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(charly, ["check", *words], standalone_mode=False, input=typed)


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("libvirt send-key vm ctrl-c", ("libvirt", "send-key", {"keys": "ctrl-c"})),
        (
            "libvirt send-key vm [a,b] hold=9",
            ("libvirt", "send-key", {"keys": ["a", "b"], "hold": "9"}),
        ),
        ("spice click vm x=1 y=2", ("spice", "click", {"x": "1", "y": "2"})),
        ("spice mouse vm dx=-1 dy=2", ("spice", "mouse", {"dx": "-1", "dy": "2"})),
        ("spice type vm [x]", ("spice", "type", {"text": "[x]"})),
        ("spice type vm a=b", ("spice", "type", {"text": "a=b"})),
        (
            "libvirt qmp vm query-x arguments={a:1}",
            ("libvirt", "qmp", {"command": "query-x", "arguments": {"a:1": None}}),
        ),
    ],
)
def test_arguments_by_name_and_the_main_one_without(
    asked: Asked, words: str, written: tuple[object, ...]
) -> None:
    done = check(*words.split())
    assert done.exception is None
    assert asked.seen == [written]


def test_a_password_is_asked_for_and_not_shown(asked: Asked) -> None:
    done = check("libvirt", "passwd", "vm", "protocol=vnc", typed="secret\n")
    assert asked.seen == [("libvirt", "passwd", {"protocol": "vnc", "password": "secret"})]
    assert "secret" not in done.output


def test_an_empty_ticket_is_asked_for_and_none_is_not(asked: Asked) -> None:
    check("spice", "status", "vm", "password=", typed="secret\n")
    check("spice", "status", "vm")
    assert [one[2] for one in asked.seen] == [{"password": "secret"}, {}]


def test_what_it_says_is_printed(asked: Asked) -> None:
    asked.answer = ProbeAnswer("running")
    done = check("libvirt", "info", "vm")
    assert (done.stdout, done.return_value) == ("running\n", 0)


def test_what_does_not_hold_is_an_error_of_the_checks(asked: Asked) -> None:
    asked.answer = ProbeAnswer("", status=1, complaint="they differ")
    done = check("spice", "compare", "vm", "x.png")
    assert (done.stdout, done.stderr, done.return_value) == ("", "they differ\n", 2)


def test_pictures_are_written_where_they_are_wanted(asked: Asked, tmp_path: Path) -> None:
    asked.answer = ProbeAnswer("", PICTURES, status=1, complaint="they differ")
    check("spice", "compare", "vm", "x.png", "-o", str(tmp_path / "seen.png"))
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"seen.png": b"\x89PNG s", "seen-difference.png": b"\x89PNG d"}


def test_a_picture_goes_to_standard_output(asked: Asked) -> None:
    asked.answer = ProbeAnswer("a picture of 2x2", {"screen": b"\x89PNG\xff"})
    assert check("spice", "screenshot", "vm", "-o", "-").stdout_bytes == b"\x89PNG\xff"
    assert check("spice", "screenshot", "vm").stdout == "a picture of 2x2\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("spice clik vm", "spice has no method clik; did you mean click?"),
        ("spice click vm 3", "spice click takes password=…, ca_file=…, x=…, y=…, button=…, "),
        ("libvirt info vm all", "libvirt info takes no arguments, not 'all'"),
        ("libvirt info vm -o x.png", "--output: this method takes no picture"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: Asked, words: str, said: str) -> None:
    assert said in str(check(*words.split()).exception.message)  # type: ignore[union-attr]


def test_the_help_has_every_method() -> None:
    said = check("spice", "--help").output
    assert "click x=… y=…" in said
    assert "wait-for-text TEXT" in said
    assert "Types a text, on a keyboard" in said
