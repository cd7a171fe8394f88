"""What stands beside a verb: attempts, variables, what is captured, artifacts, exclusion."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from step_stand_in import Answers, Result, carry_out, explain, guest, read_steps

from charly_vm.check.guest_view import GuestView
from charly_vm.check.result import StepNotRun
from charly_vm.check.selection import select_steps
from charly_vm.check.steps import find_gap, require_runnable, run_step
from charly_vm.check.surroundings import Endpoint, Surroundings
from charly_vm.check.verbs import RUNNERS
from charly_vm.errors import CharlyError, GuestAway, GuestError, GuestTimeout
from charly_vm.model.verbs import VERBS

PLACES = {("", 80): Endpoint("127.0.0.1", 8080), ("db", 0): Endpoint("10.0.0.2")}
PLACES["db", 5432] = Endpoint("10.0.0.2", 5432)


def surroundings(**more: object) -> Surroundings:
    return Surroundings(
        deploy="check-x",
        instance="two",
        hostdevs=3,
        charly="/opt/charly",
        locate=lambda member, port: PLACES[member, port],
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("${HOST_PORT:80}", "8080"),
        ("${HOST:db}", "10.0.0.2"),
        ("${HOST:db:5432}", "10.0.0.2:5432"),
        ("${DEPLOY_NAME}-${INSTANCE}", "check-x-two"),
        ("${VM_HOSTDEV_COUNT}", "3"),
        ("${CHARLY_BIN}", "/opt/charly"),
        ("${USER} in ${HOME}", "me in /home/me"),
        ("${CAPTURED}", "before"),
        ("${OTHER} $USER ${USER:-x} ${#USER}", "${OTHER} $USER ${USER:-x} ${#USER}"),
    ],
)
def test_variables_are_those_of_the_language_and_no_others(
    tmp_path: Path, written: str, becomes: str
) -> None:
    view = guest(Answers("me\n/home/me"), surroundings())
    view.variables["CAPTURED"] = "before"
    step = f"matching: '{written}', contains: [{{equals: '{becomes}'}}]"
    assert explain(tmp_path, step, view) == ""


def test_variables_stand_in_expectations_too(tmp_path: Path) -> None:
    view = guest(surroundings=surroundings())
    assert explain(tmp_path, "command: echo check-x, stdout: '${DEPLOY_NAME}'", view) == ""


def test_a_port_that_nobody_forwards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="nobody knows where the guest is"):
        carry_out(tmp_path, "matching: '${HOST_PORT:81}'")


def test_what_a_step_captures_later_steps_use(tmp_path: Path) -> None:
    steps = read_steps(
        tmp_path,
        "check: x, command: 'echo version 1.2.3', capture: V, capture_extract: '[0-9.]+'",
        "check: x, command: 'echo a=b', capture: B, capture_extract: 'a=(.*)'",
        "check: x, matching: '${V} ${B}', contains: 1.2.3 b",
        "check: x, command: 'echo none', capture: N, capture_extract: '[0-9]'",
    )
    view = guest()
    results = [run_step(step, view) for step in steps]
    assert [result.passed for result in results] == [True, True, True, False]
    assert "capture N: expected a match of '[0-9]'" in results[3].explain()
    assert view.variables == {"V": "1.2.3", "B": "b"}


def test_a_variable_that_nothing_has_captured_is_no_text_of_the_shells(tmp_path: Path) -> None:
    view = guest(surroundings=surroundings(captures=frozenset({"REL"})))
    for written in ("file: '/srv/${REL}', exists: false", "command: 'echo ${REL}'"):
        with pytest.raises(StepNotRun, match="REL has no value"):
            carry_out(tmp_path, written, view)
    view.variables["REL"] = "none"
    assert explain(tmp_path, "file: '/srv/${REL}', exists: false", view) == ""


def test_a_guest_with_an_address_of_its_own_has_no_port_here(tmp_path: Path) -> None:
    places = Surroundings(locate=lambda _, port: Endpoint("10.0.0.2", port))
    with pytest.raises(GuestError, match="no port of this host leads to the guest's port 80"):
        carry_out(tmp_path, "matching: '${HOST_PORT:80}'", guest(surroundings=places))


def test_variables_stand_in_the_environment_and_in_artifacts(tmp_path: Path) -> None:
    (tmp_path / "check-x").write_text("x")
    view = guest(surroundings=surroundings())
    written = "command: 'echo $U', env: {U: 'p${HOST_PORT:80}'}, stdout: p8080"
    artifact = f"artifact: '{tmp_path}/${{DEPLOY_NAME}}', artifact_min_bytes: 1"
    assert explain(tmp_path, f"{written}, {artifact}", view) == ""


def test_a_step_that_fails_captures_nothing(tmp_path: Path) -> None:
    view = guest()
    assert explain(tmp_path, "command: 'echo x; false', capture: X", view) != ""
    assert view.variables == {}


HANGS = GuestTimeout("the command", seconds=1, seen="nothing")


class Counting:
    """A guest in which something becomes true at the third look; before, it may raise."""

    def __init__(self, error: CharlyError | None = None) -> None:
        self.looks = 0
        self.error = error

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        self.looks += 1
        if self.looks < 3 and self.error:
            raise self.error
        return Result(0 if self.looks >= 3 else 1, b"")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The language's shortest interval is a second."""
    monkeypatch.setattr("charly_vm.check.steps.RETRY_INTERVAL", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("error", [None, HANGS, GuestAway("it reboots")])
def test_a_step_is_tried_until_it_passes(tmp_path: Path, error: CharlyError | None) -> None:
    shell = Counting(error)
    result = carry_out(tmp_path, "command: look, eventually: 30s", shell)
    assert result.passed
    assert (result.attempts, shell.looks) == (3, 3)


def test_a_step_that_never_passes_says_how_often_it_was_tried(tmp_path: Path) -> None:
    text = explain(tmp_path, "command: 'false', eventually: 1s, retry_interval: 1s")
    assert "still so after 2 attempts in 1 s" in text


def test_a_step_is_tried_once_where_nothing_else_is_said(tmp_path: Path) -> None:
    shell = Counting()
    assert not carry_out(tmp_path, "command: look", shell).passed
    assert shell.looks == 1
    with pytest.raises(GuestTimeout):
        carry_out(tmp_path, "command: look", Counting(HANGS))


def test_a_distribution_may_be_left_out(tmp_path: Path) -> None:
    shell = Answers({"os-release": "ID=arch\n", "": ""})
    result = carry_out(tmp_path, "command: 'true', exclude_distro: [debian, arch]", shell)
    assert not result.passed
    assert result.skipped == "exclude_distro: the guest is arch"
    assert carry_out(tmp_path, "command: 'true', exclude_distro: [debian]", shell).passed


def picture(size: tuple[int, int], *, uniform: bool) -> bytes:
    image = Image.new("RGB", size, "#102030")
    if not uniform:
        image.putpixel((0, 0), (255, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "rule", "found"),
    [
        (b"12345", "artifact_min_bytes: 5", ""),
        (b"1234", "artifact_min_bytes: 5", "at least 5"),
        (picture((64, 48), uniform=False), "artifact_min_dimensions: 64x48", ""),
        (picture((64, 47), uniform=False), "artifact_min_dimensions: 64x48", "found 64x47"),
        (picture((8, 8), uniform=False), "artifact_not_uniform: true", ""),
        (
            picture((8, 8), uniform=True),
            "artifact_not_uniform: true",
            "nothing but (16, 32, 48, 255)",
        ),
        (b"no picture", "artifact_not_uniform: true", "expected a picture"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_an_artifact_obeys_its_rules_and_is_kept(
    tmp_path: Path, content: bytes, rule: str, found: str
) -> None:
    (tmp_path / "shot.png").write_bytes(content)

    class Reading(Answers):
        def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
            return Result(0, content if "shot.png" in command else b"")

    view = guest(Reading(""), surroundings(artifacts=tmp_path / "kept"))
    text = explain(tmp_path, f"command: draw, artifact: /tmp/shot.png, {rule}", view)
    assert found in text
    assert bool(text) == bool(found)
    assert (tmp_path / "kept" / "s0" / "shot.png").read_bytes() == content


def test_an_artifact_that_is_not_there_fails_the_step(tmp_path: Path) -> None:
    assert "No such file" in explain(tmp_path, f"command: 'true', artifact: {tmp_path}/none")
    with pytest.raises(StepNotRun, match="artifact is a file of the guest"):
        carry_out(tmp_path, "command: 'true', from_host: true, artifact: /x")


@pytest.mark.parametrize(
    ("written", "gap"),
    [
        ("check: x, libvirt: screnshot", "libvirt has no method screnshot; did you mean screensho"),
        ("check: x, spice: passwd", "spice has no method passwd; it has click, compare, cursor, "),
        ("include: candy", "this version does not carry out the steps of a candy (include)"),
        ("check: x, port: 22, capture: X", "capture: this verb finds nothing"),
        ("check: x, port: 22, mode: '0644'", "mode belongs to a file, a directory or what is"),
        ("check: x, port: 22, retry_interval: 2s", "retry_interval says something about event"),
        ("check: x, port: 22, artifact_min_bytes: 2", "artifact_min_bytes says something about"),
    ],
)
def test_what_is_not_carried_out_is_neither_passed_nor_failed(
    tmp_path: Path, written: str, gap: str
) -> None:
    [step] = read_steps(tmp_path, written)
    assert find_gap(step).startswith(gap)
    with pytest.raises(StepNotRun):
        run_step(step, GuestView(Answers({})))


def test_a_foreign_step_is_never_carried_out(tmp_path: Path) -> None:
    [step] = read_steps(tmp_path, "check: x, kube: nodes")
    assert step.skipped
    with pytest.raises(StepNotRun):
        require_runnable(step)


def test_a_choice_brings_along_what_it_needs(tmp_path: Path) -> None:
    steps = read_steps(
        tmp_path,
        "run: x, mkdir: /tmp/x",
        "check: x, command: echo y, capture: Y, id: capturing",
        "check: x, user: root, id: dependency",
        "check: x, service: ssh, id: unneeded",
        "check: x, file: '/tmp/x/${Y}', depends_on: [dependency], id: wanted",
        "run: x, mkdir: /tmp/later",
        "check: x, port: 22",
    )
    chosen = [step.id for step in select_steps(steps, ["file"])]
    assert chosen == ["s0", "capturing", "dependency", "wanted"]
    assert select_steps(steps, []) == steps
    assert select_steps(steps, ["dns"]) == []


def test_every_verb_is_carried_out() -> None:
    assert set(RUNNERS) == set(VERBS.values())
