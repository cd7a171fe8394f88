"""`libvirt` and `spice` steps, with a stand-in for the machine's probes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from step_stand_in import Answers, carry_out, explain, guest

from charly_vm.check.guest_view import GuestView
from charly_vm.check.result import StepNotRun
from charly_vm.check.surroundings import Surroundings
from charly_vm.errors import (
    CharlyError,
    GuestError,
    GuestTimeout,
    ProbeError,
    Problem,
    SpecError,
    StateError,
)
from charly_vm.host.waiting import Deadline
from charly_vm.model.probes import WrongArguments
from charly_vm.model.protocols import ProbeAnswer


class Asked:
    """Stands in for a machine's probes: one answer for all, and what was asked."""

    def __init__(self, answer: ProbeAnswer | Exception) -> None:
        self.answer = answer
        self.later: ProbeAnswer | None = None
        """From the fourth time on."""
        self.seen: list[tuple[Any, ...]] = []

    def __call__(
        self,
        probe: str,
        method: str,
        written: Mapping[str, Any],
        *,
        directory: Path,
        deadline: Deadline,
    ) -> ProbeAnswer:
        self.seen.append((probe, method, dict(written), directory))
        if self.later is not None and len(self.seen) > 3:
            return self.later
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def asking(answer: ProbeAnswer | Exception, kept: Path | None = None) -> tuple[GuestView, Asked]:
    asked = Asked(answer)
    surroundings = Surroundings(deploy="check-x", ask=asked, artifacts=kept)
    return guest(Answers("me\n/home/me"), surroundings), asked


def picture(colour: str = "red") -> bytes:
    image = Image.new("RGB", (64, 48), colour)
    image.putpixel((0, 0), (0, 0, 0))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def test_a_method_is_asked_with_its_arguments_and_variables_in_them(tmp_path: Path) -> None:
    view, asked = asking(ProbeAnswer(""))
    step = "libvirt: {method: send-key, keys: ['${DEPLOY_NAME}', ctrl-c], hold: 20}"
    assert explain(tmp_path, step, view) == ""
    assert asked.seen == [
        ("libvirt", "send-key", {"keys": ["check-x", "ctrl-c"], "hold": 20}, tmp_path)
    ]


def test_what_it_says_is_matched_and_captured(tmp_path: Path) -> None:
    view, _ = asking(ProbeAnswer('{"state": "running"}'))
    step = "libvirt: info, stdout: {contains: %s}, capture: SEEN"
    assert explain(tmp_path, step % "running", view) == ""
    assert view.variables["SEEN"] == '{"state": "running"}'
    assert "something with 'paused'" in explain(tmp_path, step % "paused", view)


def test_a_refusal_fails_the_step_unless_it_is_expected(tmp_path: Path) -> None:
    view, _ = asking(ProbeAnswer("", status=1, complaint="it shows something else"))
    assert "it shows something else" in explain(tmp_path, "spice: status", view)
    assert explain(tmp_path, "spice: status, exit_status: 1", view) == ""
    assert "no failure" in explain(tmp_path, "spice: status, stderr: {contains: [else]}", view)


@pytest.mark.parametrize(
    "error",
    [
        GuestError("the agent is silent"),
        ProbeError("it hangs up"),
        StateError("it is off"),
        GuestTimeout("a frame", seconds=3),
    ],
)
def test_that_nobody_answers_fails_the_step_and_is_tried_again(
    tmp_path: Path, error: CharlyError
) -> None:
    view, asked = asking(error)
    assert error.message in explain(tmp_path, "libvirt: guest/ping", view)
    assert explain(tmp_path, "libvirt: guest/ping, exit_status: 1", view) == ""
    asked.later = ProbeAnswer("{}")
    again = "libvirt: guest/ping, eventually: 5s, retry_interval: 0.01s"
    assert explain(tmp_path, again, view) == ""


def test_a_variable_may_stand_in_any_argument(tmp_path: Path) -> None:
    view, asked = asking(ProbeAnswer(""))
    explain(tmp_path, "libvirt: {method: snapshot/create, name: 'at-${DEPLOY_NAME}'}", view)
    assert asked.seen[-1][2] == {"name": "at-check-x"}


def test_pictures_of_attempts_that_failed_are_not_those_of_a_step_that_passed(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    view, asked = asking(ProbeAnswer("", {"screen": picture()}, status=1, complaint="no"), kept)
    asked.later = ProbeAnswer("", {"screen": picture("blue")})
    again = "libvirt: {method: compare, image: x.png}, eventually: 5s, retry_interval: 0.01s"
    assert explain(tmp_path, again, view) == ""
    assert not kept.exists()


@pytest.mark.parametrize(
    "error",
    [
        WrongArguments("spice click: x: Field required"),
        SpecError([Problem("spice click", 0, 0, "x: Field required")]),
    ],
)
def test_a_wrong_argument_is_no_failure_of_the_guest(tmp_path: Path, error: Exception) -> None:
    view, _ = asking(error)
    with pytest.raises(StepNotRun, match="spice click: x: Field required"):
        carry_out(tmp_path, "spice: {method: click, y: 3}", view)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("artifact_not_uniform: true", ""),
        ("artifact_min_dimensions: 64x48", ""),
        ("artifact_min_dimensions: 65x48", "64x48"),
        ("artifact_min_bytes: 100000", "at least 100000"),
    ],
)
def test_a_picture_is_an_artifact(tmp_path: Path, rule: str, found: str) -> None:
    view, _ = asking(ProbeAnswer("a picture", {"screen": picture()}), tmp_path / "kept")
    said = explain(tmp_path, f"spice: screenshot, artifact: console.png, {rule}", view)
    assert (found in said) if found else said == ""
    assert (tmp_path / "kept/s0/console.png").read_bytes() == picture()


def test_what_was_seen_of_a_failure_is_kept(tmp_path: Path) -> None:
    pictures = {"screen": picture(), "expected": picture("blue"), "difference": picture("green")}
    view, _ = asking(
        ProbeAnswer("", pictures, status=1, complaint="they differ"), tmp_path / "kept"
    )
    assert "they differ" in explain(tmp_path, "spice: {method: compare, image: x.png}", view)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept/s0").iterdir()}
    assert kept == {f"{name}.png": content for name, content in pictures.items()}


def test_a_method_without_a_picture_has_no_artifact(tmp_path: Path) -> None:
    view, _ = asking(ProbeAnswer("{}"))
    with pytest.raises(StepNotRun, match="this method takes no picture"):
        carry_out(tmp_path, "libvirt: info, artifact: x.png", view)
